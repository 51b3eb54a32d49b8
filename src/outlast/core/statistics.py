"""Statistics of all sessions and workers, for operators."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from outlast.core.queue_states import QueueStates, is_served, longest_wait, queue_states
from outlast.domain.status import Status
from outlast.ports.clock import Clock
from outlast.ports.overview import Ended, QueueDepth
from outlast.ports.store import Store
from outlast.ports.workers import WorkerInfo

QUEUES_CACHE_FACTOR = 5
"""The state of the queues is cached for this many times as long as reading it took."""
HOURS = 24
"""Number of hours for which ended sessions are counted, including the current one."""
CACHE_FACTOR = 20
"""The hourly counts are cached for this many times as long as counting took: there may be millions of rows."""


@dataclass(frozen=True, slots=True)
class Hour:
    """Sessions that became final within one hour."""

    begins: datetime
    completed: int
    failed: int
    cancelled: int

    @property
    def all(self) -> int:
        return self.completed + self.failed + self.cancelled


@dataclass(frozen=True, slots=True)
class CurrentStatistics:
    """The statistics at one moment."""

    at: datetime
    sessions: Mapping[Status, int]
    """Number of all sessions in the store by status."""
    depths: Sequence[QueueDepth]
    workers: Sequence[WorkerInfo]
    hours: Sequence[Hour]
    """The last `HOURS`, oldest first."""

    @property
    def alive(self) -> Sequence[WorkerInfo]:
        return [worker for worker in self.workers if worker.alive]

    def is_served(self, depth: QueueDepth) -> bool:
        """Return whether a living worker that is not paused serves the queue and knows the analysis."""
        return is_served(depth, self.workers)

    def longest_wait(self, depth: QueueDepth) -> timedelta | None:
        """Return how long the oldest waiting session has been waiting."""
        return longest_wait([depth], self.at)


class Statistics:
    """Computes statistics on request."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._hours: Sequence[Hour] = ()
        self._cached_until = float("-inf")
        self._queues: QueueStates | None = None
        self._queues_cached_until = float("-inf")

    async def queues(self) -> QueueStates:
        """Return the state of every queue; raises `StoreUnavailable`. Cached, as very many sessions may wait."""
        began = self._clock.monotonic()
        if self._queues is None or began >= self._queues_cached_until:
            self._queues = await queue_states(self._store, self._clock.now())
            read = self._clock.monotonic()
            self._queues_cached_until = read + QUEUES_CACHE_FACTOR * (read - began)
        return self._queues

    async def now(self) -> CurrentStatistics:
        """Return current statistics; raises `StoreUnavailable`."""
        return CurrentStatistics(
            self._clock.now(),
            await self._store.count(),
            await self._store.depths(),
            await self._store.workers(),
            await self._last_hours(),
        )

    async def _last_hours(self) -> Sequence[Hour]:
        began = self._clock.monotonic()
        if began >= self._cached_until:
            now = self._clock.now()
            current_hour = now.replace(minute=0, second=0, microsecond=0)
            first = current_hour - timedelta(hours=HOURS - 1)
            ended = await self._store.ended(first, current_hour + timedelta(hours=1))
            self._hours = [_hour(first + timedelta(hours=n), ended) for n in range(HOURS)]
            counted = self._clock.monotonic()
            self._cached_until = counted + CACHE_FACTOR * (counted - began)
        return self._hours


def _hour(begins: datetime, ended: Sequence[Ended]) -> Hour:
    counted = {e.status: e.sessions for e in ended if e.hour == begins}
    return Hour(begins, *(counted.get(s, 0) for s in (Status.COMPLETED, Status.FAILED, Status.CANCELLED)))
