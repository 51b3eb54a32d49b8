"""Workers that leak are replaced before they are too large; workers are added for a backlog and leave after it.

Nothing may be lost or cut: no attempt may be charged, and no session may see a crash or a lapse.
"""

import argparse
import math
import random
from pathlib import Path

import background

TOO_LARGE = 1.2
"""A worker may have this many times its limit of memory."""
LEAKING = 4
"""Attempts at once in a worker that leaks."""
PLACES = 5
"""Attempts at once in each worker of a fleet that scales."""
SHRINKS_WITHIN = 30.0
"""Seconds for each worker that leaves, and for the long sessions."""
MIB = 1 << 20


def leak(folder: Path, options: argparse.Namespace) -> list[str]:
    """Let one worker leak until it has been replaced several times; return what is wrong."""
    limit = ["--workers", "1", "--concurrency", str(LEAKING), "--memory", str(options.memory)]
    with background.BackgroundFleet(folder, options.owners, *limit) as fleet:
        fleet.crowd.start(["leaks"] * options.leaks, 0.0, options.seed)
        fleet.wait_for_ends()
        faults = [*fleet.stop()]
    peak = max((size for look in fleet.watched.looks for size in look.memory.values()), default=0) / MIB
    print(f"{len(fleet.watched.seen)} workers, the largest had {peak:.0f} MiB of {options.memory}")
    if peak > TOO_LARGE * options.memory:
        faults.append(f"A worker had {peak:.0f} MiB before it was replaced, and its limit is {options.memory}.")
    if len(fleet.watched.seen) < 2:
        faults.append(f"No worker was replaced: the largest had {peak:.0f} MiB.")
    return faults


def scale(folder: Path, options: argparse.Namespace) -> list[str]:
    """Put a backlog before a fleet of one; return what is wrong."""
    kinds = ["long"] * options.lasting + ["steady"] * (options.backlog * PLACES * options.most)
    random.Random(options.seed).shuffle(kinds)
    faults: list[str] = []
    scaled = ["--autoscale", f"1,{options.most}", "--concurrency", str(PLACES)]
    with background.BackgroundFleet(folder, options.owners, *scaled) as fleet:
        fleet.crowd.start(kinds, 0.0, options.seed)
        grown = fleet.watched.wait_for(options.most, options.within)
        if grown > options.within:
            faults.append(f"There were not {options.most} workers within {options.within:g} s of the backlog.")
        fleet.wait_for_ends()
        shrunk = fleet.watched.wait_for(1, SHRINKS_WITHIN * options.most)
        if shrunk == math.inf:
            faults.append(f"There was not one worker again: {fleet.watched.counts}")
        faults += fleet.stop()
    print(f"seconds until {options.most} workers: {grown:.1f}, from the last end until one: {shrunk:.1f}")
    if max(fleet.watched.counts) > options.most:
        faults.append(f"There were more than {options.most} workers: {fleet.watched.counts}")
    return faults


def run(folder: Path, options: argparse.Namespace) -> list[str]:
    """Do what the options name."""
    return leak(folder, options) if options.what == "leak" else scale(folder, options)


if __name__ == "__main__":
    parser = background.parser(__doc__)
    parser.add_argument("what", choices=["leak", "scale"])
    parser.add_argument("--memory", type=int, default=256, help="MiB that a worker may have")
    parser.add_argument("--leaks", type=int, default=300, help="sessions that leak 2 MiB each")
    parser.add_argument("--most", type=int, default=4, help="workers of the largest fleet")
    parser.add_argument("--backlog", type=int, default=8, help="sessions for each place of the largest fleet")
    parser.add_argument("--lasting", type=int, default=3, help="sessions that still run while workers leave")
    parser.add_argument("--within", type=float, default=5, help="seconds from the backlog to the largest fleet")
    background.main(run, parser.parse_args())
