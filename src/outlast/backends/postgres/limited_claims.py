"""Claims of sessions with limits: who may run now, and who waits for which key."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from outlast.backends.limited_claims import (
    AWAKE_KEYS,
    LOOK_AT_LEAST,
    LOOKS,
    LimitedSession,
    SortedSessions,
    keys_of,
    limited_session,
    sort_out,
)
from outlast.backends.postgres.connection import Connection
from outlast.backends.postgres.database import PostgresDatabase, as_utc
from outlast.backends.rows import Row
from outlast.domain.limits import Admission


class PostgresLimits:
    """The limits of one database. Each method runs in the caller's transaction."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._db = database

    async def admit(
        self, connection: Connection, values: Mapping[str, Any]
    ) -> tuple[list[str], Mapping[str, LimitedSession]]:
        """Return the ids of the next sessions with limits that may run now, and all that were looked at by id.

        Others have to wait for their keys from now on. The caller has taken the lock of permits.
        """
        awake = [row["key"] for row in await self._run(connection, "awake_keys", {"limit": AWAKE_KEYS})]
        admitted: list[str] = []
        seen: dict[str, LimitedSession] = {}
        look = dict(values) | {"limit": max(values["limit"], LOOK_AT_LEAST)}
        for _ in range(LOOKS):
            waiting = await self._blocked(connection, awake, look["limit"])
            next_ones = _sessions(await self._run(connection, "limited_sessions", look))
            seen |= {session.id: session for session in (*next_ones, *chain(*waiting.values()))}
            found = await self._sort_out(connection, waiting, next_ones)
            admitted = list(dict.fromkeys([*admitted, *(session.id for session in found.admitted)]))
            awake = []
            if not found.blocked or len(found.admitted) >= values["limit"]:
                break
        return admitted, seen

    async def may_run(self, connection: Connection, session_id: str) -> LimitedSession | None:
        """Return this session if it has limits and may run now; make it wait for its key otherwise.

        A session whose time has not come stays as it is: if it waited for a key, it would be claimed too early.
        """
        await self._run(connection, "lock_permits")
        rows = await self._run(connection, "named_limits", {"id": session_id})
        found = await self._sort_out(connection, {}, _sessions(rows))
        return next(iter(found.admitted), None)

    async def wake(self, connection: Connection) -> None:
        """Let sessions whose keys became free run again, without claiming them."""
        await self._run(connection, "lock_permits")
        awake = [row["key"] for row in await self._run(connection, "awake_keys", {"limit": AWAKE_KEYS})]
        await self._sort_out(connection, await self._blocked(connection, awake, LOOK_AT_LEAST), [])

    async def begin(self, connection: Connection, claimed: Sequence[LimitedSession]) -> None:
        """Count the attempts of these sessions, which have just been claimed, towards their rates."""
        keys = sorted({one.key for session in claimed for one in session.limits if one.per_minute is not None})
        if keys:
            admission = await self._admission(connection, keys)
            changed: dict[str, float] = {}
            for session in claimed:
                changed |= admission.begin(session.limits)
            times = [_time(at) for at in changed.values()]
            await self._run(connection, "set_rates", {"keys": list(changed), "times": times})

    async def _blocked(
        self, connection: Connection, keys: Sequence[str], limit: int
    ) -> dict[str, list[LimitedSession]]:
        found: dict[str, list[LimitedSession]] = {key: [] for key in keys}
        if keys:
            rows = await self._run(connection, "blocked_sessions", {"keys": list(keys), "limit": limit})
            for session in _sessions(rows):
                found[session.waits_for or ""].append(session)
        return found

    async def _sort_out(
        self,
        connection: Connection,
        waiting: Mapping[str, Sequence[LimitedSession]],
        next_ones: Sequence[LimitedSession],
    ) -> SortedSessions:
        all_waiting = list(chain(*waiting.values()))
        admission = await self._admission(connection, keys_of([*all_waiting, *next_ones]))
        awake = {key: len(waiting[key]) < LOOK_AT_LEAST for key in waiting}
        found = sort_out(admission, all_waiting, next_ones, awake=awake)
        if found.blocked:
            values = {"ids": list(found.blocked), "keys": list(found.blocked.values())}
            await self._run(connection, "block_sessions", values)
        if found.unblocked:
            await self._run(connection, "unblock_sessions", {"ids": found.unblocked})
        wakes: dict[str, float | None] = dict.fromkeys(found.served) | found.wakes
        if wakes:
            values = {
                "keys": list(wakes),
                "waiting": [0 if key in found.served else 1 for key in wakes],
                "wakes": [None if at is None else _time(at) for at in wakes.values()],
            }
            await self._run(connection, "set_wakes", values)
        return found

    async def _admission(self, connection: Connection, keys: Sequence[str]) -> Admission:
        (now,) = await self._run(connection, "now")
        rows = await self._run(connection, "permits_in_use", {"keys": list(keys)}) if keys else []
        return Admission(
            as_utc(now["at"]).timestamp(),
            {row["key"]: row["in_use"] for row in rows},
            {row["key"]: row["next_at"].timestamp() for row in rows if row["next_at"] is not None},
        )

    async def _run(self, connection: Connection, name: str, values: Mapping[str, Any] | None = None) -> list[Row]:
        return await self._db.rows_of(connection, name, values)


def _sessions(rows: Sequence[Row]) -> list[LimitedSession]:
    return [limited_session(row, "turn_at", "number") for row in rows]


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
