"""Counts of all sessions for operators, in memory."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime

from outlast.backends.memory.sessions import claimable
from outlast.backends.memory.tables import MemoryPart
from outlast.domain.limits import Verdict
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.ports.overview import Ended, QueueDepth, QueueLoad, StoreDetails


class MemoryOverview(MemoryPart):
    """`Overview`."""

    async def depths(self) -> Sequence[QueueDepth]:
        tables = self._tables
        pending: dict[tuple[str, str], list[AnalysisSession]] = defaultdict(list)
        with tables.lock:
            now, admission = tables.clock.now(), tables.admission()
            for row in tables.sessions.values():
                if row.status is Status.PENDING and not row.follows:
                    pending[row.queue, row.analysis].append(row)
            limits = tables.limits
            found: list[QueueDepth] = []
            for (queue, analysis), rows in sorted(pending.items()):
                due = [row for row in rows if claimable(row, now)]
                since = min((row.available_at for row in due), default=None)
                verdicts = [admission.decide(limits.get(row.id, ()), counts=False).verdict for row in due]
                blocked = verdicts.count(Verdict.FULL)
                found.append(QueueDepth(queue, analysis, len(due), since, len(rows) - len(due), blocked))
        return found

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
