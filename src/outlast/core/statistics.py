"""The numbers about all sessions and workers, once, for whoever shows them to operators."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from outlast.core.running.step_journal import Store
from outlast.domain.status import Status
from outlast.ports.clock import Clock
from outlast.ports.overview import Ended, QueueDepth
from outlast.ports.workers import WorkerInfo

HOURS = 24
"""So many hours back, the present one included, are told what ended."""
SELDOM = 20
"""What ended is told again without counting for so many times as long as counting took: it may be millions."""


@dataclass(frozen=True, slots=True)
class Hour:
    """What became final within one hour."""

    begins: datetime
    completed: int
    failed: int
    cancelled: int

    @property
    def all(self) -> int:
        return self.completed + self.failed + self.cancelled


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How things stand."""

    at: datetime
    sessions: Mapping[Status, int]
    """All that are in the store, by status."""
    depths: Sequence[QueueDepth]
    workers: Sequence[WorkerInfo]
    hours: Sequence[Hour]
    """The last `HOURS`, oldest first."""

    @property
    def alive(self) -> Sequence[WorkerInfo]:
        return [worker for worker in self.workers if worker.alive]

    def served(self, depth: QueueDepth) -> bool:
        """Whether a living worker looks at its queue and knows its analysis."""
        return any(depth.queue in worker.queues and depth.analysis in worker.analyses for worker in self.alive)

    def waited(self, depth: QueueDepth) -> timedelta | None:
        """How long the one that waits longest has been waiting."""
        return None if depth.since is None else max(timedelta(0), self.at - depth.since)


class Statistics:
    """Counts on request."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._hours: Sequence[Hour] = ()
        self._good_until = float("-inf")

    async def now(self) -> Snapshot:
        """Raises `StoreUnavailable`."""
        return Snapshot(
            self._clock.now(),
            await self._store.count(),
            await self._store.depths(),
            await self._store.workers(),
            await self._last_hours(),
        )

    async def _last_hours(self) -> Sequence[Hour]:
        began = self._clock.monotonic()
        if began >= self._good_until:
            now = self._clock.now()
            present = now.replace(minute=0, second=0, microsecond=0)
            first = present - timedelta(hours=HOURS - 1)
            ended = await self._store.ended(first, present + timedelta(hours=1))
            self._hours = [_hour(first + timedelta(hours=n), ended) for n in range(HOURS)]
            counted = self._clock.monotonic()
            self._good_until = counted + SELDOM * (counted - began)
        return self._hours


def _hour(begins: datetime, ended: Sequence[Ended]) -> Hour:
    counted = {e.status: e.sessions for e in ended if e.hour == begins}
    return Hour(begins, *(counted.get(s, 0) for s in (Status.COMPLETED, Status.FAILED, Status.CANCELLED)))
