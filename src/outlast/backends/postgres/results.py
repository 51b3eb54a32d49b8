"""Results and step durations, which outlive their sessions."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from outlast.backends.postgres.connection import Connection
from outlast.backends.postgres.database import PostgresPart
from outlast.backends.rows import Row
from outlast.ports.results import SAMPLES_KEPT, LinkCursor, ShareLink, StepSample, StoredResult


class PostgresResults(PostgresPart):
    """`Results` and `Shares`."""

    async def result(self, session_id: str, *, owner: str | None) -> StoredResult | None:
        return self._as_result(await self._db.one("result", {"id": session_id, "owner": owner}))

    async def shared(self, token: str) -> StoredResult | None:
        found = self._as_result(await self._db.one("shared", {"token": token}))
        return found if found is not None and found.share is not None else None

    async def share(
        self, session_id: str, token: str, *, owner: str | None, expires_at: datetime | None = None
    ) -> ShareLink | None:
        values = {"id": session_id, "owner": owner, "link": token, "expires_at": expires_at}
        row = await self._linked("share", values)
        return None if row is None else ShareLink(**self._db.rows.with_times(row))

    async def share_links(
        self, owner: str, *, limit: int, before: LinkCursor | None = None
    ) -> Sequence[ShareLink]:
        values = {"owner": owner, "limit": limit, "before": None, "before_id": None}
        if before is not None:
            values |= {"before": before.completed_at, "before_id": before.session_id}
        return [ShareLink(**self._db.rows.with_times(row)) for row in await self._db.all("share_links", values)]

    async def unshare(self, session_id: str, *, owner: str | None) -> bool:
        return await self._linked("unshare", {"id": session_id, "owner": owner}) is not None

    async def record_durations(self, samples: Sequence[StepSample]) -> None:
        if not samples:
            return
        values = {
            "analyses": [s.analysis for s in samples],
            "steps": [s.step for s in samples],
            "durations": [s.duration_ms for s in samples],
        }

        async def write(connection: Connection) -> None:
            await self._db.rows_of(connection, "record_durations", values)
            await self._db.rows_of(connection, "delete_old_samples", values | {"kept": SAMPLES_KEPT})

        await self._db.transact(write)

    async def durations(self, analysis: str) -> Mapping[str, Sequence[int]]:
        found: defaultdict[str, list[int]] = defaultdict(list)
        for row in await self._db.all("durations", {"analysis": analysis}):
            found[row["step"]].append(row["duration_ms"])
        return dict(found)

    async def _linked(self, statement: str, values: Mapping[str, Any]) -> Row | None:
        async def write(connection: Connection) -> Row | None:
            rows = await self._db.rows_of(connection, statement, values)
            return rows[0] if rows else None

        return await self._db.transact(write, again=True)

    def _as_result(self, row: Row | None) -> StoredResult | None:
        return None if row is None else StoredResult(**self._db.rows.with_times(row))
