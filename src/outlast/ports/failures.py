"""Selections of sessions, and what operators ask about those that failed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from outlast.domain.session import AnalysisSession, AttemptRecord
from outlast.domain.status import Status


class RetryAnswer(StrEnum):
    """What a retry found."""

    RETRIED = "retried"
    """It is pending again."""
    NOT_FINAL = "not_final"
    """It is in flight; nothing changed."""
    COMPLETED = "completed"
    """Completed sessions are not repeated; nothing changed."""
    ANOTHER_IN_FLIGHT = "another_in_flight"
    """The same owner has the same subject in flight in another session; nothing changed."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last session of the page before, in a list by `created_at`; it may have been deleted."""

    created_at: datetime
    session_id: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Which sessions to list; `None` does not restrict."""

    owner: str | None = None
    status: Status | None = None
    analysis: str | None = None
    limit: int = 50
    queue: str | None = None
    code: str | None = None
    """The kind of the error, as in `AnalysisSession.error_code`."""
    exception: str | None = None
    """The class of the last exception, as in `FailureReason`; `""`: without an exception."""
    since: datetime | None = None
    """Started at this time or later."""
    ended_since: datetime | None = None
    """Final since this time or later."""
    after: Cursor | str | None = None
    """Only what the list has after the session with this id; nothing if that session is gone.

    With a cursor, the list of `SessionStore.select` then continues with the sessions that are older.
    """

    @property
    def after_id(self) -> str | None:
        return self.after.session_id if isinstance(self.after, Cursor) else self.after

    @property
    def after_time(self) -> datetime | None:
        return self.after.created_at if isinstance(self.after, Cursor) else None


@dataclass(frozen=True, slots=True)
class FailureReason:
    """Failed sessions of one analysis with one code and one class of exception."""

    analysis: str
    code: str
    exception: str
    """The class of the last attempt's exception, with its module; empty if none was raised or kept."""
    sessions: int
    first_at: datetime
    last_at: datetime
    example: str
    """The id of the one that failed last."""


SEARCHED = 10_000
"""Sessions of each status that a search for a text reads."""


class Failures(Protocol):
    """Finds failed sessions and retries many of them, for operators. Same laws as `SessionStore`."""

    async def failed(self, selection: Selection) -> list[AnalysisSession]:
        """Return the selected failed sessions, the one that failed last first; the status is ignored."""
        ...

    async def failure_reasons(self, selection: Selection) -> Sequence[FailureReason]:
        """Group the selected failed sessions, the largest group first.

        Only the analysis, the queue, the code, the exception and `ended_since` are considered.
        """
        ...

    async def last_attempts(self, session_ids: Sequence[str]) -> Mapping[str, AttemptRecord]:
        """Return the last line of history of each of these sessions that has one."""
        ...

    async def find_sessions(self, text: str, *, limit: int) -> list[AnalysisSession]:
        """Return the sessions whose id begins with `text`, or one of whose attempts has it as its reference, the
        newest first. An empty text finds nothing.
        """
        ...

    async def search_sessions(self, text: str, *, limit: int) -> list[AnalysisSession]:
        """Return the newest sessions whose subject, error or last exception contains `text` in any case.

        Only the newest `SEARCHED` sessions of each status are searched, which bounds the time.
        """
        ...

    async def retry_each(self, attempts: Mapping[str, int]) -> Mapping[str, RetryAnswer]:
        """Do as `SessionStore.retry` does for each of these sessions, in one transaction.

        `attempts` has the number of further attempts by session id. Sessions that do not exist have no answer.
        """
        ...
