"""Pauses of queues and analyses."""

from collections.abc import Sequence

from outlast.backends.postgres.database import PostgresPart
from outlast.domain.pauses import Pause


class PostgresPauses(PostgresPart):
    """The part of `Pauses` that reads; `PostgresClaims` has the rest."""

    async def pauses(self) -> Sequence[Pause]:
        return [Pause(**row) for row in await self._db.all("pauses")]
