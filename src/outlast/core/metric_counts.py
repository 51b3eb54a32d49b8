"""What one process counted for monitoring and has not yet added to the store."""

import asyncio
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from threading import Lock

from outlast.core.metric_definitions import (
    CRASHES,
    DURATION,
    LAPSES,
    QUEUE_WAIT,
    REUSED,
    SECONDS,
    SESSIONS,
    STEP_DURATION,
    Metric,
)
from outlast.core.service_loop import run_forever
from outlast.core.store_outage import StoreOutage
from outlast.domain.errors import StoreUnavailable
from outlast.domain.outcome import Cancelled, Completed, End, Failed
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.domain.storable_text import storable_text
from outlast.ports.metrics import MetricCount, Metrics

FLUSH_EVERY = 1.0
"""Seconds between two additions to the store."""
FLUSH_TIMEOUT = 1.0
"""Seconds that the last addition may take when the process ends."""
Series = tuple[str, tuple[str, ...]]
"""A metric and the values of its labels."""

MAX_LABELS = 1_000
"""Combinations of labels that a process counts apart, for each metric; it counts the others as `OTHER`."""
OTHER = "other"
SUM = "sum"
"""In place of a bucket: the sum of all observations of a histogram."""
BOUNDS = (*(f"{bound:g}" for bound in SECONDS), "+Inf")
"""The buckets of a histogram, as their label has them."""
COMPLETED, FAILED, CANCELLED = Status.COMPLETED.value, Status.FAILED.value, Status.CANCELLED.value
"""As plain text, which is hashed faster than a member of the enumeration."""
OF_CRASHES = frozenset({"quarantined", "lost"})
"""Error codes of sessions that failed because of their workers."""


class MetricCounts:
    """Counts what happens in one process. Thread-safe.

    Ends of sessions must not wait for counters that all workers share, so a process adds its counts to the store
    about once a second, outside of their transactions. One that is killed loses those of the last second. Until
    then it only lists what it observed, as a worker may end thousands of sessions a second.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: defaultdict[Series, float] = defaultdict(float)
        self._observed: defaultdict[Series, list[float]] = defaultdict(list)
        """Seconds by histogram and its labels, since the last addition to the store."""
        self._known = defaultdict[str, set[tuple[str, ...]]](set)

    def add(self, metric: Metric, *labels: str, by: float = 1.0) -> None:
        """Add to a counter."""
        with self._lock:
            self._counts[metric.name, self._bounded(metric.name, labels)] += by

    def observe(self, metric: Metric, seconds: float, *labels: str) -> None:
        """Add an observation to a histogram."""
        with self._lock:
            self._observed[metric.name, labels].append(seconds)

    def claimed(self, session: AnalysisSession) -> None:
        """Count a claim. The row has the times of the store's clock, and the claim was its last change."""
        self.observe(QUEUE_WAIT, (session.updated_at - session.available_at).total_seconds(), session.queue)

    def ended(self, session: AnalysisSession, end: End, worked: float) -> None:
        """Count the end of an attempt that the store accepted; `worked` are the seconds that it took."""
        match end:
            case Completed():
                self.observe(DURATION, session.worked_ms / 1000 + worked, session.analysis, COMPLETED)
            case Failed():
                self.observe(DURATION, session.worked_ms / 1000 + worked, session.analysis, FAILED)
            case Cancelled():
                self.add(SESSIONS, session.analysis, CANCELLED)
            case _:
                pass

    def step_ended(self, analysis: str, step: str, duration_ms: int) -> None:
        self.observe(STEP_DURATION, duration_ms / 1000, analysis, step)

    def cancelled(self, session: AnalysisSession) -> None:
        """Count a session that was cancelled while it was pending."""
        self.add(SESSIONS, session.analysis, CANCELLED)

    def reused(self, session: AnalysisSession) -> None:
        """Count a start that a fresh result has answered."""
        self.add(REUSED, session.analysis)

    def rescued(self, sessions: Sequence[AnalysisSession], *, seen_to_die: bool) -> None:
        """Count sessions that were taken from workers, as they were right after it."""
        self.add(CRASHES if seen_to_die else LAPSES, by=len(sessions))
        for session in sessions:
            if session.status is Status.CANCELLED or session.error_code in OF_CRASHES:
                self.add(SESSIONS, session.analysis, session.status.value)

    async def run(self, store: Metrics, outage: StoreOutage | None = None) -> None:
        """Add to the store again and again until cancelled."""

        async def wait_and_flush() -> None:
            await asyncio.sleep(FLUSH_EVERY)
            await self.flush(store)

        await run_forever("Counting for monitoring", wait_and_flush, outage)

    async def flush(self, store: Metrics) -> None:
        """Add everything that was counted to the store; keep it if the store is unavailable."""
        with self._lock:
            counts = self._take()
        if not counts:
            return
        try:
            await store.add_metrics([MetricCount(*series, value) for series, value in sorted(counts.items())])
        except (StoreUnavailable, asyncio.CancelledError):
            with self._lock:
                for series, value in counts.items():
                    self._counts[series] += value
            raise

    async def flush_last(self, store: Metrics) -> None:
        """Add the rest when the process ends, if the store takes it in time."""
        try:
            async with asyncio.timeout(FLUSH_TIMEOUT):
                await self.flush(store)
        except (StoreUnavailable, TimeoutError):
            return

    def _take(self) -> Mapping[Series, float]:
        """Return what was counted, and start over. The histogram of durations counts the ended sessions too."""
        counts, observed = self._counts, self._observed
        self._counts, self._observed = defaultdict(float), defaultdict(list)
        for (name, given), values in observed.items():
            labels = self._bounded(name, given)
            for bucket, found in Counter(bisect_left(SECONDS, seconds) for seconds in values).items():
                counts[name, (*labels, BOUNDS[bucket])] += found
            counts[name, (*labels, SUM)] += sum(seconds for seconds in values if seconds > 0)
            if name == DURATION.name:
                counts[SESSIONS.name, labels] += len(values)
        return counts

    def _bounded(self, name: str, labels: tuple[str, ...]) -> tuple[str, ...]:
        known = self._known[name]
        if labels in known:
            return labels
        labels = tuple(storable_text(label) for label in labels)
        if len(known) >= MAX_LABELS and labels not in known:
            return (OTHER,) * len(labels)
        known.add(labels)
        return labels
