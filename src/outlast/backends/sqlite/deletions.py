"""Deletion of sessions on request."""

from collections.abc import Sequence
from dataclasses import replace

from outlast.backends.rows import as_json
from outlast.backends.sqlite.database import SQLitePart
from outlast.backends.sqlite.driver import Connection
from outlast.backends.sqlite.recovery import BATCH, UPLOADS_AT_ONCE
from outlast.backends.uploads_in_input import uploads_in
from outlast.ports.deletions import DeleteAnswer, Deleted


class SQLiteDeletions(SQLitePart):
    """`Deletions`."""

    async def delete(self, session_id: str, *, owner: str | None) -> DeleteAnswer | None:
        values = {"id": session_id, "owner": owner}

        def write(connection: Connection) -> DeleteAnswer | None:
            self._db.require_open(connection)
            session = self._db.row_of(connection, "deletable_session", values)
            if session is not None and not session["ended"]:
                return DeleteAnswer.IN_FLIGHT
            results, _ = self._delete_sessions(connection, [session_id], owner, known=session is not None)
            if session is None:
                return DeleteAnswer.DELETED if results else None
            uploads = uploads_in(session["input"])
            if uploads:
                self._delete_uploads(connection, session["owner"], uploads)
            return DeleteAnswer.DELETED

        return await self._db.write(write)

    async def delete_all(self, owner: str) -> Deleted:
        deleted = Deleted()
        for statement in ("ended_of_owner", "results_of_owner"):
            while batch := await self._db.write(lambda c, s=statement: self._delete_batch(c, s, owner)):
                deleted = replace(
                    deleted,
                    sessions=deleted.sessions + batch.sessions,
                    results=deleted.results + batch.results,
                    facts=deleted.facts + batch.facts,
                )
        uploads = 0
        while count := await self._db.write(lambda c: self._delete_batch_of_uploads(c, owner)):
            uploads += count
        await self._db.write(lambda c: self._delete_start_keys(c, owner))
        rows = await self._db.read_in_thread(lambda c: self._db.rows_of(c, "in_flight_of_owner", {"owner": owner}))
        return replace(deleted, uploads=uploads, remaining=tuple(row["id"] for row in rows))

    def _delete_batch(self, connection: Connection, statement: str, owner: str) -> Deleted | None:
        self._db.require_open(connection)
        values = {"owner": owner, "batch": BATCH}
        ids = [row["id"] for row in self._db.rows_of(connection, statement, values)]
        if not ids:
            return None
        results, facts = self._delete_sessions(connection, ids, owner, known=True)
        return Deleted(len(ids) if statement == "ended_of_owner" else 0, results, 0, facts)

    def _delete_sessions(
        self, connection: Connection, ids: Sequence[str], owner: str | None, *, known: bool
    ) -> tuple[int, int]:
        """Delete sessions that are `known` to be the owner's, or what is left of them; count results and facts."""
        values = {"ids": as_json(ids), "owner": owner}
        results = len(self._db.rows_of(connection, "delete_results", values))
        if not known and not results:
            return 0, 0
        deleted = self._db.rows_of(connection, "delete_sessions", {"ids": values["ids"]})
        runs = [row["run_id"] for row in deleted if row["run_id"] is not None]
        if runs:
            orphaned = self._db.rows_of(connection, "delete_orphaned_runs", {"ids": as_json(runs)})
            values["ids"] = as_json([*ids, *(row["id"] for row in orphaned)])
        return results, len(self._db.rows_of(connection, "delete_facts", {"ids": values["ids"]}))

    def _delete_uploads(self, connection: Connection, owner: str, uploads: Sequence[str] | None) -> int:
        values = {
            "owner": owner,
            "uploads": None if uploads is None else as_json(uploads),
            "batch": UPLOADS_AT_ONCE if uploads is None else len(uploads),
        }
        return len(self._db.rows_of(connection, "delete_unused_uploads", values))

    def _delete_batch_of_uploads(self, connection: Connection, owner: str) -> int:
        self._db.require_open(connection)
        return self._delete_uploads(connection, owner, None)

    def _delete_start_keys(self, connection: Connection, owner: str) -> None:
        self._db.require_open(connection)
        connection.execute(self._sql["delete_start_keys"], {"owner": owner})
