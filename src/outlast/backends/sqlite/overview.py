"""Counts of all sessions for operators, read outside the event loop."""

from collections.abc import Sequence
from datetime import datetime

from outlast.backends.sqlite.store_part import SQLitePart
from outlast.backends.sqlite.times import as_datetime, as_text
from outlast.domain.status import Status
from outlast.ports.overview import Ended, QueueDepth


class SQLiteOverview(SQLitePart):
    """`Overview`."""

    async def depths(self) -> Sequence[QueueDepth]:
        values = {"now": self._db.now()}
        rows = await self._db.read_in_thread(lambda c: c.execute(self._sql["depths"], values).fetchall())
        return [
            QueueDepth(queue, analysis, waiting, since and as_datetime(since), later)
            for queue, analysis, waiting, since, later in rows
        ]

    async def ended(self, since: datetime, until: datetime) -> Sequence[Ended]:
        values = {"since": as_text(since), "until": as_text(until)}
        rows = await self._db.read_in_thread(lambda c: c.execute(self._sql["ended"], values).fetchall())
        return [Ended(as_datetime(hour), Status(status), count) for hour, status, count in rows]
