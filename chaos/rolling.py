"""Restarts the workers of a fleet in the background one after the other, again and again, under load.

Nothing may be lost, no attempt may be charged, no session may see a crash or a lapse, and all workers but one must
take sessions at every moment.
"""

import argparse
import random
import time
from collections.abc import Iterator
from pathlib import Path

import background
from site_process import SiteProcess

WORKERS = 3
PAUSE = 0.25
"""Seconds between two starts of sessions."""
LONG = 20.0
"""Seconds that a long session takes; a shorter run starts none."""


def run(folder: Path, options: argparse.Namespace) -> list[str]:
    """Return what is wrong."""
    rng = random.Random(options.seed)
    weights = [12, 6, 1 if options.seconds > LONG else 0]
    kinds = rng.choices(["steady", "threaded", "long"], weights, k=int(options.seconds / PAUSE))
    with background.BackgroundFleet(folder, options.owners, "--workers", str(WORKERS)) as fleet:
        fleet.crowd.start(kinds, PAUSE, options.seed)
        faults = [*restarts(fleet.site, options.seconds, options.every)]
        fleet.wait_for_ends()
        faults += fleet.stop()
    counts = fleet.watched.counts
    if min(counts, default=0) < WORKERS - 1:
        faults.append(f"Too few workers took sessions: {counts}")
    print(f"{len(fleet.watched.seen)} workers, counts {counts}")
    return faults


def restarts(site: SiteProcess, seconds: float, every: float) -> Iterator[str]:
    """Restart all workers every so many seconds, or when the restart before has ended; yield what went wrong."""
    began = time.monotonic()
    while (asked := time.monotonic()) < began + seconds:
        restart = site.command("workers", "restart")
        replaced = restart.stdout.count("is replaced by")
        print(f"{asked - began:6.1f} to {time.monotonic() - began:5.1f} s  {replaced} replaced", flush=True)
        if restart.returncode or replaced != WORKERS:
            yield f"workers restart ended with {restart.returncode}: {restart.stdout}"
        time.sleep(max(0.0, asked + every - time.monotonic()))


if __name__ == "__main__":
    parser = background.parser(__doc__)
    parser.add_argument("--seconds", type=float, default=120, help="of restarts under load")
    parser.add_argument("--every", type=float, default=5, help="seconds from one restart to the next")
    background.main(run, parser.parse_args())
