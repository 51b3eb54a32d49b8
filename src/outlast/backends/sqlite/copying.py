"""Reads and writes the whole store, to copy it to or from another one."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from outlast.backends.copied_rows import by_session_id, flat_session
from outlast.backends.rows import Row, as_json, fields_of
from outlast.backends.sqlite.driver import Connection
from outlast.backends.sqlite.sessions import SMALL_INPUT
from outlast.backends.sqlite.store_part import SQLitePart
from outlast.backends.sqlite.times import as_datetime, as_text
from outlast.domain.session import KeptStep
from outlast.ports.blobs import StoredUpload
from outlast.ports.copying import OwnedResult, OwnedUpload, SpacedFact, WholeSession
from outlast.ports.facts import StoredFact
from outlast.ports.results import StepSample, StoredResult

T = TypeVar("T")


class SQLiteCopies(SQLitePart):
    """`Copyable`."""

    async def shut(self, reason: str) -> int:
        def write(connection: Connection) -> int:
            given_back = 0
            for row in self._db.rows_of(connection, "at_work"):
                values = row | self._db.stamp()
                connection.execute(self._sql["record_releases"], values)
                given_back += len(self._db.rows_of(connection, "release_held", values))
            connection.execute(self._sql["shut"], {"reason": reason})
            return given_back

        return await self._db.write(write)

    async def reopen(self) -> None:
        await self._db.write(lambda c: c.execute(self._sql["shut"], {"reason": None}))

    async def shut_because(self) -> str | None:
        return self._db.read(lambda c: c.execute(self._sql["shut_because"]).get)

    async def versions(self, after: str, limit: int) -> Mapping[str, int]:
        rows = await self._read("versions", {"after": after, "limit": limit})
        return {row["id"]: row["version"] for row in rows}

    async def whole_sessions(self, session_ids: Sequence[str]) -> Sequence[WholeSession]:
        values = {"ids": as_json(list(session_ids))}

        def read(connection: Connection) -> list[WholeSession]:
            # sessions first: if the rest is newer, their versions will differ and they are read again
            sessions = self._db.rows.many(self._db.rows_of(connection, "get_all", values))
            history, kept = (
                by_session_id(self._db.rows_of(connection, name, values))
                for name in ("history_of_all", "kept_steps_of_all")
            )
            return [
                WholeSession(
                    session,
                    tuple(self._db.rows.attempt(row) for row in history[session.id]),
                    tuple(KeptStep(**row) for row in kept[session.id]),
                )
                for session in sessions
            ]

        return await self._db.read_in_thread(read)

    async def take_sessions(self, sessions: Sequence[WholeSession], gone: Sequence[str]) -> None:
        def write(connection: Connection) -> None:
            connection.execute(self._sql["fill"], {"filling": 1})
            ids = as_json([*gone, *(whole.session.id for whole in sessions)])
            connection.execute(self._sql["delete_sessions"], {"ids": ids})
            for whole in sessions:
                self._take(connection, whole)
            connection.execute(self._sql["fill"], {"filling": 0})

        await self._db.write(write)

    def _take(self, connection: Connection, whole: WholeSession) -> None:
        session = whole.session
        values = flat_session(session, as_text) | self._db.stamp()
        if not session.status.final and session.cancel_requested_at is None:
            connection.execute(self._sql["make_way"], values)
        small = len(session.input) <= SMALL_INPUT
        connection.execute(self._sql["take_session"], values | {"input": session.input if small else None})
        if not small:
            connection.execute(self._sql["add_large_input"], {"id": session.id, "input": session.input})
        for record in whole.history:
            values = {"id": session.id} | fields_of(record) | {"ended_at": as_text(record.ended_at)}
            connection.execute(self._sql["take_attempt"], values)
        for step in whole.kept:
            connection.execute(self._sql["take_kept_step"], {"id": session.id} | fields_of(step))

    async def result_owners(self, after: str, limit: int) -> Mapping[str, str]:
        rows = await self._read("result_owners", {"after": after, "limit": limit})
        return {row["session_id"]: row["owner_and_link"] for row in rows}

    async def whole_results(self, session_ids: Sequence[str]) -> Sequence[OwnedResult]:
        rows = await self._read("results_of_all", {"ids": as_json(list(session_ids))})
        return [
            OwnedResult(row.pop("user_session"), StoredResult(**self._db.rows.with_times(row))) for row in rows
        ]

    async def take_results(self, results: Sequence[OwnedResult], gone: Sequence[str]) -> None:
        def write(connection: Connection) -> None:
            connection.execute(self._sql["delete_results"], {"ids": as_json(list(gone))})
            for result in results:
                values = fields_of(result.stored) | {
                    "id": result.stored.session_id,
                    "owner": result.owner,
                    "completed_at": as_text(result.stored.completed_at),
                    "bytes": len(result.stored.result.encode()),
                }
                connection.execute(self._sql["take_result"], values)

        if results or gone:
            await self._db.write(write)

    async def uploads(self) -> Sequence[OwnedUpload]:
        rows = await self._read("uploads", {})
        return [
            OwnedUpload(row.pop("user_session"), StoredUpload(**self._db.rows.with_times(row))) for row in rows
        ]

    async def facts_after(self, space: str, key: str, item: str, limit: int) -> Sequence[SpacedFact]:
        rows = await self._read("facts_after", {"space": space, "key": key, "item": item, "limit": limit})
        return [
            SpacedFact(row.pop("space"), until=as_datetime(row.pop("until")), stored=StoredFact(**row))
            for row in rows
        ]

    async def samples(self) -> Sequence[StepSample]:
        return [StepSample(**row) for row in await self._read("samples", {})]

    async def _read(self, name: str, values: Mapping[str, Any]) -> list[Row]:
        return await self._db.read_in_thread(lambda c: self._db.rows_of(c, name, values))
