"""Counts of all sessions for operators."""

from collections.abc import Sequence
from datetime import datetime

from outlast.backends.postgres.database import as_utc
from outlast.backends.postgres.store_part import PostgresPart
from outlast.domain.status import Status
from outlast.ports.overview import Ended, QueueDepth


class PostgresOverview(PostgresPart):
    """`Overview`."""

    async def depths(self) -> Sequence[QueueDepth]:
        return [
            QueueDepth(queue, analysis, waiting, since and as_utc(since), later)
            for queue, analysis, waiting, since, later in await self._db.all("depths")
        ]

    async def ended(self, since: datetime, until: datetime) -> Sequence[Ended]:
        rows = await self._db.all("ended", {"since": since, "until": until})
        return [Ended(as_utc(hour), Status(status), count) for hour, status, count in rows]
