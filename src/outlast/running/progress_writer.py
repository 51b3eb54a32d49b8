"""Writes progress to the store, at most four times a second per session, and a sample of step durations."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from outlast.core.service_loop import run_forever
from outlast.core.store_outage import StoreOutage
from outlast.domain.session import Claim
from outlast.ports.clock import Clock
from outlast.ports.notifier import Notifier, Topic
from outlast.ports.results import SAMPLES_KEPT, StepSample
from outlast.ports.store import ProgressUpdate, Store
from outlast.running.attempt import Attempt

MIN_INTERVAL = 0.25
"""Minimum seconds between two writes for one session."""
BATCH_DELAY = 0.02
"""Seconds for which a batch collects updates."""
DISPLAY_DELAY = 0.05
"""Seconds that watchers in this process need to show a written update."""
EXTRAPOLATE_EVERY = 1.0
"""Seconds between extrapolations of steps that never report."""
BATCH = 500
"""Maximum number of sessions per write."""
SAMPLES_PER_SECOND = 2.0
"""Durations written per second and step after the first `SAMPLES_KEPT`."""
MAX_SAMPLED_STEPS = 10_000
"""Maximum number of token buckets; beyond it all buckets are reset."""


class DurationSampler:
    """A token bucket per step: samples its first durations, and later a few per second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tokens: dict[tuple[str, str], tuple[float, float]] = {}
        """Tokens of each step, and the time of their last update."""

    def select(self, samples: Sequence[StepSample]) -> list[StepSample]:
        """Return the samples to write."""
        return [sample for sample in samples if self._is_due(sample)]

    def _is_due(self, sample: StepSample) -> bool:
        step, now = (sample.analysis, sample.step), self._clock.monotonic()
        tokens, at = self._tokens.get(step, (float(SAMPLES_KEPT), now))
        tokens = min(float(SAMPLES_KEPT), tokens + (now - at) * SAMPLES_PER_SECOND)
        if len(self._tokens) >= MAX_SAMPLED_STEPS:
            self._tokens.clear()
        self._tokens[step] = (tokens - 1 if tokens >= 1 else tokens, now)
        return tokens >= 1


class ProgressWriter:
    """Writes the progress of all attempts of one worker."""

    def __init__(self, store: Store, notifier: Notifier, clock: Clock, outage: StoreOutage | None = None) -> None:
        self._outage = outage
        self._store = store
        self._notifier = notifier
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._dirty: dict[Claim, None] = {}
        self._written: dict[Claim, float] = {}
        self._flushes: dict[Claim, asyncio.Event] = {}
        self._samples: deque[StepSample] = deque(maxlen=10_000)
        self._sampler = DurationSampler(clock)
        self._wake = asyncio.Event()

    def mark(self, claim: Claim) -> None:
        """Mark the session's progress as changed. Thread-safe."""
        if threading.get_ident() == self._thread:
            self._mark(claim)
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._mark, claim)

    async def flush(self, claim: Claim) -> None:
        """Write this session's progress ahead of its interval, and wait for that with a short timeout."""
        self._written.pop(claim, None)
        if claim in self._dirty:
            event = self._flushes.setdefault(claim, asyncio.Event())
            self._wake.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(MIN_INTERVAL):
                    await event.wait()
            await asyncio.sleep(DISPLAY_DELAY)

    def forget(self, claim: Claim) -> None:
        """Discard the session's progress after its attempt ended: the outcome carries the last progress."""
        self._dirty.pop(claim, None)
        self._written.pop(claim, None)
        self._flushes.pop(claim, None)

    def record_durations(self, samples: Sequence[StepSample]) -> None:
        if due := self._sampler.select(samples):
            self._samples.extend(due)
            self._wake.set()

    async def run(self, attempts: Mapping[Claim, Attempt], on_lost: Callable[[set[Claim]], None]) -> None:
        """Write until cancelled; `on_lost` gets the claims that the store no longer accepts."""
        extrapolated_at = self._clock.monotonic()

        async def write_once() -> None:
            nonlocal extrapolated_at
            with suppress(TimeoutError):
                async with asyncio.timeout(EXTRAPOLATE_EVERY):
                    await self._wake.wait()
                await asyncio.sleep(BATCH_DELAY)
            self._wake.clear()
            now = self._clock.monotonic()
            if now - extrapolated_at >= EXTRAPOLATE_EVERY:
                extrapolated_at = now
                for attempt in attempts.values():
                    attempt.tracker.extrapolate()
            on_lost(await self._write(attempts, now))
            await self._write_samples()

        await run_forever("Writing progress", write_once, self._outage)

    def _mark(self, claim: Claim) -> None:
        self._dirty[claim] = None
        self._wake.set()

    async def _write(self, attempts: Mapping[Claim, Attempt], now: float) -> set[Claim]:
        updates: list[ProgressUpdate] = []
        next_due: float | None = None
        for claim in list(self._dirty):
            due = self._written.get(claim, 0.0) + MIN_INTERVAL
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
                self._resolve_flush(claim)
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
            self._resolve_flush(update.claim)
        return lost

    def _resolve_flush(self, claim: Claim) -> None:
        if event := self._flushes.pop(claim, None):
            event.set()

    async def _write_samples(self) -> None:
        if self._samples:
            samples = [self._samples.popleft() for _ in range(min(BATCH, len(self._samples)))]
            await self._store.record_durations(samples)
