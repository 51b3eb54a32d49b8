"""Counts of all sessions for operators."""

from collections.abc import Sequence
from datetime import datetime

from outlast.backends.postgres.database import PostgresPart
from outlast.domain.status import Status
from outlast.ports.overview import Ended, QueueDepth, QueueLoad, StoreDetails


class PostgresOverview(PostgresPart):
    """`Overview`."""

    async def depths(self) -> Sequence[QueueDepth]:
        return [QueueDepth(**self._db.rows.with_times(row)) for row in await self._db.all("depths")]

    async def details(self) -> StoreDetails:
        row = await self._db.only("details")
        return StoreDetails(row["version"], self._db.rows.as_datetime(row["at"]))

    async def ended(self, since: datetime, until: datetime) -> Sequence[Ended]:
        rows = await self._db.all("ended", {"since": since, "until": until})
        return [
            Ended(self._db.rows.as_datetime(row["hour"]), Status(row["status"]), row["sessions"]) for row in rows
        ]

    async def loads(self, since: datetime) -> Sequence[QueueLoad]:
        return [QueueLoad(**row) for row in await self._db.all("loads", {"since": since})]
