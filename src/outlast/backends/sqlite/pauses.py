"""Pauses of queues and analyses."""

from collections.abc import Sequence

from outlast.backends.rows import fields_of
from outlast.backends.sqlite.database import SQLitePart
from outlast.domain.pauses import Pause


class SQLitePauses(SQLitePart):
    """`Pauses`."""

    async def pause(self, pause: Pause) -> bool:
        values = fields_of(pause) | {"now": self._db.now()}
        return await self._db.write(lambda c: self._db.row_of(c, "pause", values)) is not None

    async def resume(self, pause: Pause) -> bool:
        values = fields_of(pause)
        return await self._db.write(lambda c: self._db.row_of(c, "resume", values)) is not None

    async def pauses(self) -> Sequence[Pause]:
        return [Pause(**row) for row in self._db.read(lambda c: self._db.rows_of(c, "pauses"))]
