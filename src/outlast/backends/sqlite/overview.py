"""Counts of all sessions for operators, read outside the event loop."""

from collections.abc import Sequence
from datetime import datetime

from outlast.backends.sqlite.database import SQLitePart
from outlast.backends.sqlite.times import as_text
from outlast.domain.status import Status
from outlast.ports.overview import Ended, QueueDepth, QueueLoad, StoreDetails


class SQLiteOverview(SQLitePart):
    """`Overview`."""

    async def depths(self) -> Sequence[QueueDepth]:
        values = {"now": self._db.now()}
        rows = await self._db.read_in_thread(lambda c: self._db.rows_of(c, "depths", values))
        return [QueueDepth(**self._db.rows.with_times(row)) for row in rows]

    async def details(self) -> StoreDetails:
        values = {"now": self._db.now()}
        (row,) = await self._db.read_in_thread(lambda c: self._db.rows_of(c, "details", values))
        return StoreDetails(row["version"], self._db.rows.as_datetime(row["at"]))

    async def ended(self, since: datetime, until: datetime) -> Sequence[Ended]:
        values = {"since": as_text(since), "until": as_text(until)}
        rows = await self._db.read_in_thread(lambda c: self._db.rows_of(c, "ended", values))
        return [
            Ended(self._db.rows.as_datetime(row["hour"]), Status(row["status"]), row["sessions"]) for row in rows
        ]

    async def loads(self, since: datetime) -> Sequence[QueueLoad]:
        values = {"since": as_text(since)}
        rows = await self._db.read_in_thread(lambda c: self._db.rows_of(c, "loads", values))
        return [QueueLoad(**row) for row in rows]
