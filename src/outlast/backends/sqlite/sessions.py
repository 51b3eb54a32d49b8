"""Starts, reads and counts sessions."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from outlast.backends.rows import as_json, fields_of
from outlast.backends.sqlite.database import SQLitePart
from outlast.backends.sqlite.driver import Connection
from outlast.backends.sqlite.shared_runs import FOLLOWING
from outlast.backends.sqlite.times import as_datetime, as_text
from outlast.domain.errors import QueueFull, TooManyActive
from outlast.domain.progress import dump_steps
from outlast.domain.session import AnalysisSession, NewSession, of_everybody, pending_session
from outlast.domain.status import Status
from outlast.domain.turns import turn_behind, turn_of
from outlast.ports.failures import Selection
from outlast.ports.store import Added, StartLimits

DEEPEST_POSITION = 10_000
"""Entries of the queue that the query for a position may read."""
SMALL_INPUT = 2_048
"""Characters up to which an input is stored in the session's row."""
FEW = 100
"""Sessions up to which `changed` reads in the event loop."""


class SQLiteSessions(SQLitePart):
    """The part of `SessionStore` that starts and reads sessions."""

    async def add(self, new: NewSession, limits: StartLimits) -> Added:
        write = self._insert if new.run_id is None else self._join
        return await self._db.write(lambda connection: write(connection, new, limits))

    def _insert(self, connection: Connection, new: NewSession, limits: StartLimits) -> Added:
        values = self._values(new)
        values |= {
            "active_limit": limits.active_per_owner,
            "pending_limit": limits.pending,
            "ready": 0 if new.delay else 1 if new.limits is None else 3,
        }
        started = as_datetime(values["now"])
        values |= self._times(connection, new, values)
        if connection.execute(self._sql["add"], values).get is None:
            return self._refused(connection, values)
        self._add_large_input(connection, new)
        return Added(pending_session(new, started, values["ms"]), existing=False)

    def _join(self, connection: Connection, new: NewSession, limits: StartLimits) -> Added:
        """Insert a session that shares a run in flight, or a new one."""
        values = self._values(new) | FOLLOWING | {"active_limit": limits.active_per_owner}
        for known in self._db.sessions(connection, "find_in_flight", values):
            return Added(known, existing=True)
        self._check_active(connection, values)
        run = self._insert(connection, new.run, StartLimits(active_per_owner=None, pending=limits.pending))
        connection.execute(self._sql["add_following"], values | {"run_id": run.session.id})
        self._add_large_input(connection, new)
        (session,) = self._db.sessions(connection, "get", {"id": new.id, "owner": None})
        return Added(session, existing=False, run=None if run.existing else run.session)

    def _values(self, new: NewSession) -> dict[str, Any]:
        small = len(new.input) <= SMALL_INPUT
        row = {"input": new.input if small else None, "steps": dump_steps(new.steps)}
        return fields_of(new) | row | self._db.stamp()

    def _add_large_input(self, connection: Connection, new: NewSession) -> None:
        if len(new.input) > SMALL_INPUT:
            connection.execute(self._sql["add_large_input"], {"id": new.id, "input": new.input})

    def _times(self, connection: Connection, new: NewSession, values: dict[str, Any]) -> dict[str, str | None]:
        """Return when a new session is available, its turn, and when it was offered, which is at once."""
        now: str = values["now"]
        alone = new.delay or of_everybody(new.owner)  # runs of everybody do not wait for each other
        last = None if alone else connection.execute(self._sql["last_turn"], values).get
        if last is None and not new.delay and not new.priority:
            return {"available_at": now, "turn_at": now, "offered_at": now}
        available_at = as_datetime(now) + timedelta(seconds=new.delay)
        turn_at = turn_behind(turn_of(available_at, new.priority), last and as_datetime(last))
        return {
            "available_at": as_text(available_at),
            "turn_at": as_text(turn_at),
            "offered_at": None if new.delay else now,
        }

    def _refused(self, connection: Connection, values: dict[str, Any]) -> Added:
        """Return why the insert did nothing: the subject is in flight already, or a limit was reached."""
        for known in self._db.sessions(connection, "find_in_flight", values):
            return Added(known, existing=True)
        self._check_active(connection, values)
        waiting = connection.execute(self._sql["count_waiting"]).get
        raise QueueFull.beside(waiting)

    def _check_active(self, connection: Connection, values: dict[str, Any]) -> None:
        if values["active_limit"] is not None:
            active = connection.execute(self._sql["count_active"], values).get
            if active >= values["active_limit"]:
                raise TooManyActive.beside(active)

    async def get(self, session_id: str, *, owner: str | None) -> AnalysisSession | None:
        values = {"id": session_id, "owner": owner}
        return next(iter(self._db.read(lambda c: self._db.sessions(c, "get", values))), None)

    async def version(self, session_id: str, *, owner: str) -> int | None:
        return self._db.value(self._sql["version"], (session_id, owner))

    async def changed(self, seen: Mapping[str, int]) -> list[AnalysisSession]:
        def read(connection: Connection) -> list[AnalysisSession]:
            return self._db.sessions(connection, "changed", {"seen": as_json(dict(seen))})

        return self._db.read(read) if len(seen) <= FEW else await self._db.read_in_thread(read)

    async def find_missing(self, session_ids: Sequence[str]) -> set[str]:
        def read(connection: Connection) -> set[str]:
            rows = self._db.rows_of(connection, "missing_sessions", {"ids": as_json(list(session_ids))})
            return {row["id"] for row in rows}

        return self._db.read(read) if len(session_ids) <= FEW else await self._db.read_in_thread(read)

    async def select(self, selection: Selection) -> list[AnalysisSession]:
        values = selected_values(selection)
        if selection.owner is not None:
            name = "select_of_owner"
        elif selection.status is not None:
            name = "select_of_status"
        else:
            name = "select_newest"

        return await self._db.read_in_thread(lambda c: self._db.sessions(c, name, values))

    async def count(self) -> Mapping[Status, int]:
        rows = await self._db.read_in_thread(lambda c: self._db.rows_of(c, "count"))
        counted = {row["status"]: row["sessions"] for row in rows}
        return {status: counted.get(status.value, 0) for status in Status}

    async def queue_position(self, session_id: str) -> int | None:
        values = {"id": session_id, "now": self._db.now(), "deepest": DEEPEST_POSITION}
        position = self._db.read(lambda c: c.execute(self._sql["queue_position"], values).get)
        return position if position is not None and position <= DEEPEST_POSITION else None


def selected_values(selection: Selection) -> dict[str, Any]:
    """Return the parameters of the statements that select sessions."""
    times = {
        "since": selection.since,
        "ended_since": selection.ended_since,
        "after_time": selection.after_time,
    }
    return (
        fields_of(selection)
        | {"status": selection.status and selection.status.value, "after": selection.after_id}
        | {name: at and as_text(at) for name, at in times.items()}
    )
