"""What operators ask about failed sessions, in memory, and the retry of many."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from outlast.backends.memory.sessions import exception_of, rows_after, selected
from outlast.backends.memory.tables import MemoryPart
from outlast.backends.memory.verbs import retry
from outlast.domain.session import AnalysisSession, AttemptRecord
from outlast.domain.status import Status
from outlast.ports.failures import FailureReason, RetryAnswer, Selection


class MemoryFailures(MemoryPart):
    """`Failures`."""

    async def failed(self, selection: Selection) -> list[AnalysisSession]:
        wanted = replace(selection, status=None)
        with self._tables.lock:
            rows = [s for s in self._tables.sessions.values() if s.status is Status.FAILED]
            rows.reverse()
            rows.sort(key=lambda s: (s.completed_at, s.queue), reverse=True)
            rows = [r for r in rows_after(rows, selection.after_id) if selected(self._tables, r, wanted)]
            return [self._tables.timed(r) for r in rows[: selection.limit]]

    async def failure_reasons(self, selection: Selection) -> Sequence[FailureReason]:
        wanted = Selection(
            status=Status.FAILED, analysis=selection.analysis, queue=selection.queue, code=selection.code,
            exception=selection.exception, ended_since=selection.ended_since,
        )  # fmt: skip
        groups: dict[tuple[str, str, str], list[AnalysisSession]] = defaultdict(list)
        with self._tables.lock:
            for row in self._tables.sessions.values():
                if selected(self._tables, row, wanted):
                    groups[row.analysis, row.error_code or "", exception_of(self._tables, row)].append(row)
        found: list[FailureReason] = []
        for reason, rows in groups.items():
            ends = sorted((row.completed_at, row.id) for row in rows if row.completed_at is not None)
            found.append(FailureReason(*reason, len(rows), ends[0][0], *ends[-1]))
        return sorted(found, key=lambda reason: (reason.sessions, reason.last_at), reverse=True)

    async def last_attempts(self, session_ids: Sequence[str]) -> Mapping[str, AttemptRecord]:
        with self._tables.lock:
            history = self._tables.history
            return {one: history[one][-1] for one in session_ids if history.get(one)}

    async def find_sessions(self, text: str, *, limit: int) -> list[AnalysisSession]:
        history = self._tables.history
        return self._newest(
            lambda row: row.id.startswith(text) or text in {line.reference for line in history.get(row.id, ())},
            limit if text else 0,
        )

    async def search_sessions(self, text: str, *, limit: int) -> list[AnalysisSession]:
        wanted, history = text.lower(), self._tables.history

        def matches(row: AnalysisSession) -> bool:
            texts = [row.subject, row.error or ""]
            if row.error is not None and history.get(row.id):
                last = history[row.id][-1]
                texts.append(f"{last.exception}: {last.exception_message}")
            return any(wanted in one.lower() for one in texts)

        return self._newest(matches, limit if text else 0)

    async def retry_each(self, attempts: Mapping[str, int]) -> Mapping[str, RetryAnswer]:
        with self._tables.lock:
            answers = {one: retry(self._tables, one, None, more) for one, more in attempts.items()}
        return {one: answer for one, answer in answers.items() if answer is not None}

    def _newest(self, matches: Callable[[AnalysisSession], bool], limit: int) -> list[AnalysisSession]:
        with self._tables.lock:
            rows = [self._tables.shown(row) for row in self._tables.sessions.values() if matches(row)]
        rows.reverse()
        return sorted(rows, key=lambda s: s.created_at, reverse=True)[:limit]
