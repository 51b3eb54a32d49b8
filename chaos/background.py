"""A site with workers in the background, its visitors, and a thread that looks at the workers all the time."""

import argparse
import math
import os
import random
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

import checker
from crowd import Crowd
from run import END_WITHIN, free_port
from site_process import SiteProcess

LOOK_EVERY = 0.05
"""Seconds between two looks at the workers."""
TAKING = "SELECT pid FROM workers WHERE kind <> 'supervisor' AND state = 'running'"
CUT = "SELECT session_id, worker_id FROM attempts WHERE ended = 'released'"
SPENT = "SELECT id, analysis, crashes, lapses FROM analysis_sessions WHERE crashes + lapses > 0"


@dataclass(frozen=True, slots=True)
class Look:
    """The living workers that take sessions, at one moment."""

    at: float
    memory: dict[int, int]
    """Process → its resident bytes."""

    @property
    def workers(self) -> int:
        return len(self.memory)


class Watched:
    """Looks at the workers of a store, in a thread of its own."""

    def __init__(self, store: Path) -> None:
        self.looks: list[Look] = []
        self._store = store
        self._over = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Stop looking. Raises what ended the thread early, as nothing was seen from then on."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._error is not None:
            raise self._error

    @property
    def seen(self) -> set[int]:
        """Every worker process."""
        return {pid for look in self.looks for pid in look.memory}

    @property
    def counts(self) -> dict[int, int]:
        """How often so many workers took sessions."""
        counts = [look.workers for look in self.looks]
        return {number: counts.count(number) for number in sorted(set(counts))}

    def wait_for(self, workers: int, within: float) -> float:
        """Return the seconds until so many take sessions; infinity: they did not in time."""
        began = time.monotonic()
        while time.monotonic() < began + within:
            if self.looks and self.looks[-1].workers == workers:
                return time.monotonic() - began
            time.sleep(LOOK_EVERY)
        return math.inf

    def _run(self) -> None:
        try:
            self._look()
        except Exception as error:  # noqa: BLE001 - `end` raises it
            self._error = error

    def _look(self) -> None:
        with closing(sqlite3.connect(self._store, timeout=20)) as connection:
            while not self._over.wait(LOOK_EVERY):
                memory: dict[int, int] = {}
                for (pid,) in connection.execute(TAKING).fetchall():
                    with suppress(psutil.NoSuchProcess):
                        process = psutil.Process(pid)
                        if process.status() != psutil.STATUS_ZOMBIE:
                            memory[pid] = process.memory_info().rss
                self.looks.append(Look(time.monotonic(), memory))


class BackgroundFleet:
    """`outlast serve` without workers, and `outlast workers start --daemon` with these options."""

    def __init__(self, folder: Path, owners: int, *options: str) -> None:
        self.site = SiteProcess(folder, free_port(), workers=0)
        self.ledger = checker.Ledger()
        self.crowd = Crowd(self.site, self.ledger, owners)
        self.watched = Watched(folder / "data" / "outlast.db")
        self._folder = folder
        self._options = options

    def __enter__(self) -> Self:
        try:
            self.site.prepare(checker.NOTE_WORKERS_IN_SQLITE)
            self.site.start()
            started = self.site.command("workers", "start", "--daemon", *self._options)
            if started.returncode:
                raise SystemExit(started.stdout)
        except BaseException:
            self.site.end()
            raise
        self.watched.begin()
        return self

    def __exit__(self, *_error: object) -> None:
        self.watched.end()
        self.crowd.leave()
        self.site.end()

    def wait_for_ends(self) -> None:
        self.crowd.wait_for_ends(END_WITHIN)

    def stop(self) -> Iterator[str]:
        """Stop everything, and yield what is wrong."""
        print(f"{len(self.ledger.acknowledged)} acknowledged")
        self.watched.end()
        stopped = self.site.command("workers", "stop")
        if stopped.returncode:
            yield f"workers stop: {stopped.stdout}"
        self.site.stop()
        self.ledger.strays = self.site.end()
        self.ledger.effects = [line.split() for line in (self._folder / "effects").read_text().splitlines()]
        data = self._folder / "data"
        yield from checker.check(self.ledger, data)
        with closing(sqlite3.connect(data / "outlast.db")) as connection:
            for session, analysis, crashes, lapses in connection.execute(SPENT).fetchall():
                yield f"{session} ({analysis}) has {crashes} crashes and {lapses} lapses"
            for session, worker in connection.execute(CUT).fetchall():
                yield f"{worker} gave {session} back before its end"
        for line in (data / "logs" / "workers.log").read_text().splitlines():
            if '"level": "error"' in line:
                yield f"logged: {line}"


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options that all these runs have."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--owners", type=int, default=8, help="who start the sessions")
    made.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    return made


def main(run: Callable[[Path, argparse.Namespace], Sequence[str]], options: argparse.Namespace) -> None:
    """Run in a folder of its own, print what is wrong, and exit."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # run the clean-up
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        faults = run(Path(folder), options)
        if faults:
            print((Path(folder) / "data" / "logs" / "workers.log").read_text()[-20_000:], file=sys.stderr)
    print(f"load {os.getloadavg()[0]:.1f}")
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)
