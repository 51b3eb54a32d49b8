"""Starts, reads and counts sessions."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from outlast.backends.postgres.connection import Connection
from outlast.backends.postgres.database import PostgresDatabase, PostgresPart
from outlast.backends.postgres.pending_counts import PendingCounts
from outlast.backends.rows import Row, as_json, fields_of
from outlast.domain.errors import QueueFull, StoreUnavailable, TooManyActive
from outlast.domain.progress import dump_steps
from outlast.domain.session import AnalysisSession, NewSession, pending_session
from outlast.domain.status import Status
from outlast.domain.storable_text import storable_text
from outlast.ports.failures import Selection
from outlast.ports.store import Added, StartLimits

DEEPEST_POSITION = 10_000
"""Entries of the queue that the query for a position may read."""


@dataclass(frozen=True, slots=True)
class _Start:
    new: NewSession
    limits: StartLimits

    def values(self, *, exact: bool, hint: str | None) -> dict[str, Any]:
        return fields_of(self.new) | {
            "steps": storable_text(dump_steps(self.new.steps)),
            "total_steps": len(self.new.steps),
            "active_limit": self.limits.active_per_owner,
            "pending_limit": self.limits.pending,
            "exact": exact,
            "hint": hint,
        }


class PostgresSessions(PostgresPart):
    """The part of `SessionStore` that starts and reads sessions."""

    def __init__(self, database: PostgresDatabase, hint: Callable[[str], str] | None) -> None:
        super().__init__(database)
        self._hint = hint
        self._pending_counts = PendingCounts(database.clock)

    async def add(self, new: NewSession, limits: StartLimits) -> Added:
        start = _Start(replace(new, subject=storable_text(new.subject)), limits)
        shares = new.run_id is not None
        batches = self._db.loop_pool().batches("join" if shares else "add", self._join if shares else self._start)
        row = await batches.write(start)
        counted = row["counted"]
        match row["answer"]:
            case "added" if shares:
                if row["session"] is None:  # it was deleted meanwhile
                    return await self.add(new, limits)
                run = row["run"] if row["created"] else None
                return Added(row["session"], existing=False, announced=self._hint is not None, run=run)
            case "added":
                session = pending_session(start.new, self._db.rows.as_datetime(row["started"]), row["new_version"])
                return Added(session, existing=False, announced=self._hint is not None)
            case "existing":
                known: str = row["known"]
                session = await self.get(known, owner=None)
                # if it was pruned meanwhile, start a new one
                return Added(session, existing=known != new.id) if session else await self.add(new, limits)
            case "too_many_active":
                raise TooManyActive.beside(counted)
            case _:
                raise QueueFull.beside(counted)

    async def _start(self, starts: Sequence[_Start]) -> Sequence[Row]:
        # sorted by owner, whose lock each start takes, so that two batches cannot deadlock
        return await self._in_order(starts, lambda start: (start.new.owner,), self._insert)

    async def _join(self, starts: Sequence[_Start]) -> Sequence[Row]:
        """Insert sessions that share a run in flight, or a new one, and read them."""
        # sorted by run, for the same reason
        rows = await self._in_order(starts, _run_and_owner, self._insert_sharing)
        added = [(row, start.new.id) for row, start in zip(rows, starts, strict=True) if row["answer"] == "added"]
        ids = [*(session_id for _, session_id in added), *(row["run"] for row, _ in added if row["created"])]
        read = {one.id: one for one in await self._db.sessions("sessions_by_id", {"ids": ids})} if ids else {}
        for row, session_id in added:
            row |= {"session": read.get(session_id), "run": read.get(row["run"])}
        return rows

    async def _in_order(
        self,
        starts: Sequence[_Start],
        key: Callable[[_Start], tuple[str, ...]],
        insert: Callable[[Sequence[dict[str, Any]]], Awaitable[list[Row]]],
    ) -> Sequence[Row]:
        order = sorted(range(len(starts)), key=lambda i: key(starts[i]))
        near = {limit: await self._must_count(limit) for limit in {start.limits.pending for start in starts}}
        items = [self._values(starts[i], exact=near[starts[i].limits.pending]) for i in order]
        rows = await insert(items)
        if len(rows) < len(items):
            raise StoreUnavailable("The store is being copied into another database.")
        answers = dict(zip(order, rows, strict=True))
        return [answers[i] for i in range(len(starts))]

    async def _insert_sharing(self, items: Sequence[dict[str, Any]]) -> list[Row]:
        return await self._db.all("join", {"items": as_json(items)})

    async def _insert(self, items: Sequence[dict[str, Any]]) -> list[Row]:
        values = {"items": as_json(items)}
        with_more = [item for item in items if item["traceparent"] is not None or item["reuse_key"] is not None]
        if not with_more:
            return await self._db.all("add", values)

        async def write(connection: Connection) -> list[Row]:
            rows = await self._db.rows_of(connection, "add", values)
            rare = {
                "ids": [item["id"] for item in with_more],
                "traceparents": [item["traceparent"] for item in with_more],
                "reuse_keys": [item["reuse_key"] for item in with_more],
            }
            await self._db.rows_of(connection, "set_rare_columns", rare)
            return rows

        return await self._db.transact(write, again=True)

    def _values(self, start: _Start, *, exact: bool) -> dict[str, Any]:
        hint = self._hint(start.new.queue) if self._hint and not start.new.delay else None
        return start.values(exact=exact, hint=hint)

    async def _must_count(self, limit: int) -> bool:
        near = self._pending_counts.must_count(limit)
        if near is not None:
            return near
        row = await self._db.only("count_started")
        started: int = row["started"]
        near = self._pending_counts.must_count_now(limit, started, row["concurrency"])
        if near is not None:
            return near
        began = self._db.clock.monotonic()
        row = await self._db.only("count_waiting", {"limit": limit})
        return self._pending_counts.record(limit, row["waiting"], started, self._db.clock.monotonic() - began)

    async def get(self, session_id: str, *, owner: str | None) -> AnalysisSession | None:
        return next(iter(await self._db.sessions("get", {"id": session_id, "owner": owner})), None)

    async def version(self, session_id: str, *, owner: str) -> int | None:
        # polls that arrive while others are being answered share a query, however many they are
        return await self._db.loop_pool().batches("version", self._version_of_each).write((session_id, owner))

    async def _version_of_each(self, asked: Sequence[tuple[str, str]]) -> Sequence[int | None]:
        ids, owners = zip(*set(asked), strict=True)
        rows = await self._db.all("version_of_each", {"ids": list(ids), "owners": list(owners)})
        known = {(row["id"], row["owner"]): row["version"] for row in rows}
        return [known.get(one) for one in asked]

    async def changed(self, seen: Mapping[str, int]) -> list[AnalysisSession]:
        if not seen:
            return []
        values = {"ids": list(seen), "versions": list(seen.values())}
        return await self._db.sessions("changed", values)

    async def find_missing(self, session_ids: Sequence[str]) -> set[str]:
        if not session_ids:
            return set()
        existing = await self._db.all("existing_sessions", {"ids": list(session_ids)})
        return set(session_ids) - {row["id"] for row in existing}

    async def select(self, selection: Selection) -> list[AnalysisSession]:
        values = selected_values(selection)
        if selection.owner is not None:
            return await self._db.sessions("select_of_owner", values)
        if selection.status is not None:
            return await self._db.sessions("select_of_status", values)
        return await self._db.sessions("select_newest", values | {"statuses": [s.value for s in Status]})

    async def count(self) -> Mapping[Status, int]:
        counted = {row["status"]: row["sessions"] for row in await self._db.all("count")}
        return {status: counted.get(status.value, 0) for status in Status}

    async def queue_position(self, session_id: str) -> int | None:
        row = await self._db.one("queue_position", {"id": session_id, "deepest": DEEPEST_POSITION})
        return row["position"] if row and row["position"] <= DEEPEST_POSITION else None


def selected_values(selection: Selection) -> dict[str, Any]:
    """Return the parameters of the statements that select sessions."""
    return fields_of(selection) | {
        "status": selection.status and selection.status.value,
        "after": selection.after_id,
        "after_time": selection.after_time,
    }


def _run_and_owner(start: _Start) -> tuple[str, ...]:
    new = start.new
    return (new.reuse_key or "", new.analysis, new.subject, new.owner)
