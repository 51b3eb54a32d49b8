"""Writes progress to the store, coalesced: at most four times a second per session, batched per process."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from outlast.core.running.attempt import Attempt
from outlast.core.running.duration_sampling import Sampling
from outlast.core.running.service_loop import serve_rounds
from outlast.core.running.step_journal import Store
from outlast.domain.session import Claim
from outlast.ports.clock import Clock
from outlast.ports.notifier import Notifier, Topic
from outlast.ports.results import StepSample
from outlast.ports.store import ProgressUpdate

PER_SESSION = 0.25
"""Seconds between two writes for one session."""
GATHER = 0.02
"""Seconds that a batch waits for company."""
SHOWN_WITHIN = 0.05
"""Seconds that those who watch in this process need to show what was written."""
QUIET_LOOK = 1.0
"""Seconds between looks at steps that never report."""
BATCH = 500
"""Sessions per write at most."""


class ProgressWriter:
    """The progress of all attempts of one worker."""

    def __init__(self, store: Store, notifier: Notifier, clock: Clock) -> None:
        self._store = store
        self._notifier = notifier
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._dirty: dict[Claim, None] = {}
        self._written: dict[Claim, float] = {}
        self._awaited: dict[Claim, asyncio.Event] = {}
        self._samples: deque[StepSample] = deque(maxlen=10_000)
        self._sampling = Sampling(clock)
        self._wake = asyncio.Event()

    def mark(self, claim: Claim) -> None:
        """This session's progress has changed. From any thread."""
        if threading.get_ident() == self._thread:
            self._mark(claim)
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._mark, claim)

    async def told(self, claim: Claim) -> None:
        """Write this session's progress before its turn and return then, or after a while."""
        self._written.pop(claim, None)
        if claim in self._dirty:
            written = self._awaited.setdefault(claim, asyncio.Event())
            self._wake.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(PER_SESSION):
                    await written.wait()
            await asyncio.sleep(SHOWN_WITHIN)

    def forget(self, claim: Claim) -> None:
        """Its attempt has ended; the end carries the last progress."""
        self._dirty.pop(claim, None)
        self._written.pop(claim, None)
        self._awaited.pop(claim, None)

    def learn(self, samples: Sequence[StepSample]) -> None:
        if chosen := self._sampling.chosen(samples):
            self._samples.extend(chosen)
            self._wake.set()

    async def run(self, attempts: Mapping[Claim, Attempt], on_lost: Callable[[set[Claim]], None]) -> None:
        """Until cancelled."""
        looked = self._clock.monotonic()

        async def one_round() -> None:
            nonlocal looked
            with suppress(TimeoutError):
                async with asyncio.timeout(QUIET_LOOK):
                    await self._wake.wait()
                await asyncio.sleep(GATHER)
            self._wake.clear()
            now = self._clock.monotonic()
            if now - looked >= QUIET_LOOK:
                looked = now
                for attempt in attempts.values():
                    attempt.tracker.move_quiet()
            on_lost(await self._write(attempts, now))
            await self._write_samples()

        await serve_rounds("Writing progress", one_round)

    def _mark(self, claim: Claim) -> None:
        self._dirty[claim] = None
        self._wake.set()

    async def _write(self, attempts: Mapping[Claim, Attempt], now: float) -> set[Claim]:
        updates: list[ProgressUpdate] = []
        next_due: float | None = None
        for claim in list(self._dirty):
            due = self._written.get(claim, 0.0) + PER_SESSION
            if due > now:
                next_due = due if next_due is None else min(next_due, due)
                continue
            if len(updates) == BATCH:
                next_due = now
                break
            del self._dirty[claim]
            attempt = attempts.get(claim)
            progress = attempt.tracker.take() if attempt else None
            if progress is None:
                self._answer(claim)
            else:
                self._written[claim] = now
                updates.append(ProgressUpdate(claim, progress))
        if next_due is not None:
            self._loop.call_later(max(0.0, next_due - now), self._wake.set)
        if not updates:
            return set()
        lost = await self._store.report(updates)
        self._notifier.publish(Topic.CHANGED, [u.claim.session_id for u in updates])
        for update in updates:
            self._answer(update.claim)
        return lost

    def _answer(self, claim: Claim) -> None:
        if written := self._awaited.pop(claim, None):
            written.set()

    async def _write_samples(self) -> None:
        if self._samples:
            samples = [self._samples.popleft() for _ in range(min(BATCH, len(self._samples)))]
            await self._store.learn(samples)
