"""Rows of the tables as values of the domain, and back."""

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

from outlast.backends.sqlite.driver import Row
from outlast.domain.progress import Progress, load_steps
from outlast.domain.session import AnalysisSession, AttemptRecord, Claim
from outlast.domain.status import Status

STEPS_KEPT = 1_024
"""Lists of steps kept as values, because the same text is read again and again."""


def as_text(time: datetime) -> str:
    """`YYYY-MM-DD HH:MM:SS.ffffff`, UTC."""
    return time.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def as_datetime(text: str) -> datetime:
    """The inverse of `as_text`."""
    return datetime.fromisoformat(text + "+00:00")


as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""For statements that take many values at once."""


class SessionRows:
    """Reads rows with the columns of `session_columns.sql`."""

    def __init__(self) -> None:
        self._load_steps = lru_cache(STEPS_KEPT)(load_steps)
        self._status = {status.value: status for status in Status}

    def many(self, rows: Iterable[Row]) -> list[AnalysisSession]:
        return [self.one(row) for row in rows]

    def one_or_none(self, row: Row | None) -> AnalysisSession | None:
        return None if row is None else self.one(row)

    def one(self, row: Row) -> AnalysisSession:
        (
            session_id, analysis, subject, owner, input_text, queue, priority, status, version, claim, worker_id,
            attempt, max_attempts, crashes, timeout, percentage, current_step, message, steps, created_at,
            updated_at, available_at, started_at, completed_at, cancel_requested_at, error, error_code, reference,
            redirect_url, result_bytes,
        ) = row  # fmt: skip
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
            as_datetime(created_at),
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
        )


def attempt_record(row: Row) -> AttemptRecord:
    claim, attempt, worker_id, ended, ended_at, error, reference = row
    return AttemptRecord(claim, attempt, worker_id, ended, as_datetime(ended_at), error, reference)


def digest(claim: Claim, parts: Iterable[str]) -> bytes:
    """Names one end of one claim, so that its repetition is known as such."""
    hashed = hashlib.blake2b(str(claim.number).encode(), digest_size=16)
    for part in parts:
        data = part.encode()
        hashed.update(len(data).to_bytes(8, "big"))
        hashed.update(data)
    return hashed.digest()
