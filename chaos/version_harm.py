"""A harm: machines with the next version of the application join for a while, with sessions of their own."""

import random
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg

import checker
from visitor import Visitor

if TYPE_CHECKING:
    from fleet import Fleet

EACH = 3
"""Sessions of each kind in flight."""
COMES_WITHIN = 90.0
ENDS_WITHIN = 150.0
"""Seconds for sessions that only the next version understands to end before its machines stop."""


def two_versions(fleet: "Fleet", rng: random.Random) -> str:
    """Run an API and a worker machine of the next version until their own sessions have ended.

    The next API is asked for the new field and the new analysis, the others for the old input and for the analysis
    that the next version has no more.
    """
    seconds = rng.uniform(8.0, 20.0)
    for host in fleet.newer:
        host.start()
    api = fleet.newer_api
    end = time.monotonic() + COMES_WITHIN
    while not api.answers() and time.monotonic() < end:
        fleet.keep_for(0.1)
    next_load = Guests(fleet, rng)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        next_load.start()
        next_load.poll()
        fleet.keep_for(0.1)
    end = time.monotonic() + ENDS_WITHIN
    while next_load.poll() and time.monotonic() < end:
        fleet.keep_for(0.1)
    for host in fleet.newer:
        host.stop()
    released = next_load.released()
    if not released or min(next_load.started.values(), default=0) == 0:
        fleet.ineffective.append(f"two_versions: {released} given back of {dict(next_load.started)}")
    started = ", ".join(f"{n} × {kind}" for kind, n in next_load.started.items())
    return f"two versions for {seconds:.1f} s, {started}; {released} times a worker gave one back"


class Guests:
    """The visitors of the load in additional tabs, at the old and the next API."""

    def __init__(self, fleet: "Fleet", rng: random.Random) -> None:
        self._fleet = fleet
        self._rng = rng
        self._newer = fleet.load.guests(lambda: fleet.newer_api.root)
        self._older = fleet.load.guests(lambda: rng.choice(fleet.apis).root)
        self._mine: dict[str, tuple[str, Visitor]] = {}
        self.started: Counter[str] = Counter({"new field": 0, "new analysis": 0, "old input": 0, "removed": 0})
        self._all: list[str] = []

    def start(self) -> None:
        in_flight = Counter(kind for kind, _ in self._mine.values())
        for kind in self.started:
            if in_flight[kind] < EACH:
                self._start(kind)

    def poll(self) -> int:
        """Poll the sessions; returns how many have not ended."""
        for session, (_, visitor) in list(self._mine.items()):
            if visitor.poll(session) in checker.FINAL:
                del self._mine[session]
        return len(self._mine)

    def released(self) -> int:
        """How often a worker of the old version released one of them."""
        statement = (
            "SELECT count(*) FROM attempts WHERE session_id = ANY(%s) AND ended = 'released' AND error IS NOT NULL"
        )
        with (
            suppress(psycopg.OperationalError),
            psycopg.connect(self._fleet.postgres.url(), autocommit=True) as connection,
        ):
            return (connection.execute(statement, (self._all,)).fetchone() or [0])[0]
        return -1

    def _start(self, kind: str) -> None:
        n = next(self._fleet.load.numbers)
        visitor = self._rng.choice(self._newer if kind.startswith("new") else self._older)
        match kind:
            case "new field":
                tone = f"tone{n}"
                self._fleet.ledger.tones[n] = tone
                session = visitor.start("steady", n, tone=tone)
            case "new analysis":
                session = visitor.start("added", n)
            case "old input":
                session = visitor.start("steady", n)
            case _:
                session = visitor.start("threaded", n)
        if session is not None:
            self.started[kind] += 1
            self._all.append(session)
            self._mine[session] = kind, visitor
