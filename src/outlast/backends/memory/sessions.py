"""Starts, reads and counts sessions in memory."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from outlast.backends.memory.tables import MemoryPart
from outlast.domain.crash_policy import SUSPECT_CRASHES
from outlast.domain.errors import QueueFull, TooManyActive
from outlast.domain.session import AnalysisSession, NewSession, pending_session
from outlast.domain.status import Status
from outlast.ports.dispatcher import WaitingSession
from outlast.ports.store import Added, Selection, StartLimits

DEEPEST_POSITION = 10_000


class MemorySessions(MemoryPart):
    """The part of `SessionStore` that starts and reads sessions."""

    async def add(self, new: NewSession, limits: StartLimits) -> Added:
        tables = self._tables
        with tables.lock:
            known = tables.answering(new.owner, new.analysis, new.subject)
            if known is not None:
                return Added(known, existing=True)
            if limits.active_per_owner is not None:
                active = len(tables.in_flight(new.owner))
                if active >= limits.active_per_owner:
                    raise TooManyActive.beside(active)
            waiting = sum(s.status is Status.PENDING for s in tables.sessions.values())
            if waiting >= limits.pending:
                raise QueueFull(f"{waiting} analyses are waiting, and no more are allowed.")
            row = pending_session(new, tables.clock.now(), tables.next_version(0))
            tables.sessions[row.id] = row
            tables.offered[row.id] = row.created_at
            tables.timed_from[row.id] = tables.clock.monotonic()
            return Added(row, existing=False)

    async def offer(self, *, again_after: float, limit: int) -> list[WaitingSession]:
        tables = self._tables
        with tables.lock:
            now, patience = tables.clock.now(), timedelta(seconds=again_after)
            due: list[AnalysisSession] = []
            for row in in_order(tables.sessions.values(), now):
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
            return None if row is None else self._tables.timed(row)

    async def version(self, session_id: str, *, owner: str) -> int | None:
        with self._tables.lock:
            row = self._tables.find(session_id, owner)
        return row.version if row is not None else None

    async def changed(self, seen: Mapping[str, int]) -> list[AnalysisSession]:
        with self._tables.lock:
            rows = self._tables.sessions
            changed = (row for i, version in seen.items() if (row := rows.get(i)) and row.version != version)
            return [self._tables.timed(row) for row in changed]

    async def find_missing(self, session_ids: Sequence[str]) -> set[str]:
        with self._tables.lock:
            return set(session_ids) - self._tables.sessions.keys()

    async def select(self, selection: Selection) -> list[AnalysisSession]:
        with self._tables.lock:
            rows = [self._tables.timed(s) for s in self._tables.sessions.values() if _selected(s, selection)]
            number = {session_id: n for n, session_id in enumerate(self._tables.sessions)}
        rows.reverse()
        rows.sort(key=lambda s: s.created_at, reverse=True)
        if selection.after is not None:
            time = selection.after.created_at
            first = number.get(selection.after.session_id, 0)
            rows = [s for s in rows if s.created_at < time or (s.created_at == time and number[s.id] < first)]
        return rows[: selection.limit]

    async def count(self) -> Mapping[Status, int]:
        with self._tables.lock:
            counted = Counter(s.status for s in self._tables.sessions.values())
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
            ready = in_order((s for s in tables.sessions.values() if s.queue == row.queue), now)
            mine = ready.index(row)
            position = 1 + sum(
                number[s.id] > number[row.id] if suspect and s.crashes >= SUSPECT_CRASHES else place < mine
                for place, s in enumerate(ready)
            )
        return position if position <= DEEPEST_POSITION else None


def claimable(row: AnalysisSession, now: datetime) -> bool:
    """Return whether the session is pending and due; once due, it stays so if the wall clock goes back."""
    return row.status is Status.PENDING and row.available_at <= max(now, row.updated_at)


def in_order(rows: Iterable[AnalysisSession], now: datetime) -> list[AnalysisSession]:
    """Return the sessions that may be claimed, the next one first."""
    return sorted((r for r in rows if claimable(r, now)), key=lambda r: (-r.priority, r.available_at))


def _selected(row: AnalysisSession, selection: Selection) -> bool:
    return (
        selection.owner in {None, row.owner}
        and selection.status in {None, row.status}
        and selection.analysis in {None, row.analysis}
    )
