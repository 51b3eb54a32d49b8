"""Restarts the workers of a fleet in the background one after the other, again and again, under load.

Nothing may be lost, no attempt may be charged, no session may see a crash or a lapse, and there may never be fewer
than one worker less than the fleet has that takes sessions.
"""

import argparse
import random
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

import checker
from crowd import Crowd
from run import END_WITHIN, free_port
from site_process import SiteProcess

WORKERS = 3
PAUSE = 0.25
"""Seconds between two starts of sessions."""
LONG = 20.0
"""Seconds that a long session takes; a shorter run starts none."""
LOOK_EVERY = 0.05
"""Seconds between two counts of workers."""
TAKING = "SELECT pid FROM workers WHERE kind <> 'supervisor' AND state = 'running'"
SPENT = "SELECT id, analysis, crashes, lapses FROM analysis_sessions WHERE crashes + lapses > 0"


@dataclass
class Capacity:
    """Counts the living workers that take sessions, in a thread of its own."""

    store: Path
    counts: list[int] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    """Every worker process that has been counted."""
    _over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._count, daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _count(self) -> None:
        with closing(sqlite3.connect(self.store, timeout=20)) as connection:
            while not self._over.wait(LOOK_EVERY):
                taking = {pid for (pid,) in connection.execute(TAKING).fetchall() if _lives(pid)}
                self.counts.append(len(taking))
                self.seen |= taking


def _lives(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def run(folder: Path, options: argparse.Namespace) -> tuple[checker.Ledger, Capacity, list[str]]:
    """Return what was observed, the counts of workers and the violations."""
    rng = random.Random(options.seed)
    site = SiteProcess(folder, free_port(), workers=0)
    ledger = checker.Ledger()
    kinds = rng.choices(
        ["steady", "threaded", "long"], [12, 6, options.seconds > LONG], k=int(options.seconds / PAUSE)
    )
    crowd = Crowd(site, ledger, options.owners)
    capacity = Capacity(folder / "data" / "outlast.db")
    try:
        site.prepare(checker.NOTE_WORKERS_IN_SQLITE)
        site.start()
        started = site.command("workers", "start", "--daemon", "--workers", str(WORKERS))
        if started.returncode:
            raise SystemExit(started.stdout)
        capacity.begin()
        crowd.start(kinds, PAUSE, options.seed)
        faults = [*restarts(site, options.seconds, options.every)]
        crowd.wait_for_ends(END_WITHIN)
        capacity.end()
        stopped = site.command("workers", "stop")
        if stopped.returncode:
            faults.append(f"workers stop: {stopped.stdout}")
        site.stop()
        ledger.strays = site.end()
        ledger.effects = [line.split() for line in (folder / "effects").read_text().splitlines()]
        faults += [*of_capacity(capacity), *of_deaths(folder / "data"), *checker.check(ledger, folder / "data")]
    finally:
        crowd.leave()
        site.end()
    return ledger, capacity, faults


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


def of_capacity(capacity: Capacity) -> Iterator[str]:
    least = min(capacity.counts, default=0)
    if least < WORKERS - 1:
        few = sum(count < WORKERS - 1 for count in capacity.counts)
        yield f"Only {least} of {WORKERS} workers took sessions; too few in {few} of {len(capacity.counts)} counts"


def of_deaths(data: Path) -> Iterator[str]:
    """A restart is neither a crash nor a lapse, and no reason for an error in the log."""
    for line in (data / "logs" / "workers.log").read_text().splitlines():
        if '"level": "error"' in line:
            yield f"logged: {line}"
    with closing(sqlite3.connect(data / "outlast.db")) as connection:
        for session, analysis, crashes, lapses in connection.execute(SPENT).fetchall():
            yield f"{session} ({analysis}) has {crashes} crashes and {lapses} lapses"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120, help="of restarts under load")
    parser.add_argument("--every", type=float, default=5, help="seconds from one restart to the next")
    parser.add_argument("--owners", type=int, default=8, help="who start the sessions")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # run the clean-up
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        ledger, capacity, faults = run(Path(folder), options)
        if faults:
            print((Path(folder) / "data" / "logs" / "workers.log").read_text()[-20_000:], file=sys.stderr)
    counts = {number: capacity.counts.count(number) for number in sorted(set(capacity.counts))}
    print(f"{len(ledger.acknowledged)} acknowledged, {len(capacity.seen)} worker processes, counts {counts}")
    print(f"load {psutil.getloadavg()[0]:.1f}")
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
