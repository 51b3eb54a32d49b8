"""Rescue of sessions from dead workers, release by stopping ones, and cleanup, in memory."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from outlast.backends.memory.shared_runs import orphaned_runs
from outlast.backends.memory.tables import MemoryPart, MemoryTables
from outlast.domain.crash_policy import Death, HeldSession, RescuedState, after_crash, after_lapse, by_session
from outlast.domain.lease_observer import UNREGISTERED, Heartbeat, lapse_line, return_line
from outlast.domain.progress import StepStatus
from outlast.domain.session import AnalysisSession, AttemptEnd
from outlast.domain.status import Status
from outlast.ports.audit import AUDIT_KEPT, AUDIT_KEPT_DAYS
from outlast.ports.store import Pruned


class MemoryRecovery(MemoryPart):
    """Rescue, release and cleanup of `SessionStore`."""

    async def heartbeats(self) -> Sequence[Heartbeat]:
        tables = self._tables
        with tables.lock:
            registered = [
                Heartbeat(i, str(worker.beat + 1), process=worker.info.process)
                for i, worker in tables.workers.items()
            ]
            holders = {row.worker_id for row in tables.sessions.values() if row.worker_id is not None}
            return registered + [Heartbeat(i, UNREGISTERED) for i in sorted(holders - tables.workers.keys())]

    async def rescue(self, lapsed: Sequence[Heartbeat]) -> list[str]:
        tables = self._tables
        with tables.lock:
            current = await self.heartbeats()
            rows: list[AnalysisSession] = []
            dead = [beat.worker_id for beat in current if beat in lapsed]
            for worker_id in dead:
                rows += tables.held_by(worker_id)
            _apply(tables, after_lapse(map(_held, rows)), "lapsed")
            for worker_id in dead:
                tables.workers.pop(worker_id, None)
            return [row.id for row in rows]

    async def rescue_worker(self, worker_id: str, death: Death) -> list[str]:
        tables = self._tables
        with tables.lock:
            rows = tables.held_by(worker_id)
            crashes = by_session(
                (row.id, line.worker_id, line.cause, line.ended_at)
                for row in rows
                for line in tables.history[row.id]
                if line.ended == "crashed"
            )
            states = after_crash(death, map(_held, rows), tables.clock.now(), crashes)
            _apply(tables, states, "crashed", death.cause)
            tables.workers.pop(worker_id, None)
            return [row.id for row in rows]

    async def release_worker(self, worker_id: str) -> int:
        return release_all(self._tables, worker_id)

    async def prune(
        self,
        *,
        sessions_before: datetime,
        results_before: datetime,
        uploads_before: datetime,
        failed_before: datetime | None = None,
        dry_run: bool,
    ) -> Pruned:
        tables = self._tables
        before = defaultdict(lambda: sessions_before, {Status.FAILED: failed_before or sessions_before})
        with tables.lock:
            busy = {s.owner for s in tables.sessions.values() if not s.status.final}
            sessions = [
                s.id for s in tables.sessions.values() if s.completed_at and s.completed_at < before[s.status]
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
                for item, (_, until, _) in items.items()
                if until <= now
            ]
            if not dry_run:
                _prune_audit(tables)
                for items, item in facts:
                    del items[item]
                for session_id in sessions:
                    tables.forget(session_id)
                for run_id in orphaned_runs(tables):
                    tables.forget(run_id)
                for start_key in [key for key, row in tables.start_keys.items() if row.until <= now]:
                    del tables.start_keys[start_key]
                for session_id in results:
                    tables.drop_result(session_id)
                for key in uploads:
                    del tables.uploads[key]
            return Pruned(len(sessions), len(results), len(uploads), len(facts))


def release(
    tables: MemoryTables, row: AnalysisSession, why: str | None = None, last_step: str | None = None
) -> None:
    """Release one session unspent, or end it if a cancel was requested. The rest is for its history."""
    status = Status.PENDING if row.cancel_requested_at is None else Status.CANCELLED
    tables.end_claim(
        row,
        status,
        "released",
        line=why,
        last_step=last_step,
        attempt=row.attempt - 1,
        available_at=tables.clock.now(),
        error=None,
        error_code=None,
        reference=None,
    )


def release_all(tables: MemoryTables, worker_id: str) -> int:
    """Release all sessions of a worker without spending their attempts, and delete it."""
    with tables.lock:
        rows = tables.held_by(worker_id)
        for row in rows:
            release(tables, row, last_step=active_step(row))
        tables.workers.pop(worker_id, None)
        return len(rows)


def take_lapses_back(tables: MemoryTables, worker_id: str) -> None:
    """Take back the lapses that were counted for this worker, which is alive."""
    for session_id, lines in tables.history.items():
        for n, line in enumerate(lines):
            if (line.worker_id, line.ended, line.error) == (worker_id, "lapsed", lapse_line(worker_id)):
                lines[n] = replace(line, error=return_line(worker_id))
                row = tables.sessions.get(session_id)
                if row is not None and not row.status.final:
                    tables.sessions[session_id] = replace(row, lapses=max(0, row.lapses - 1))


def active_step(row: AnalysisSession) -> str | None:
    """Return the step that was running by the progress reported last."""
    active = [step.name for step in row.progress.steps if step.status is StepStatus.ACTIVE]
    return active[-1] if active else None


def _held(row: AnalysisSession) -> HeldSession:
    return HeldSession(
        row.id, row.claim, row.worker_id or "", row.crashes, row.lapses, row.cancel_requested_at is not None
    )


def _apply(
    tables: MemoryTables, states: Iterable[RescuedState], ended: AttemptEnd, cause: str | None = None
) -> None:
    for state in states:
        row = tables.sessions[state.session_id]
        changes: dict[str, Any] = {
            "attempt": row.attempt - 1,
            "crashes": state.crashes,
            "lapses": state.lapses,
        }
        if state.status is Status.FAILED:
            changes |= {"error": state.error, "error_code": state.error_code, "reference": None}
        elif state.status is Status.PENDING:
            changes["available_at"] = tables.clock.now()
        tables.end_claim(
            row, state.status, ended, line=state.line, cause=cause, last_step=active_step(row), **changes
        )


def _prune_audit(tables: MemoryTables) -> None:
    """Delete the lines that are not kept any more."""
    before = tables.clock.now() - timedelta(days=AUDIT_KEPT_DAYS)
    lines = sorted(tables.audit.values(), key=lambda line: (line.at, line.id), reverse=True)
    tables.audit = {line.id: line for line in reversed(lines[:AUDIT_KEPT]) if line.at >= before}
