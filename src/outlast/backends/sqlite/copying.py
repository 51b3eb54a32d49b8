"""Reads and writes the whole store, to copy it to or from another one."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from outlast.backends.copied_rows import by_first, fields_of, flat_session
from outlast.backends.rows import Row, as_json
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
            for (worker_id,) in connection.execute(self._sql["at_work"]).fetchall():
                values = {"worker_id": worker_id} | self._db.stamp()
                connection.execute(self._sql["record_releases"], values)
                given_back += len(connection.execute(self._sql["release_held"], values).fetchall())
            connection.execute(self._sql["shut"], {"reason": reason})
            return given_back

        return await self._db.write(write)

    async def reopen(self) -> None:
        await self._db.write(lambda c: c.execute(self._sql["shut"], {"reason": None}))

    async def shut_because(self) -> str | None:
        return self._db.read(lambda c: c.execute(self._sql["shut_because"]).fetchone())[0]

    async def versions(self, after: str, limit: int) -> Mapping[str, int]:
        return dict(await self._read("versions", {"after": after, "limit": limit}))

    async def whole_sessions(self, session_ids: Sequence[str]) -> Sequence[WholeSession]:
        values = {"ids": as_json(list(session_ids))}

        def read(connection: Connection) -> list[WholeSession]:
            # sessions first: if the rest is newer, their versions will differ and they are read again
            sessions = self._db.rows.many(connection.execute(self._sql["get_all"], values).fetchall())
            history, kept = (
                by_first(connection.execute(self._sql[name], values).fetchall())
                for name in ("history_of_all", "kept_steps_of_all")
            )
            return [
                WholeSession(
                    session,
                    tuple(self._db.rows.attempt(row) for row in history[session.id]),
                    tuple(KeptStep(*row) for row in kept[session.id]),
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
        return dict(await self._read("result_owners", {"after": after, "limit": limit}))

    async def whole_results(self, session_ids: Sequence[str]) -> Sequence[OwnedResult]:
        rows = await self._read("results_of_all", {"ids": as_json(list(session_ids))})
        return [
            OwnedResult(owner, StoredResult(*stored, completed_at=as_datetime(at), share=share))
            for owner, *stored, at, share in rows
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
            OwnedUpload(owner, StoredUpload(sha256, name, size, as_datetime(used_at)))
            for owner, sha256, name, size, used_at in rows
        ]

    async def facts_after(self, space: str, key: str, item: str, limit: int) -> Sequence[SpacedFact]:
        rows = await self._read("facts_after", {"space": space, "key": key, "item": item, "limit": limit})
        return [SpacedFact(row[0], StoredFact(*row[1:4]), as_datetime(row[4])) for row in rows]

    async def samples(self) -> Sequence[StepSample]:
        return [StepSample(*row) for row in await self._read("samples", {})]

    async def _read(self, name: str, values: Mapping[str, Any]) -> list[Row]:
        return await self._db.read_in_thread(lambda c: c.execute(self._sql[name], values).fetchall())
