"""Conversion of database rows, which are read by column name, to values of the domain."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from enum import StrEnum
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from outlast.core.text_cache import text_cache
from outlast.domain.crash_policy import EarlierCrash, by_session
from outlast.domain.progress import Progress, load_steps
from outlast.domain.session import AnalysisSession, AttemptRecord, Claim, NewSession
from outlast.domain.status import Status
from outlast.domain.worker_control import ControlRequest, WorkerCommand, WorkerKind, WorkerState
from outlast.ports.api_keys import ApiKey
from outlast.ports.workers import Renewal, WorkerInfo

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Row = dict[str, Any]
"""The values of a row by the names of their columns."""

PROGRESS_COLUMNS = ("version", "progress_percentage", "current_step", "current_message", "steps", "updated_at")
"""The columns of a session that its progress changes."""
SESSION_COLUMNS = tuple(
    field.name
    for field in fields(AnalysisSession)
    if field.name not in {"owner", "input", "progress", *PROGRESS_COLUMNS}
)
"""The other columns of a session that have the names of its fields and need no conversion in SQL."""
NEW_COLUMNS = tuple(field.name for field in fields(NewSession) if field.name not in {"owner", "delay"})
"""The columns that a start inserts under the names of their fields."""
SESSION_TIMES = tuple(field.name for field in fields(AnalysisSession) if field.name.endswith("_at"))
values_of_session = itemgetter(*(field.name for field in fields(AnalysisSession)))

TIMES = ("_at", "since", "until", "hour")
MILLISECOND = timedelta(milliseconds=1)
STEPS_KEPT = 1_024
"""Parsed lists of steps in the cache, because the same text is read repeatedly."""
LONGEST_STEPS = 8_000
"""Characters of a list that is cached."""

as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Encodes the parameters of statements for many rows."""


def fields_of(value: "DataclassInstance") -> dict[str, Any]:
    """Return the fields of a dataclass by name, as parameters of a statement."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


def api_key_values(key: ApiKey, digest: str) -> dict[str, Any]:
    """Return the parameters of `add_api_key.sql`."""
    return fields_of(key) | {"digest": digest, "scopes": " ".join(sorted(key.scopes))}


def as_renewal(renewed: Row, held: Iterable[Row]) -> Renewal:
    """Convert the row of `renew.sql` and the rows of `held_claims.sql`."""
    asked = renewed["requested"]
    requests = {Claim(row["id"], row["claim"]): bool(row["cancel_requested"]) for row in held}
    return Renewal(
        frozenset(requests),
        frozenset(claim.session_id for claim, requested in requests.items() if requested),
        None if asked is None else ControlRequest(renewed["requests"], WorkerCommand(asked)),
    )


def as_worker(row: Row) -> WorkerInfo:
    """Convert a row of `workers.sql` whose lists, times and truth values are converted already."""
    words: dict[str, Callable[[str], StrEnum]] = {
        "kind": WorkerKind,
        "state": WorkerState,
        "requested": WorkerCommand,
    }
    converted: Row = {name: word(row[name]) for name, word in words.items() if row[name] is not None}
    return WorkerInfo(**row | converted)


class RowReader:
    """Converts the rows of one kind of database.

    `as_datetime` parses its times. `uncounted` returns the milliseconds that the durations in the row of a session
    do not include yet; `None` if they were never counted.
    """

    def __init__(self, as_datetime: Callable[[Any], datetime], uncounted: Callable[[Row], float | None]) -> None:
        self.as_datetime = as_datetime
        self._uncounted = uncounted
        self._load_steps = text_cache(STEPS_KEPT, LONGEST_STEPS)(load_steps)
        self._status = {status.value: status for status in Status}

    def many(self, rows: Iterable[Row]) -> list[AnalysisSession]:
        return [self.one(row) for row in rows]

    def one_or_none(self, row: Row | None) -> AnalysisSession | None:
        return None if row is None else self.one(row)

    def one(self, row: Row) -> AnalysisSession:
        """Convert a row with the columns of `fragments/session_columns.sql`, in place."""
        for name in SESSION_TIMES:
            if row[name] is not None:
                row[name] = self.as_datetime(row[name])
        uncounted = self._uncounted(row)
        if row["completed_at"] is None:
            row["waited_ms" if row["status"] == "pending" else "worked_ms"] += max(0, round(uncounted or 0))
        elif uncounted is None:  # it ended under an earlier version
            row["worked_ms"] = max(0, (row["completed_at"] - row["created_at"]) // MILLISECOND)
        row["status"] = self._status[row["status"]]
        row["progress"] = Progress(
            row["progress_percentage"], row["current_step"], row["current_message"], self._load_steps(row["steps"])
        )
        return AnalysisSession(*values_of_session(row))

    def attempt(self, row: Row) -> AttemptRecord:
        """Convert a row with the columns of `history.sql`."""
        return AttemptRecord(**self.with_times(row))

    def api_key(self, row: Row) -> ApiKey:
        """Convert a row with the columns of `fragments/api_key_columns.sql`."""
        values: dict[str, Any] = self.with_times(row)
        values["scopes"] = frozenset(row["scopes"].split())
        return ApiKey(**values)

    def crashes(self, rows: Iterable[Row]) -> dict[str, Sequence[EarlierCrash]]:
        """Convert the rows of `earlier_crashes.sql`, by session."""
        return by_session(
            (row["session_id"], row["worker_id"], row["cause"], self.as_datetime(row["ended_at"])) for row in rows
        )

    def with_times(self, row: Row) -> Row:
        """Return the row with its times parsed: the columns whose names end as in `TIMES`."""
        return {
            name: self.as_datetime(value) if name.endswith(TIMES) and value is not None else value
            for name, value in row.items()
        }
