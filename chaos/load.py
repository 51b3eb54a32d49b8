"""Load on a fleet: visitors who keep a number of sessions in flight across both API machines."""

import random
import threading
import time
from collections.abc import Callable, Sequence

import checker
from visitor import Visitor

THREADS = 6
FAILURE_EVERY = 2.0
"""Seconds between the starts of sessions that fail."""
POISON_EVERY = 20.0
"""Seconds between the starts of sessions that kill their worker, during the harms."""
PATIENCE = 150.0
"""Seconds within which all sessions must end after the last harm."""


class Load:
    """Sessions of `owners` people. With one, all threads have the same cookie; with many, each has some of them.

    Only what is to complete counts as throughput: what fails waits for its next attempt by design.
    """

    def __init__(
        self,
        roots: Sequence[str],
        seed: int,
        ledger: checker.Ledger,
        *,
        owners: int,
        short: int,
        lasting: int,
        failing: bool = True,
    ) -> None:
        """Each thread keeps `short` sessions in flight, and `lasting` ones of 20 s beside them.

        With `failing`, a further thread starts sessions that fail.
        """
        self._short, self._lasting = short, lasting
        self._roots = roots
        self._ledger = ledger
        self._over = threading.Event()
        self._calm = threading.Event()
        """Set: start no new sessions."""
        self.poisoned = threading.Event()
        """Set: some sessions kill their worker."""
        self.numbers = iter(range(10**9))
        self.ends: list[float] = []
        """When each completed session was first seen completed."""
        rngs = [random.Random(seed + n) for n in range(THREADS)]
        self._people = people = [self._visitor(random.Random(f"{seed} owner {n}")) for n in range(owners)]
        of_threads = [people[n::THREADS] for n in range(THREADS)]
        for n in range(owners, THREADS):
            people[n % owners].greet()
            of_threads[n] = [self._visitor(rngs[n]).same_as(people[n % owners])]
        self._threads = [
            threading.Thread(target=self._live, args=(rng, visitors), daemon=True)
            for rng, visitors in zip(rngs, of_threads, strict=True)
        ]
        if failing:
            trouble = threading.Thread(target=self._trouble, args=(random.Random(seed - 1),), daemon=True)
            self._threads.append(trouble)

    def begin(self) -> None:
        for thread in self._threads:
            thread.start()

    def wait_for_an_end(self, within: float) -> None:
        end = time.monotonic() + within
        while not self.ends and time.monotonic() < end:
            time.sleep(0.05)

    def finish(self, meanwhile: Callable[[], None]) -> None:
        """Start no more sessions and wait, for a limited time, for those in flight."""
        self._calm.set()
        end = time.monotonic() + PATIENCE
        while any(thread.is_alive() for thread in self._threads) and time.monotonic() < end:
            meanwhile()
        self._over.set()
        for thread in self._threads:
            thread.join()

    @property
    def line(self) -> str:
        """The progress, for a terminal."""
        final = len(
            {snapshot.session for snapshot in list(self._ledger.snapshots) if snapshot.status in checker.FINAL}
        )
        return f"{len(self._ledger.acknowledged)} acknowledged, {final} ended"

    def guests(self, root: Callable[[], str]) -> list[Visitor]:
        """All who have been greeted, once more, at `root`."""
        return [Visitor(root, self._ledger).same_as(person) for person in self._people if person.token]

    def rate(self, begin: float, end: float) -> float:
        return sum(begin <= at < end for at in self.ends) / (end - begin)

    def _visitor(self, rng: random.Random) -> Visitor:
        return Visitor(lambda: rng.choice(self._roots), self._ledger)

    def _live(self, rng: random.Random, people: Sequence[Visitor]) -> None:
        stranger = self._visitor(rng)
        sessions: dict[str, tuple[Visitor, str]] = {}
        while not self._over.wait(0.05) and (sessions or not self._calm.is_set()):
            while len(sessions) < self._short + self._lasting and not self._calm.is_set():
                visitor = rng.choice(people)
                lasting = sum(kind == "long" for _, kind in sessions.values())
                kind = "long" if lasting < self._lasting else rng.choice(["steady", "steady", "threaded"])
                session = visitor.start(kind, next(self.numbers))
                if session is None:
                    break
                sessions[session] = visitor, kind
            for session, (visitor, kind) in list(sessions.items()):
                if visitor.poll(session) in checker.FINAL:
                    del sessions[session]
                    if kind != "long":
                        self.ends.append(time.monotonic())
                elif rng.random() < 0.02:
                    stranger.read_foreign(session)
        for person in (*people, stranger):
            person.close()

    def _trouble(self, rng: random.Random) -> None:
        """Start sessions that fail or kill their worker, and poll them to their end."""
        visitor = self._visitor(rng)
        sessions: set[str] = set()
        next_poison = 0.0
        while not self._over.wait(FAILURE_EVERY) and (sessions or not self._calm.is_set()):
            kinds = [] if self._calm.is_set() else ["fails"]
            if kinds and self.poisoned.is_set() and time.monotonic() >= next_poison:
                next_poison = time.monotonic() + POISON_EVERY
                kinds.append("poison")
            started = [visitor.start(kind, next(self.numbers)) for kind in kinds]
            sessions.update(session for session in started if session is not None)
            sessions -= {session for session in sessions if visitor.poll(session) in checker.FINAL}
        visitor.close()
