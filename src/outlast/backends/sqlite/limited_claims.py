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
from outlast.backends.rows import Row, as_json
from outlast.backends.sqlite.database import SQLiteDatabase
from outlast.backends.sqlite.driver import Connection
from outlast.backends.sqlite.times import as_datetime, as_text
from outlast.domain.limits import Admission

Place = tuple[str, str]
"""A queue and an analysis."""


class SQLiteLimits:
    """The limits of one database. Each method runs in the writer's transaction."""

    def __init__(self, database: SQLiteDatabase) -> None:
        self._db = database

    def admit(
        self, connection: Connection, places: Sequence[Place], values: Mapping[str, Any]
    ) -> tuple[list[str], Mapping[str, LimitedSession]]:
        """Return the ids of the next sessions with limits that may run now, and all that were looked at by id.

        Others have to wait for their keys from now on.
        """
        awake = self._awake(connection)
        admitted: list[str] = []
        seen: dict[str, LimitedSession] = {}
        limit = max(values["limit"], LOOK_AT_LEAST)
        for _ in range(LOOKS):
            waiting = self._blocked(connection, awake, limit)
            next_ones: list[LimitedSession] = []
            for queue, analysis in places:
                place = {**values, "queue": queue, "analysis": analysis, "limit": limit}
                next_ones += _sessions(self._db.rows_of(connection, "limited_sessions", place))
            seen |= {session.id: session for session in (*next_ones, *chain(*waiting.values()))}
            found = self._sort_out(connection, waiting, next_ones)
            admitted = list(dict.fromkeys([*admitted, *(session.id for session in found.admitted)]))
            awake = []
            if not found.blocked or len(found.admitted) >= values["limit"]:
                break
        return admitted, seen

    def may_run(self, connection: Connection, session_id: str) -> tuple[bool, LimitedSession | None]:
        """Return whether the limits of this session, if any, allow it to run, and make it wait otherwise.

        The second value is the session, if it has limits and its time has come.
        """
        sessions = _sessions(
            self._db.rows_of(connection, "named_limits", {"id": session_id, "now": self._db.now()})
        )
        limited = next(iter(sessions), None)
        return limited is None or bool(self._sort_out(connection, {}, sessions).admitted), limited

    def wake(self, connection: Connection) -> None:
        """Let sessions whose keys became free run again, without claiming them."""
        self._sort_out(connection, self._blocked(connection, self._awake(connection), LOOK_AT_LEAST), [])

    def begin(self, connection: Connection, claimed: Sequence[LimitedSession]) -> None:
        """Count the attempts of these sessions, which have just been claimed, towards their rates."""
        keys = sorted({one.key for session in claimed for one in session.limits if one.per_minute is not None})
        if keys:
            admission = self._admission(connection, keys)
            changed: dict[str, float] = {}
            for session in claimed:
                changed |= admission.begin(session.limits)
            for key, at in changed.items():
                connection.execute(self._db.sql["set_rate"], {"key": key, "next_at": _time(at)})

    def _awake(self, connection: Connection) -> list[str]:
        values = {"now": self._db.now(), "limit": AWAKE_KEYS}
        return [row["key"] for row in self._db.rows_of(connection, "awake_keys", values)]

    def _blocked(self, connection: Connection, keys: Sequence[str], limit: int) -> dict[str, list[LimitedSession]]:
        return {
            key: _sessions(self._db.rows_of(connection, "blocked_sessions", {"key": key, "limit": limit}))
            for key in keys
        }

    def _sort_out(
        self,
        connection: Connection,
        waiting: Mapping[str, Sequence[LimitedSession]],
        next_ones: Sequence[LimitedSession],
    ) -> SortedSessions:
        all_waiting = list(chain(*waiting.values()))
        admission = self._admission(connection, keys_of([*all_waiting, *next_ones]))
        awake = {key: len(waiting[key]) < LOOK_AT_LEAST for key in waiting}
        found = sort_out(admission, all_waiting, next_ones, awake=awake)
        sql = self._db.sql
        for session_id, key in found.blocked.items():
            connection.execute(sql["block_session"], {"id": session_id, "key": key})
        for session_id in found.unblocked:
            connection.execute(sql["unblock_session"], {"id": session_id})
        for key in found.served:
            connection.execute(sql["set_wake"], {"key": key, "waiting": 0, "wake_at": None})
        for key, at in found.wakes.items():
            wake_at = None if at is None else _time(at)
            connection.execute(sql["set_wake"], {"key": key, "waiting": 1, "wake_at": wake_at})
        return found

    def _admission(self, connection: Connection, keys: Sequence[str]) -> Admission:
        rows = self._db.rows_of(connection, "permits_in_use", {"keys": as_json(list(keys))}) if keys else []
        return Admission(
            self._db.clock.now().timestamp(),
            {row["key"]: row["in_use"] for row in rows},
            {row["key"]: as_datetime(row["next_at"]).timestamp() for row in rows if row["next_at"] is not None},
        )


def _sessions(rows: Sequence[Row]) -> list[LimitedSession]:
    return [limited_session(row, "turn_at", "available_at", "number") for row in rows]


def _time(seconds: float) -> str:
    return as_text(datetime.fromtimestamp(seconds, UTC))
