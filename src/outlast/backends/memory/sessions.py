"""Starts, reads and counts sessions in memory."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from outlast.backends.memory.shared_runs import add_following
from outlast.backends.memory.tables import MemoryPart, MemoryTables
from outlast.domain.crash_policy import SUSPECT_CRASHES
from outlast.domain.errors import QueueFull, TooManyActive
from outlast.domain.limits import load_limits
from outlast.domain.session import AnalysisSession, NewSession, pending_session
from outlast.domain.status import Status
from outlast.domain.turns import NEWEST_OF_OWNER, turn_behind, turn_of
from outlast.ports.dispatcher import WaitingSession
from outlast.ports.failures import Cursor, Selection
from outlast.ports.store import Added, StartLimits

DEEPEST_POSITION = 10_000


class MemorySessions(MemoryPart):
    """The part of `SessionStore` that starts and reads sessions."""

    async def add(self, new: NewSession, limits: StartLimits) -> Added:
        tables = self._tables
        with tables.lock:
            known = tables.answering(new.owner, new.analysis, new.subject)
            if known is not None:
                return Added(tables.shown(known), existing=True)
            if limits.active_per_owner is not None:
                active = len(tables.in_flight(new.owner))
                if active >= limits.active_per_owner:
                    raise TooManyActive.beside(active)
            if new.run_id is None:
                return Added(self._insert(new, limits), existing=False)
            in_flight = tables.answering(new.run.owner, new.analysis, new.subject)
            run = in_flight or self._insert(new.run, limits)
            created = run if in_flight is None else None
            return Added(add_following(tables, new, run), existing=False, run=created)

    def _insert(self, new: NewSession, limits: StartLimits) -> AnalysisSession:
        tables = self._tables
        waiting = sum(s.status is Status.PENDING and not s.follows for s in tables.sessions.values())
        if waiting >= limits.pending:
            raise QueueFull.beside(waiting)
        row = pending_session(new, tables.clock.now(), tables.next_version(0))
        last = None if new.delay or row.is_shared_run else self._last_turn(row)
        tables.turns[row.id] = turn_behind(turn_of(row.available_at, row.priority), last)
        tables.sessions[row.id] = row
        if new.limits is not None:
            tables.limits[row.id] = load_limits(new.limits)
        if new.reuse_key is not None:
            tables.reuse_keys[row.id] = new.reuse_key
        if not new.delay:
            tables.offered[row.id] = row.created_at
        tables.timed_from[row.id] = tables.clock.monotonic()
        return row

    def _last_turn(self, new: AnalysisSession) -> datetime | None:
        """Return the turn of the owner's newest waiting session of this queue and priority."""
        tables = self._tables
        now = tables.clock.now()
        own = [row for row in tables.sessions.values() if row.owner == new.owner]
        newest = sorted(own, key=lambda row: row.created_at, reverse=True)[:NEWEST_OF_OWNER]
        turns = [
            tables.turns[row.id]
            for row in newest
            if claimable(row, now) and (row.queue, row.priority) == (new.queue, new.priority)
        ]
        return max(turns, default=None)

    async def offer(self, *, again_after: float, limit: int) -> list[WaitingSession]:
        tables = self._tables
        with tables.lock:
            now, patience = tables.clock.now(), timedelta(seconds=again_after)
            due: list[AnalysisSession] = []
            for row in in_order(tables, now):
                if tables.paused(row) or not tables.may_run(row):
                    continue
                at = tables.offered.get(row.id)
                # offered in the future: the wall clock has gone back
                if at is None or abs(now - at) >= patience:
                    due.append(row)
            for row in due[:limit]:
                tables.offered[row.id] = now
            return [WaitingSession.of(r) for r in due[:limit]]

    async def get(self, session_id: str, *, owner: str | None) -> AnalysisSession | None:
        with self._tables.lock:
            row = self._tables.find(session_id, owner)
            return None if row is None else self._tables.shown(row)

    async def version(self, session_id: str, *, owner: str) -> int | None:
        with self._tables.lock:
            row = self._tables.find(session_id, owner)
            return self._tables.shown(row).version if row is not None else None

    async def changed(self, seen: Mapping[str, int]) -> list[AnalysisSession]:
        with self._tables.lock:
            rows = self._tables.sessions
            found = [(self._tables.shown(rows[i]), version) for i, version in seen.items() if i in rows]
            return [row for row, version in found if row.version != version]

    async def find_missing(self, session_ids: Sequence[str]) -> set[str]:
        with self._tables.lock:
            return set(session_ids) - self._tables.sessions.keys()

    async def select(self, selection: Selection) -> list[AnalysisSession]:
        with self._tables.lock:
            rows = [self._tables.shown(row) for row in self._tables.sessions.values()]
            rows.reverse()
            rows.sort(key=lambda s: s.created_at, reverse=True)
            chosen = [r for r in rows_after(rows, selection.after) if selected(self._tables, r, selection)]
            return chosen[: selection.limit]

    async def count(self) -> Mapping[Status, int]:
        with self._tables.lock:
            counted = Counter(self._tables.shown(s).status for s in self._tables.sessions.values())
        return {status: counted[status] for status in Status}

    async def queue_position(self, session_id: str) -> int | None:
        tables = self._tables
        with tables.lock:
            row = tables.sessions.get(session_id)
            now = tables.clock.now()
            if row is None or not claimable(row, now):
                return None
            number = {session_id: n for n, session_id in enumerate(tables.sessions)}
            # of suspects the newest goes first, as in `claim`
            suspect = row.crashes >= SUSPECT_CRASHES
            ready = [s for s in in_order(tables, now) if s.queue == row.queue]
            mine = ready.index(row)
            position = 1 + sum(
                number[s.id] > number[row.id] if suspect and s.crashes >= SUSPECT_CRASHES else place < mine
                for place, s in enumerate(ready)
            )
        return position if position <= DEEPEST_POSITION else None


def claimable(row: AnalysisSession, now: datetime) -> bool:
    """Return whether the session is pending and due; once due, it stays so if the wall clock goes back."""
    return row.status is Status.PENDING and row.available_at <= max(now, row.updated_at)


def in_order(tables: MemoryTables, now: datetime) -> list[AnalysisSession]:
    """Return the sessions that wait, the next one first, whatever their limits and pauses."""
    return sorted((r for r in tables.sessions.values() if claimable(r, now)), key=tables.turn)


def rows_after(rows: list[AnalysisSession], after: Cursor | str | None) -> list[AnalysisSession]:
    """Return the rows after the one with this id, all without an id.

    If there is no such row, return those that are older than the cursor, and none without a cursor.
    """
    if after is None:
        return rows
    session_id = after.session_id if isinstance(after, Cursor) else after
    places = [place for place, row in enumerate(rows) if row.id == session_id]
    if places:
        return rows[places[0] + 1 :]
    return [row for row in rows if row.created_at < after.created_at] if isinstance(after, Cursor) else []


def selected(tables: MemoryTables, row: AnalysisSession, selection: Selection) -> bool:
    """Return whether the selection contains the row, whatever its limit and `after`."""
    return (
        selection.owner in {None, row.owner}
        and selection.status in {None, row.status}
        and selection.analysis in {None, row.analysis}
        and selection.queue in {None, row.queue}
        and selection.code in {None, row.error_code}
        and selection.exception in {None, exception_of(tables, row)}
        and (selection.since is None or row.created_at >= selection.since)
        and (
            selection.ended_since is None
            or (row.completed_at is not None and row.completed_at >= selection.ended_since)
        )
    )


def exception_of(tables: MemoryTables, row: AnalysisSession) -> str:
    """Return the class of the exception that belongs to the row's error."""
    history = tables.history.get(row.id)
    return (history[-1].exception or "") if history and row.error is not None else ""
