"""Statistics of all sessions and workers, for operators."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

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
        return None if depth.since is None else max(timedelta(0), self.at - depth.since)


def is_served(depth: QueueDepth, workers: Sequence[WorkerInfo]) -> bool:
    """Return whether one of the workers takes sessions of this queue and analysis."""
    return any(w.takes_sessions and depth.queue in w.queues and depth.analysis in w.analyses for w in workers)


@dataclass(frozen=True, slots=True)
class QueueState:
    """One queue at one moment."""

    pending: int = 0
    """Sessions that a worker may claim now."""
    delayed: int = 0
    """Sessions whose time has not come."""
    processing: int = 0
    """Sessions that workers hold."""
    oldest_wait: timedelta = timedelta(0)
    """How long the oldest session that may be claimed has been waiting."""
    unserved: Sequence[str] = ()
    """Analyses with a session that may be claimed and that no living worker takes from this queue."""


@dataclass(frozen=True, slots=True)
class QueueStates:
    """All queues and workers at one moment."""

    queues: Mapping[str, QueueState]
    """Every queue in which a session is in flight, or which a worker serves."""
    workers: Sequence[WorkerInfo]


def queue_states(
    at: datetime, depths: Sequence[QueueDepth], processing: Mapping[str, int], workers: Sequence[WorkerInfo]
) -> QueueStates:
    """Put together what the store counts."""
    alive = [worker for worker in workers if worker.alive]
    taking = [worker for worker in alive if worker.takes_sessions]
    served = {(queue, analysis) for worker in taking for queue in worker.queues for analysis in worker.analyses}
    names = {d.queue for d in depths} | processing.keys() | {queue for worker in alive for queue in worker.queues}
    found: dict[str, QueueState] = {}
    for name in sorted(names):
        of_queue = [d for d in depths if d.queue == name]
        waits = [at - d.since for d in of_queue if d.since is not None]
        found[name] = QueueState(
            sum(d.waiting for d in of_queue),
            sum(d.later for d in of_queue),
            processing.get(name, 0),
            max(timedelta(0), *waits) if waits else timedelta(0),
            tuple(d.analysis for d in of_queue if d.waiting and (name, d.analysis) not in served),
        )
    return QueueStates(found, workers)


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
            depths, processing = await self._store.depths(), await self._store.processing()
            self._queues = queue_states(self._clock.now(), depths, processing, await self._store.workers())
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
