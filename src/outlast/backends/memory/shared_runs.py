"""Runs that the sessions of several owners share, in memory."""

from dataclasses import replace

from outlast.backends.memory.tables import MemoryTables
from outlast.domain.session import AnalysisSession, NewSession, following_session
from outlast.domain.status import IN_FLIGHT, Status
from outlast.ports.failures import RetryAnswer


def add_following(tables: MemoryTables, new: NewSession, run: AnalysisSession) -> AnalysisSession:
    """Add a session that shares this run, and return it as its owner sees it."""
    row = following_session(replace(new, run_id=run.id), tables.clock.now())
    tables.sessions[row.id] = row
    tables.turns[row.id] = row.created_at
    tables.timed_from[row.id] = tables.clock.monotonic()
    if new.reuse_key is not None:
        tables.reuse_keys[row.id] = new.reuse_key
    return tables.shown(row)


def leave_run(tables: MemoryTables, row: AnalysisSession) -> None:
    """Cancel a session that shares a run, and the run if no session is left."""
    now, shown = tables.clock.now(), tables.shown(row)
    tables.write(
        replace(row, version=shown.version),
        status=Status.CANCELLED,
        progress=shown.progress,
        attempt=shown.attempt,
        max_attempts=shown.max_attempts,
        started_at=shown.started_at,
        available_at=shown.available_at,
        cancel_requested_at=now,
        completed_at=max(now, shown.started_at or row.created_at),
    )
    run = tables.sessions.get(row.run_id or "")
    if run is None or tables.following(run.id) or run.status.final:
        return
    if run.status is Status.PENDING:
        completed_at = max(now, run.started_at or run.created_at)
        tables.write(run, status=Status.CANCELLED, cancel_requested_at=now, completed_at=completed_at)
    elif run.cancel_requested_at is None:
        tables.write(run, cancel_requested_at=now)


def retry_shared(tables: MemoryTables, row: AnalysisSession, attempts: int) -> RetryAnswer | None:
    """Let a session that has shared a run follow the one in flight, or its own, retried; `None` without either."""
    key = tables.reuse_keys.get(row.id)
    run = None if key is None else tables.answering(key, row.analysis, row.subject)
    if run is None:
        former = tables.sessions.get(row.run_id or "")
        if former is None or former.status not in {Status.FAILED, Status.CANCELLED}:
            return None
        run = tables.retry_row(former, attempts)
        follow_again(tables, run, row)
    else:
        tables.follow(row, run)
    return RetryAnswer.RETRIED


def follow_again(tables: MemoryTables, run: AnalysisSession, also: AnalysisSession | None = None) -> None:
    """Let the sessions that have failed with this run follow it again."""
    for row in list(tables.sessions.values()):
        failed = row.status is Status.FAILED and row.run_id == run.id
        if (failed or (also is not None and row.id == also.id)) and (
            tables.answering(row.owner, row.analysis, row.subject) is None
        ):
            tables.follow(row, run)


def orphaned_runs(tables: MemoryTables) -> list[str]:
    """Return the runs that have ended and whose sessions are all deleted."""
    wanted = {row.run_id for row in tables.sessions.values()}
    return [
        row.id
        for row in tables.sessions.values()
        if row.is_shared_run and row.status not in IN_FLIGHT and row.id not in wanted
    ]
