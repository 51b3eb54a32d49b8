"""What happens in memory when workers end, and when finished things grow old."""

from collections import defaultdict
from datetime import datetime
from typing import Any

from outlast.backends.memory.room import Room
from outlast.backends.memory.tables import Tables
from outlast.domain.blame import Fallen, judged
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.ports.store import Pruned


class Recovery(Room):
    """Rescue, release and cleanup of `SessionStore`."""

    async def rescue(self) -> list[str]:
        tables = self._tables
        with tables.lock:
            now = tables.clock.monotonic()
            ended = {i for i, worker in tables.workers.items() if worker.until <= now}
            alive = tables.workers.keys() - ended
            taken: defaultdict[str | None, list[AnalysisSession]] = defaultdict(list)
            for row in tables.sessions.values():
                if row.status is not Status.PROCESSING:
                    continue
                if row.worker_id not in alive or tables.deadlines[row.id] <= now:
                    taken[row.worker_id].append(row)
            for rows in taken.values():
                _rescue(tables, rows)
            for worker_id in ended:
                del tables.workers[worker_id]
            return [row.id for rows in taken.values() for row in rows]

    async def rescue_worker(self, worker_id: str) -> list[str]:
        tables = self._tables
        with tables.lock:
            rows = tables.held_by(worker_id)
            _rescue(tables, rows)
            tables.workers.pop(worker_id, None)
            return [row.id for row in rows]

    async def release_worker(self, worker_id: str) -> int:
        tables = self._tables
        with tables.lock:
            rows = tables.held_by(worker_id)
            for row in rows:
                release(tables, row)
            tables.workers.pop(worker_id, None)
            return len(rows)

    async def prune(
        self, *, sessions_before: datetime, results_before: datetime, uploads_before: datetime, dry_run: bool
    ) -> Pruned:
        tables = self._tables
        with tables.lock:
            busy = {s.owner for s in tables.sessions.values() if not s.status.final}
            sessions = [
                s.id for s in tables.sessions.values() if s.completed_at and s.completed_at < sessions_before
            ]
            results = [i for i, (_, r) in tables.results.items() if r.completed_at < results_before]
            uploads = [
                key
                for key, (upload, _) in tables.uploads.items()
                if upload.used_at < uploads_before and key[0] not in busy
            ]
            now = tables.clock.now()
            facts = [
                (items, item)
                for keys in tables.facts.values()
                for items in keys.values()
                for item, (_, until) in items.items()
                if until <= now
            ]
            if not dry_run:
                for items, item in facts:
                    del items[item]
                for session_id in sessions:
                    del tables.sessions[session_id]
                    tables.history.pop(session_id, None)
                    tables.kept.pop(session_id, None)
                    tables.ends.pop(session_id, None)
                    tables.offered.pop(session_id, None)
                for session_id in results:
                    del tables.results[session_id]
                for key in uploads:
                    del tables.uploads[key]
            return Pruned(len(sessions), len(results), len(uploads), len(facts))


def release(tables: Tables, row: AnalysisSession) -> None:
    """Give one row back unspent; with a cancel request that is its end."""
    status = Status.PENDING if row.cancel_requested_at is None else Status.CANCELLED
    tables.end_claim(
        row,
        status,
        "released",
        attempt=row.attempt - 1,
        available_at=tables.clock.now(),
        error=None,
        error_code=None,
        reference=None,
    )


def _rescue(tables: Tables, rows: list[AnalysisSession]) -> None:
    """Take the rows that one worker let fall at once."""
    known = {row.id: row for row in rows}
    fallen = [Fallen(r.id, r.claim, r.worker_id or "", r.crashes, r.cancel_requested_at is not None) for r in rows]
    for judgement in judged(fallen):
        row = known[judgement.session_id]
        changes: dict[str, Any] = {"attempt": row.attempt - 1, "crashes": judgement.crashes}
        if judgement.status is Status.FAILED:
            changes |= {"error": judgement.error, "error_code": judgement.error_code, "reference": None}
        elif judgement.status is Status.PENDING:
            changes["available_at"] = tables.clock.now()
        tables.end_claim(row, judgement.status, "crashed", **changes)
