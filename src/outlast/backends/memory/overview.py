"""Counts of all sessions for operators, in memory."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from outlast.backends.memory.sessions import claimable
from outlast.backends.memory.tables import MemoryPart
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.ports.overview import Ended, QueueDepth, QueueLoad, StoreDetails


class MemoryOverview(MemoryPart):
    """`Overview`."""

    async def depths(self) -> Sequence[QueueDepth]:
        tables = self._tables
        pending: dict[tuple[str, str], list[AnalysisSession]] = defaultdict(list)
        with tables.lock:
            now = tables.clock.now()
            for row in tables.sessions.values():
                if row.status is Status.PENDING:
                    pending[row.queue, row.analysis].append(row)
        found: list[QueueDepth] = []
        for (queue, analysis), rows in sorted(pending.items()):
            since = [row.available_at for row in rows if claimable(row, now)]
            found.append(QueueDepth(queue, analysis, len(since), min(since, default=None), len(rows) - len(since)))
        return found

    async def processing(self) -> Mapping[str, int]:
        with self._tables.lock:
            rows = self._tables.sessions.values()
            return dict(sorted(Counter(row.queue for row in rows if row.status is Status.PROCESSING).items()))

    async def details(self) -> StoreDetails:
        return StoreDetails("memory", self._tables.clock.now())

    async def ended(self, since: datetime, until: datetime) -> Sequence[Ended]:
        with self._tables.lock:
            counted = Counter(
                (row.completed_at.replace(minute=0, second=0, microsecond=0), row.status)
                for row in self._tables.sessions.values()
                if row.completed_at is not None and since <= row.completed_at < until
            )
        return [Ended(hour, status, counted[hour, status]) for hour, status in sorted(counted)]

    async def loads(self, since: datetime) -> Sequence[QueueLoad]:
        in_flight, failed = Counter[str](), Counter[str]()
        with self._tables.lock:
            for row in self._tables.sessions.values():
                if row.status is Status.PROCESSING:
                    in_flight[row.queue] += 1
                elif row.status is Status.FAILED and row.completed_at is not None and row.completed_at >= since:
                    failed[row.queue] += 1
        return [QueueLoad(queue, in_flight[queue], failed[queue]) for queue in sorted({*in_flight, *failed})]
