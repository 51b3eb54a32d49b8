"""Statistics of all sessions and workers, for operators."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from outlast.core.queue_states import QueueStates, is_served, longest_wait, queue_states
from outlast.domain.status import Status
from outlast.ports.clock import Clock
from outlast.ports.overview import QueueDepth
from outlast.ports.store import Store
from outlast.ports.workers import WorkerInfo

QUEUES_CACHE_FACTOR = 5
"""The state of the queues is cached for this many times as long as reading it took."""
CACHE_FACTOR = 20
"""The counts by status are cached for this many times as long as counting took: there may be millions of rows."""


@dataclass(frozen=True, slots=True)
class CurrentStatistics:
    """The statistics at one moment."""

    at: datetime
    sessions: Mapping[Status, int]
    """Number of all sessions in the store by status."""
    depths: Sequence[QueueDepth]
    workers: Sequence[WorkerInfo]

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
        self._counts: Mapping[Status, int] = {}
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
            await self._statuses(),
            await self._store.depths(),
            await self._store.workers(),
        )

    async def _statuses(self) -> Mapping[Status, int]:
        began = self._clock.monotonic()
        if began >= self._cached_until:
            self._counts = await self._store.count()
            counted = self._clock.monotonic()
            self._cached_until = counted + CACHE_FACTOR * (counted - began)
        return self._counts
