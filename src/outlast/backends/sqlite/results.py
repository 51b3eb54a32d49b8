"""Results and step durations, which outlive their sessions."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from outlast.backends.rows import Row, as_json
from outlast.backends.sqlite.database import SQLitePart
from outlast.backends.sqlite.driver import Connection
from outlast.backends.sqlite.times import as_text
from outlast.ports.results import SAMPLES_KEPT, LinkCursor, ShareLink, StepSample, StoredResult

INLINE = 256 * 1024
"""Bytes up to which a result is read in the event loop."""
ANY_SIZE = 1 << 62


class SQLiteResults(SQLitePart):
    """`Results` and `Shares`."""

    async def result(self, session_id: str, *, owner: str | None) -> StoredResult | None:
        return await self._result("result", id=session_id, owner=owner)

    async def shared(self, token: str) -> StoredResult | None:
        found = await self._result("shared", token=token)
        return found if found is not None and found.share is not None else None

    async def share(
        self, session_id: str, token: str, *, owner: str | None, expires_at: datetime | None = None
    ) -> ShareLink | None:
        values = {"id": session_id, "owner": owner, "link": token, "now": self._db.now()}
        values["expires_at"] = expires_at and as_text(expires_at)
        row = await self._db.write(lambda c: self._db.row_of(c, "share", values))
        return None if row is None else ShareLink(**self._db.rows.with_times(row))

    async def share_links(
        self, owner: str, *, limit: int, before: LinkCursor | None = None
    ) -> Sequence[ShareLink]:
        values = {
            "owner": owner,
            "limit": limit,
            "now": self._db.now(),
            "before": as_text(before.completed_at) if before else None,
            "before_id": before.session_id if before else None,
        }
        rows = await self._db.read_in_thread(lambda c: self._db.rows_of(c, "share_links", values))
        return [ShareLink(**self._db.rows.with_times(row)) for row in rows]

    async def unshare(self, session_id: str, *, owner: str | None) -> bool:
        values = {"id": session_id, "owner": owner}
        return await self._db.write(lambda c: self._db.row_of(c, "unshare", values)) is not None

    async def record_durations(self, samples: Sequence[StepSample]) -> None:
        flat = as_json([(s.analysis, s.step, s.duration_ms) for s in samples])
        lines = {(s.analysis, s.step) for s in samples}

        def write(connection: Connection) -> None:
            connection.execute(self._sql["record_durations"], {"samples": flat})
            for analysis, step in lines:
                values = {"analysis": analysis, "step": step, "kept": SAMPLES_KEPT}
                connection.execute(self._sql["delete_old_samples"], values)

        await self._db.write(write, durable=False)

    async def durations(self, analysis: str) -> Mapping[str, Sequence[int]]:
        values = {"analysis": analysis}
        rows = await self._db.read_in_thread(lambda c: self._db.rows_of(c, "durations", values))
        found: defaultdict[str, list[int]] = defaultdict(list)
        for row in rows:
            found[row["step"]].append(row["duration_ms"])
        return dict(found)

    async def _result(self, statement: str, **values: Any) -> StoredResult | None:
        def read(connection: Connection) -> Row | None:
            return self._db.row_of(connection, statement, values)

        values |= {"inline": INLINE, "now": self._db.now()}
        row = self._db.read(read)
        if row is not None and row["result"] is None:
            values["inline"] = ANY_SIZE
            row = await self._db.read_in_thread(read)
        return None if row is None else StoredResult(**self._db.rows.with_times(row))
