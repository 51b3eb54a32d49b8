"""Kills workers and `serve` at random under load, then runs the checker; `--seed` repeats the choices."""

import argparse
import random
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

import checker
from crowd import Crowd
from site_harms import DISK, HARMS, Site
from site_process import SiteProcess
from small_disk import SmallDisk

END_WITHIN = 90.0
"""Seconds within which all sessions must end after the last harm."""


def run(folder: Path, options: argparse.Namespace) -> tuple[checker.Ledger, list[str], list[str]]:
    """Run; returns the ledger, the applied harms and the violations.

    With harms that are named, nothing but them kills a worker, and some sessions last through several.
    """
    rng = random.Random(options.seed)
    disk = SmallDisk(folder / "data", DISK)
    site = Site(SiteProcess(folder, free_port()), disk, disk.mount())
    ledger = checker.Ledger(killed=site.killed)
    weights = [12, 6, 2, 0, 2] if options.harm else [12, 6, 2, 1, 0]
    kinds = rng.choices(["steady", "threaded", "fails", "poison", "long"], weights, k=40 * options.size)
    crowd = Crowd(site.process, ledger, options.owners)
    try:
        site.process.prepare(checker.NOTE_WORKERS_IN_SQLITE)
        site.process.start()
        crowd.start(kinds, options.seconds / len(kinds) * 0.8, options.seed)
        done = harm(site, rng, options.harm, options.seconds)
        crowd.wait_for_ends(END_WITHIN)
        site.process.stop()
        site.process.look()
        ledger.strays = site.process.end()
        ledger.effects = [line.split() for line in (folder / "effects").read_text().splitlines()]
        faults = checker.check(ledger, folder / "data")
    finally:
        crowd.leave()
        site.process.end()
        if site.has_disk:
            disk.unmount()
    return ledger, done, faults


def harm(site: Site, rng: random.Random, names: Sequence[str], seconds: float) -> list[str]:
    """Apply one harm after the other until the time is over."""
    chosen = [h for h in HARMS if (h.name in names if names else h.weight)]
    if any(h.needs_disk and not site.has_disk for h in chosen):
        raise SystemExit("A small disk has to be mounted for this, which takes root.")
    weights = [h.weight or 1 for h in chosen]
    began = time.monotonic()
    done: list[str] = []
    while time.monotonic() < began + seconds:
        time.sleep(rng.uniform(2.0, 5.0) if names else rng.uniform(0.3, 1.5))
        (way,) = rng.choices(chosen, weights)
        begun = time.monotonic() - began
        way.do(site, rng)
        done.append(way.name)
        print(f"{begun:6.1f} to {time.monotonic() - began:5.1f} s  {way.name}", flush=True)
    return done


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=10, help="40 sessions each")
    parser.add_argument("--seconds", type=float, default=60, help="of harm under load")
    parser.add_argument("--harm", action="append", default=[], choices=[h.name for h in HARMS], help="only these")
    parser.add_argument("--owners", type=int, default=1, help="who start the sessions")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # run the clean-up
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        ledger, harms, faults = run(Path(folder), options)
        if faults:
            print((Path(folder) / "log.txt").read_text(), file=sys.stderr)
    ends = [s.status for s in {s.session: s for s in ledger.snapshots}.values()]
    print(f"{len(ledger.acknowledged)} acknowledged, {len(ledger.snapshots)} snapshots, {len(harms)} harms")
    print(f"ends: { {e: ends.count(e) for e in sorted(set(ends))} }, load {psutil.getloadavg()[0]:.1f}")
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
