"""Kills workers and `serve` at random under load, then lets the checker judge; `--seed` repeats the choices."""

import argparse
import contextlib
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

import checker
from site_process import SiteProcess
from visitor import Visitor

LEASE = 15.0
SETTLE = 60.0
"""Seconds within which everything has to end once nothing is killed any more."""


class Killer:
    """Does one harm after the other, chosen by the seed."""

    def __init__(self, site: SiteProcess, rng: random.Random) -> None:
        self._site = site
        self._rng = rng
        self.done: list[str] = []

    def strike(self) -> None:
        harms: list[tuple[Callable[[], None], int]] = [
            (self.kill_worker, 5),
            (self.stop_worker, 2),
            (self.pause_worker, 2),
            (self.kill_serve, 2),
            (self.restart_serve, 1),
        ]
        harm = self._rng.choices([h for h, _ in harms], [w for _, w in harms])[0]
        harm()
        self.done.append(harm.__name__)

    def kill_worker(self) -> None:
        self._signal(signal.SIGKILL)

    def stop_worker(self) -> None:
        self._signal(signal.SIGTERM)

    def pause_worker(self) -> None:
        pid = self._signal(signal.SIGSTOP)
        time.sleep(self._rng.uniform(0.1, 1.0))
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def kill_serve(self) -> None:
        self._site.kill()
        self._site.start()

    def restart_serve(self) -> None:
        self._site.stop()
        self._site.start()

    def _signal(self, number: signal.Signals) -> int | None:
        workers = self._site.workers()
        if not workers:
            return None
        pid = self._rng.choice(workers)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        return pid


def run(folder: Path, seed: int, sessions: int, seconds: float) -> tuple[checker.Ledger, list[str]]:
    rng = random.Random(seed)
    ledger = checker.Ledger()
    site = SiteProcess(folder, _free_port())
    killer = Killer(site, rng)
    turn = threading.Lock()
    visitor, watcher, stranger = (Visitor(lambda: site.root, ledger, turn) for _ in range(3))
    over = threading.Event()
    kinds = rng.choices(["steady", "threaded", "fails", "poison"], [12, 6, 2, 1], k=sessions)

    def load() -> None:
        for n, kind in enumerate(kinds):
            visitor.start(kind, n)
            if over.wait(seconds / sessions * 0.8):
                return

    def observe() -> None:
        pick = random.Random(seed + 1)
        while not over.wait(0.01):
            if ledger.acknowledged:
                session = pick.choice(list(ledger.acknowledged))
                watcher.look(session)
                if pick.random() < 0.05:
                    stranger.pry(session)

    try:
        site.start()
        watcher.http.cookies = visitor.http.cookies  # the same person's second tab
        threads = [threading.Thread(target=load), threading.Thread(target=observe)]
        for thread in threads:
            thread.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(rng.uniform(0.3, 1.5))
            killer.strike()
        threads[0].join()
        settle(visitor, ledger)
        over.set()
        threads[1].join()
        for session in ledger.acknowledged:
            visitor.look(session)
        site.stop()
        site.look()
    finally:
        over.set()
        for v in (visitor, watcher, stranger):
            v.close()
        ledger.strays = site.end()
    ledger.effects = [line.split() for line in (folder / "effects").read_text().splitlines()]
    return ledger, killer.done


def settle(visitor: Visitor, ledger: checker.Ledger) -> None:
    """Wait until everything acknowledged is final, for so long as that may take; the checker says what is not."""
    left = dict(ledger.acknowledged)
    end = time.monotonic() + SETTLE
    while left and time.monotonic() < end:
        for session in list(left):
            if visitor.look(session) in checker.FINAL:
                del left[session]
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=10, help="40 sessions each")
    parser.add_argument("--seconds", type=float, default=60, help="of kills under load")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        ledger, harms = run(Path(folder), options.seed, 40 * options.size, options.seconds)
        faults = checker.check(ledger, Path(folder) / "data")
        if faults:
            print((Path(folder) / "log.txt").read_text(), file=sys.stderr)
    ends = [s.status for s in {s.session: s for s in ledger.sights}.values()]
    print(f"{len(ledger.acknowledged)} acknowledged, {len(ledger.sights)} snapshots, harms: {' '.join(harms)}")
    print(f"ends: { {e: ends.count(e) for e in sorted(set(ends))} }, load {psutil.getloadavg()[0]:.1f}")
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
