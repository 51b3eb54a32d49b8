"""Deletion of sessions on request."""

from collections.abc import Sequence
from dataclasses import replace

from outlast.backends.postgres.connection import Connection
from outlast.backends.postgres.database import PostgresPart
from outlast.backends.postgres.recovery import BATCH, UPLOADS_AT_ONCE
from outlast.backends.uploads_in_input import uploads_in
from outlast.ports.deletions import DeleteAnswer, Deleted


class PostgresDeletions(PostgresPart):
    """`Deletions`."""

    async def delete(self, session_id: str, *, owner: str | None) -> DeleteAnswer | None:
        async def write(connection: Connection) -> DeleteAnswer | None:
            values = {"id": session_id, "owner": owner}
            rows = await self._db.rows_of(connection, "deletable_session", values)
            if rows and not rows[0]["ended"]:
                return DeleteAnswer.IN_FLIGHT
            results, _ = await self._delete_sessions(connection, [session_id], owner, known=bool(rows))
            if not rows:
                answer = DeleteAnswer.DELETED if results else None
            else:
                answer = DeleteAnswer.DELETED
                if uploads := uploads_in(rows[0]["input"]):
                    await self._delete_uploads(connection, rows[0]["owner"], uploads)
            await self._db.require_open(connection)
            return answer

        return await self._db.transact(write)

    async def delete_all(self, owner: str) -> Deleted:
        deleted = Deleted()
        for statement in ("ended_of_owner", "results_of_owner"):
            while batch := await self._db.transact(lambda c, s=statement: self._delete_batch(c, s, owner)):
                deleted = replace(
                    deleted,
                    sessions=deleted.sessions + batch.sessions,
                    results=deleted.results + batch.results,
                    facts=deleted.facts + batch.facts,
                )
        uploads = 0
        while count := await self._db.transact(lambda c: self._delete_batch_of_uploads(c, owner)):
            uploads += count
        await self._db.transact(lambda c: self._delete_start_keys(c, owner))
        rows = await self._db.all("in_flight_of_owner", {"owner": owner})
        return replace(deleted, uploads=uploads, remaining=tuple(row["id"] for row in rows))

    async def _delete_batch(self, connection: Connection, statement: str, owner: str) -> Deleted | None:
        rows = await self._db.rows_of(connection, statement, {"owner": owner, "batch": BATCH})
        if not rows:
            await self._db.require_open(connection)
            return None
        ids = [row["id"] for row in rows]
        results, facts = await self._delete_sessions(connection, ids, owner, known=True)
        await self._db.require_open(connection)
        return Deleted(len(ids) if statement == "ended_of_owner" else 0, results, 0, facts)

    async def _delete_sessions(
        self, connection: Connection, ids: Sequence[str], owner: str | None, *, known: bool
    ) -> tuple[int, int]:
        """Delete sessions that are `known` to be the owner's, or what is left of them; count results and facts."""
        values = {"ids": list(ids), "owner": owner}
        results = len(await self._db.rows_of(connection, "delete_results", values))
        if not known and not results:
            return 0, 0
        deleted = await self._db.rows_of(connection, "delete_sessions", {"ids": values["ids"]})
        runs = [row["run_id"] for row in deleted if row["run_id"] is not None]
        if runs:
            orphaned = await self._db.rows_of(connection, "delete_orphaned_runs", {"ids": runs})
            values["ids"] = [*ids, *(row["id"] for row in orphaned)]
        return results, len(await self._db.rows_of(connection, "delete_facts", {"ids": values["ids"]}))

    async def _delete_uploads(self, connection: Connection, owner: str, uploads: Sequence[str] | None) -> int:
        batch = UPLOADS_AT_ONCE if uploads is None else len(uploads)
        values = {"owner": owner, "uploads": uploads, "batch": batch}
        return len(await self._db.rows_of(connection, "delete_unused_uploads", values))

    async def _delete_batch_of_uploads(self, connection: Connection, owner: str) -> int:
        count = await self._delete_uploads(connection, owner, None)
        await self._db.require_open(connection)
        return count

    async def _delete_start_keys(self, connection: Connection, owner: str) -> None:
        await self._db.rows_of(connection, "delete_start_keys", {"owner": owner})
        await self._db.require_open(connection)
