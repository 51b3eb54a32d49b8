"""Conversion of database rows to values of the domain."""

import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from outlast.core.text_cache import text_cache
from outlast.domain.progress import Progress, load_steps
from outlast.domain.session import AnalysisSession, AttemptRecord
from outlast.domain.status import Status

Row = tuple[Any, ...]

Since = Callable[[datetime, int, Any, Any], float]
"""Returns the uncounted milliseconds of a row in flight, from its creation, its count and its last two columns."""
MILLISECOND = timedelta(milliseconds=1)
STEPS_KEPT = 1_024
"""Parsed lists of steps in the cache, because the same text is read repeatedly."""
LONGEST_STEPS = 8_000
"""Characters of a list that is cached."""

as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Encodes the parameters of statements for many rows."""


class RowReader:
    """Converts the rows of one kind of database, whose times `as_datetime` parses."""

    def __init__(self, as_datetime: Callable[[Any], datetime], since: Since) -> None:
        self.as_datetime = as_datetime
        self._since = since
        self._load_steps = text_cache(STEPS_KEPT, LONGEST_STEPS)(load_steps)
        self._status = {status.value: status for status in Status}

    def many(self, rows: Iterable[Row]) -> list[AnalysisSession]:
        return [self.one(row) for row in rows]

    def one_or_none(self, row: Row | None) -> AnalysisSession | None:
        return None if row is None else self.one(row)

    def one(self, row: Row) -> AnalysisSession:
        """Convert a row with the columns of `session_columns.sql`."""
        as_datetime = self.as_datetime
        (
            session_id, analysis, subject, owner, input_text, queue, priority, status, version, claim, worker_id,
            attempt, max_attempts, crashes, timeout, percentage, current_step, message, steps, created_at,
            updated_at, available_at, started_at, completed_at, cancel_requested_at, error, error_code, reference,
            redirect_url, result_bytes, lapses, waited_ms, worked_ms, timed_from, boot,
        ) = row  # fmt: skip
        created = as_datetime(created_at)
        if completed_at is None:
            since = max(0, round(self._since(created, waited_ms + worked_ms, timed_from, boot)))
            waited_ms, worked_ms = (
                (waited_ms + since, worked_ms) if status == "pending" else (waited_ms, worked_ms + since)
            )
        elif timed_from is None:  # it ended under an earlier version
            worked_ms = max(0, (as_datetime(completed_at) - created) // MILLISECOND)
        return AnalysisSession(
            session_id,
            analysis,
            subject,
            owner,
            input_text,
            queue,
            priority,
            self._status[status],
            version,
            claim,
            worker_id,
            attempt,
            max_attempts,
            crashes,
            timeout,
            Progress(percentage, current_step, message, self._load_steps(steps)),
            created,
            as_datetime(updated_at),
            as_datetime(available_at),
            started_at and as_datetime(started_at),
            completed_at and as_datetime(completed_at),
            cancel_requested_at and as_datetime(cancel_requested_at),
            error,
            error_code,
            reference,
            redirect_url,
            result_bytes,
            lapses,
            waited_ms,
            worked_ms,
        )

    def attempt(self, row: Row) -> AttemptRecord:
        """Convert a row with the columns of `history.sql`."""
        claim, attempt, worker_id, ended, ended_at, error, reference, cause = row
        return AttemptRecord(claim, attempt, worker_id, ended, self.as_datetime(ended_at), error, reference, cause)
