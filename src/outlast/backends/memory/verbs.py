"""The operations on a session in memory: claim, report, finish, cancel, retry."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from outlast.backends.memory.recovery import release
from outlast.backends.memory.sessions import claimable, in_order
from outlast.backends.memory.shared_runs import follow_again, leave_run, retry_shared
from outlast.backends.memory.tables import MemoryPart, MemoryTables, RecordedEnd
from outlast.domain.crash_policy import SUSPECT_CRASHES, may_run_beside
from outlast.domain.limits import Verdict
from outlast.domain.outcome import Cancelled, Completed, End, Failed, Postponed, Released
from outlast.domain.session import AnalysisSession, AttemptRecord, Claim, KeptStep
from outlast.domain.status import Status
from outlast.ports.failures import Answered
from outlast.ports.results import StoredResult
from outlast.ports.store import CLOCK_MARGIN, CancelAnswer, ClaimRequest, ProgressUpdate, RetryAnswer

ALMOST_DONE = 99.9
"""Only completed rows have 100 percent."""


class MemoryVerbs(MemoryPart):
    """The part of `SessionStore` that changes sessions."""

    async def claim(self, worker_id: str, wanted: ClaimRequest) -> list[AnalysisSession]:
        tables = self._tables
        taken: list[AnalysisSession] = []
        with tables.lock:
            if worker_id not in tables.workers:
                return taken
            ready = [r for r in in_order(tables, tables.clock.now()) if not tables.paused(r)]
            known = [r for r in ready if r.queue in wanted.queues and r.analysis in wanted.analyses]
            beside = [r for r in known if may_run_beside(r.crashes, wanted.most_crashes)]
            fit = [r for r in beside if r.id not in wanted.excluding]
            suspected = {r.id for r in fit if r.crashes >= SUSPECT_CRASHES}
            # of the suspects the newest: its worker lived before it came
            last = next((i for i in reversed(tables.sessions) if i in suspected), None)
            admission = tables.admission()
            next_ones = [
                r
                for r in fit
                if (r.id not in suspected or r.id == last)
                and admission.decide(tables.limits.get(r.id, ())).verdict is Verdict.RUN
            ][: wanted.limit]
            most = max((r.crashes for r in next_ones), default=0)
            taken += [
                self._take(r, worker_id) for r in next_ones if r.id == last or may_run_beside(r.crashes, most)
            ]
        return taken

    async def claim_one(self, worker_id: str, session_id: str) -> AnalysisSession | None:
        tables = self._tables
        with tables.lock:
            row = tables.sessions.get(session_id)
            if row is None or worker_id not in tables.workers or not claimable(row, tables.clock.now()):
                return None
            if tables.paused(row):
                return None
            if not tables.may_run(row):
                tables.offered.pop(row.id, None)  # a fleet is told of it again once it may run
                return None
            return self._take(row, worker_id)

    def _take(self, row: AnalysisSession, worker_id: str) -> AnalysisSession:
        tables = self._tables
        tables.admission().begin(tables.limits.get(row.id, ()))
        return tables.write(
            row,
            status=Status.PROCESSING,
            worker_id=worker_id,
            claim=row.claim + 1,
            attempt=row.attempt + 1,
            started_at=row.started_at or max(tables.clock.now(), row.created_at),
        )

    async def report(self, updates: Sequence[ProgressUpdate]) -> set[Claim]:
        tables = self._tables
        lost: set[Claim] = set()
        with tables.lock:
            for update in updates:
                row = tables.claimed(update.claim)
                if row is None:
                    lost.add(update.claim)
                    continue
                shown = max(row.progress.percentage, min(update.progress.percentage, ALMOST_DONE))
                tables.write(row, progress=replace(update.progress, percentage=shown))
        return lost

    async def kept_steps(self, session_id: str) -> Sequence[KeptStep]:
        with self._tables.lock:
            return list(self._tables.kept.get(session_id, {}).values())

    async def keep_step(self, claim: Claim, kept: KeptStep) -> bool:
        tables = self._tables
        with tables.lock:
            if tables.claimed(claim) is None:
                return False
            tables.kept[claim.session_id][kept.call] = kept
            return True

    async def limit_attempts(self, claim: Claim, max_attempts: int) -> bool:
        tables = self._tables
        with tables.lock:
            if (row := tables.claimed(claim)) is None:
                return False
            tables.sessions[row.id] = replace(row, max_attempts=max_attempts)
            return True

    async def finish(self, claim: Claim, end: End, *, worked: float | None = None) -> bool:  # noqa: ARG002 - it shares the worker's clock
        with self._tables.lock:
            return finish(self._tables, claim, end)

    async def cancel(self, session_id: str, *, owner: str | None) -> CancelAnswer | None:
        tables = self._tables
        with tables.lock:
            row = tables.find(session_id, owner)
            if row is None:
                return None
            now = tables.clock.now()
            if row.follows:
                leave_run(tables, row)
                return CancelAnswer.CANCELLED
            match row.status:
                case Status.PENDING:
                    tables.write(
                        row,
                        status=Status.CANCELLED,
                        cancel_requested_at=now,
                        completed_at=max(now, row.started_at or row.created_at),
                    )
                    return CancelAnswer.CANCELLED
                case Status.PROCESSING:
                    if row.cancel_requested_at is None:
                        tables.write(row, cancel_requested_at=now)
                    return CancelAnswer.CANCELLING
                case Status.CANCELLED:
                    return CancelAnswer.CANCELLED
                case Status.COMPLETED | Status.FAILED:
                    return CancelAnswer.FINAL

    async def retry(
        self, session_id: str, *, owner: str | None, attempts: int, answered: Answered | None = None
    ) -> RetryAnswer | None:
        with self._tables.lock:
            return retry(self._tables, session_id, owner, attempts, answered)

    async def end_future_waits(self) -> int:
        tables = self._tables
        with tables.lock:
            now = tables.clock.now()
            soon = now + timedelta(seconds=CLOCK_MARGIN)
            rows = [r for r in tables.sessions.values() if r.status is Status.PENDING and r.updated_at > soon]
            waiting = [row for row in rows if row.available_at > row.updated_at and not row.follows]
            for row in waiting:
                tables.write(row, available_at=now)
                tables.offered.pop(row.id, None)
            return len(waiting)

    async def history(self, session_id: str) -> Sequence[AttemptRecord]:
        with self._tables.lock:
            row, history = self._tables.sessions.get(session_id), self._tables.history
            shared = row.run_id if row is not None else None
            return list(history.get(shared or session_id, ()))

    async def adopt(self, anonymous: str, owner: str) -> int:
        tables = self._tables
        if anonymous == owner:
            return 0
        with tables.lock:
            moved = [
                row
                for row in tables.sessions.values()
                if row.owner == anonymous
                and (row.status.final or tables.answering(owner, row.analysis, row.subject) is None)
            ]
            for row in moved:
                tables.write(row, owner=owner)
                tables.adopt_reuse_key(row.id, anonymous, owner)
            for session_id, (holder, result) in tables.results.items():
                if holder == anonymous:
                    tables.results[session_id] = (owner, result)
                    tables.adopt_reuse_key(session_id, anonymous, owner)
            for key in [key for key in tables.uploads if key[0] == anonymous]:
                if (owner, key[1]) not in tables.uploads:
                    tables.uploads[owner, key[1]] = tables.uploads.pop(key)
            return len(moved)


def finish(tables: MemoryTables, claim: Claim, end: End) -> bool:
    """`SessionStore.finish`, under the lock."""
    written = RecordedEnd(claim, end)
    row = tables.claimed(claim)
    if row is None:
        return tables.ends.get(claim.session_id) == written
    _end(tables, row, end)
    tables.ends[row.id] = written
    return True


def _end(tables: MemoryTables, row: AnalysisSession, end: End) -> None:
    now = tables.clock.now()
    again = Status.PENDING if row.cancel_requested_at is None else Status.CANCELLED
    match end:
        case Completed():
            progress = replace(row.progress, percentage=100.0, steps=end.steps)
            stored = StoredResult(row.id, row.analysis, row.subject, end.result, end.redirect_url, now)
            tables.results[row.id] = (row.owner, stored)
            tables.kept.pop(row.id, None)
            tables.end_claim(
                row,
                Status.COMPLETED,
                "completed",
                progress=progress,
                error=None,
                error_code=None,
                reference=None,
                redirect_url=end.redirect_url,
                result_bytes=len(end.result.encode()),
            )
        case Failed():
            tables.end_claim(
                row,
                Status.FAILED,
                "failed",
                progress=replace(row.progress, steps=end.steps),
                error=end.error,
                error_code=end.code,
                reference=end.reference,
                asked=end.asked,
                last_step=end.last_step,
                report=end.report,
            )
        case Postponed():
            tables.end_claim(
                row,
                again,
                "postponed",
                progress=replace(row.progress, steps=end.steps),
                error=end.error,
                error_code=end.code,
                reference=end.reference,
                available_at=now + timedelta(seconds=end.delay),
                last_step=end.last_step,
                report=end.report,
            )
        case Cancelled():
            progress = replace(row.progress, steps=end.steps)
            tables.end_claim(row, Status.CANCELLED, "cancelled", progress=progress, last_step=end.last_step)
        case Released():
            release(tables, row, end.why, end.last_step)
        case _:
            assert_never(end)


def retry(
    tables: MemoryTables, session_id: str, owner: str | None, attempts: int, answered: Answered | None = None
) -> RetryAnswer | None:
    """`SessionStore.retry`, under the lock."""
    row = tables.find(session_id, owner)
    if row is None:
        return None
    if not row.status.final:
        return RetryAnswer.NOT_FINAL
    if row.status is Status.COMPLETED:
        return RetryAnswer.COMPLETED
    if answered is not None and row.error_code != "question":
        return RetryAnswer.NOTHING_ASKED
    new = answered or Answered(row.input, row.subject)
    if tables.answering(row.owner, row.analysis, new.subject) is not None:
        return RetryAnswer.ANOTHER_IN_FLIGHT
    if row.run_id is not None:
        shared = None if answered is not None else retry_shared(tables, row, attempts)
        if shared is not None:
            return shared
        tables.kept[row.id] = dict(tables.kept.get(row.run_id, {}))
    retried = tables.retry_row(row, attempts, input=new.input, subject=new.subject, run_id=None)
    if retried.is_shared_run:
        follow_again(tables, retried)
    return RetryAnswer.RETRIED
