"""Reads and writes the whole store, to copy it to or from another one."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from outlast.backends.copied_rows import by_session_id, flat_session
from outlast.backends.postgres.connection import Connection
from outlast.backends.postgres.store_part import PostgresPart
from outlast.backends.rows import as_json, fields_of
from outlast.domain.session import KeptStep
from outlast.ports.blobs import StoredUpload
from outlast.ports.copying import OwnedResult, OwnedUpload, SpacedFact, WholeSession
from outlast.ports.facts import StoredFact
from outlast.ports.results import StepSample, StoredResult


class PostgresCopies(PostgresPart):
    """`Copyable`."""

    async def shut(self, reason: str) -> int:
        async def write(connection: Connection) -> int:
            await self._db.rows_of(connection, "lock_all")
            released = 0
            for values in await self._db.rows_of(connection, "at_work"):
                held = await self._db.rows_of(connection, "lock_held", values)
                await self._db.rows_of(connection, "fold", {"ids": [row["session_id"] for row in held]})
                await self._db.rows_of(connection, "record_releases", values)
                await self._db.rows_of(connection, "release_held", values)
                released += len(held)
            await self._db.rows_of(connection, "bar_door")
            await self._db.rows_of(connection, "bar_links")
            await self._db.rows_of(connection, "shut", {"reason": reason})
            return released

        return await self._db.transact(write, again=True)

    async def reopen(self) -> None:
        async def write(connection: Connection) -> None:
            await self._db.rows_of(connection, "unbar_door")
            await self._db.rows_of(connection, "unbar_links")
            await self._db.rows_of(connection, "shut", {"reason": None})

        await self._db.transact(write, again=True)

    async def shut_because(self) -> str | None:
        return (await self._db.only("shut_because"))["shut_because"]

    async def versions(self, after: str, limit: int) -> Mapping[str, int]:
        rows = await self._db.all("versions", {"after": after, "limit": limit})
        return {row["id"]: row["version"] for row in rows}

    async def whole_sessions(self, session_ids: Sequence[str]) -> Sequence[WholeSession]:
        ids = {"ids": list(session_ids)}

        async def read(connection: Connection) -> list[WholeSession]:
            # sessions first: if the rest is newer, their versions will differ and they are read again
            sessions = self._db.rows.many(await self._db.rows_of(connection, "get_all", ids))
            history = by_session_id(await self._db.rows_of(connection, "history_of_all", ids))
            kept = by_session_id(await self._db.rows_of(connection, "kept_steps_of_all", ids))
            return [
                WholeSession(
                    session,
                    tuple(self._db.rows.attempt(row) for row in history[session.id]),
                    tuple(KeptStep(**row) for row in kept[session.id]),
                )
                for session in sessions
            ]

        return await self._db.use(read, again=True)

    async def take_sessions(self, sessions: Sequence[WholeSession], gone: Sequence[str]) -> None:
        flat = as_json([flat_session(whole.session, _text) for whole in sessions])
        attempts = [
            fields_of(a) | {"session_id": w.session.id, "ended_at": _text(a.ended_at)}
            for w in sessions
            for a in w.history
        ]
        kept = [fields_of(k) | {"session_id": w.session.id} for w in sessions for k in w.kept]

        async def write(connection: Connection) -> None:
            await self._db.rows_of(connection, "fill", {"filling": True})
            ids = [*gone, *(whole.session.id for whole in sessions)]
            await self._db.rows_of(connection, "delete_sessions", {"ids": ids})
            await self._db.rows_of(connection, "make_way", {"sessions": flat})
            await self._db.rows_of(connection, "take_sessions", {"sessions": flat})
            await self._db.rows_of(connection, "take_attempts", {"attempts": as_json(attempts)})
            await self._db.rows_of(connection, "take_kept_steps", {"kept": as_json(kept)})
            await self._db.rows_of(connection, "fill", {"filling": False})

        await self._db.transact(write, again=True)

    async def result_owners(self, after: str, limit: int) -> Mapping[str, str]:
        rows = await self._db.all("result_owners", {"after": after, "limit": limit})
        return {row["session_id"]: row["owner_and_link"] for row in rows}

    async def whole_results(self, session_ids: Sequence[str]) -> Sequence[OwnedResult]:
        rows = await self._db.all("results_of_all", {"ids": list(session_ids)})
        return [
            OwnedResult(row.pop("user_session"), StoredResult(**self._db.rows.with_times(row))) for row in rows
        ]

    async def take_results(self, results: Sequence[OwnedResult], gone: Sequence[str]) -> None:
        flat = [
            fields_of(r.stored) | {"owner": r.owner, "completed_at": _text(r.stored.completed_at)} for r in results
        ]

        async def write(connection: Connection) -> None:
            await self._db.rows_of(connection, "fill", {"filling": True})
            await self._db.rows_of(connection, "delete_results", {"ids": list(gone)})
            await self._db.rows_of(connection, "take_results", {"results": as_json(flat)})
            await self._db.rows_of(connection, "fill", {"filling": False})

        if results or gone:
            await self._db.transact(write, again=True)

    async def uploads(self) -> Sequence[OwnedUpload]:
        rows = await self._db.all("all_uploads")
        return [
            OwnedUpload(row.pop("user_session"), StoredUpload(**self._db.rows.with_times(row))) for row in rows
        ]

    async def facts_after(self, space: str, key: str, item: str, limit: int) -> Sequence[SpacedFact]:
        rows = await self._db.all("facts_after", {"space": space, "key": key, "item": item, "limit": limit})
        return [
            SpacedFact(
                row.pop("space"),
                until=self._db.rows.as_datetime(row.pop("until")),
                stored=StoredFact(**row),
            )
            for row in rows
        ]

    async def samples(self) -> Sequence[StepSample]:
        return [StepSample(**row) for row in await self._db.all("samples")]


def _text(time: datetime) -> str:
    return time.isoformat()
