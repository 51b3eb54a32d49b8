"""Copies all rows of one database into another, compares both, and closes the source with the new address."""

import hashlib
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from outlast.backends.rows import Row
from outlast.backends.statements import Statements
from outlast.domain.errors import OutlastError, StoreUnavailable
from outlast.domain.storable_text import storable_text

TABLES = {
    "analysis_sessions": "sessions",
    "session_progress": "progress",
    "attempts": "attempts",
    "step_results": "kept steps",
    "results": "results",
    "step_statistics": "durations",
    "uploads": "uploads",
    "upload_chunks": "contents of uploads",
    "facts": "facts",
    "pauses": "pauses",
    "limit_keys": "limits",
    "audit": "lines of the audit log",
    "start_keys": "start keys",
    "api_keys": "API keys",
    "callbacks": "receivers of webhooks",
}
"""The tables to copy, each after those that it references, with what people call their rows."""
CONDITIONS = {
    "uploads": "WHERE sha256 IS NOT NULL",
    "upload_chunks": "WHERE upload_id IN (SELECT id FROM uploads WHERE sha256 IS NOT NULL)",
}
"""Which rows are copied: an upload without its hash is incomplete."""
NOT_COPIED = frozenset({"deadline", "offered_at"})
"""Columns that concern the workers and the broker of the source alone."""
NOT_COMPARED = frozenset({"timed_from"})
"""A time that SQLite stores by the machine's monotonic clock, and that is rounded whenever it is converted."""
REPORT_EVERY = 100
"""Rows between two reports of progress."""

CopiedRow = tuple[Any, ...]
"""The values of one row, in the order of the columns that were asked for."""
OnProgress = Callable[[str, int, int], None]
"""Called with a description of the phase, the number of rows done, and their total."""


class CopyError(OutlastError):
    """The copy was refused or differs from its source; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Copied:
    """The verified contents of a finished copy."""

    sessions: int
    results: int
    uploads: int
    facts: int
    given_back: int
    """Sessions that were processing and are pending again, unspent."""
    checksum: str
    """Checksum of the contents, equal in source and target."""


class LockedTables(ABC):
    """The tables of one database, in one transaction that keeps every other writer out until it ends.

    Values are those of SQLite: times are text, in UTC.
    """

    _order: str
    """The column by which sessions are in the order of their starts."""

    def __init__(self, sql: Statements) -> None:
        self._sql = sql

    def closed_because(self) -> str | None:
        """Return why the store refuses changes; `None` if it accepts them."""
        return self._one(self._sql["closed_reason"])["shut_because"] if self.readable("door") else None

    def release(self) -> int:
        """Make all processing sessions pending again, unspent; return how many there were."""
        return sum(self._release(row["worker_id"]) for row in self._run(self._sql["busy_workers"]))

    def count(self, table: str) -> int:
        """Return the number of rows to copy."""
        return self._one(f"SELECT count(*) AS rows FROM {table} {CONDITIONS.get(table, '')}")["rows"]  # noqa: S608 - constant names

    @abstractmethod
    def close_because(self, reason: str | None) -> None:
        """Refuse changes in every process from the commit on, with this reason; `None`: accept them again."""

    @abstractmethod
    def readable(self, table: str) -> Mapping[str, str]:
        """Return the expressions of the columns that `rows` knows, by name; none if there is no such table."""

    @abstractmethod
    def writable(self, table: str) -> Collection[str]:
        """Return the columns that `insert` knows; none if there is no such table."""

    @abstractmethod
    def rows(self, table: str, columns: Sequence[str]) -> Iterator[CopiedRow]:
        """Yield the rows to copy one by one, sessions in the order of their starts."""

    @abstractmethod
    def insert(self, table: str, columns: Sequence[str], rows: Iterable[CopiedRow]) -> None: ...

    @abstractmethod
    def clear(self) -> None:
        """Delete every row of the tables that are copied."""

    @abstractmethod
    def commit(self) -> None: ...

    def _selected(self, table: str, columns: Sequence[str]) -> str:
        """Return the statement of `rows`."""
        values = self.readable(table)
        selected = ", ".join(values[column] for column in columns)
        order = f"ORDER BY {self._order}" if table == "analysis_sessions" else ""
        return f"SELECT {selected} FROM {table} {CONDITIONS.get(table, '')} {order}"  # noqa: S608 - constant names

    def _one(self, statement: str) -> Row:
        (row,) = self._run(statement)
        return row

    @abstractmethod
    def _run(self, statement: str, values: Mapping[str, Any] | None = None) -> list[Row]:
        """Return all rows of a statement."""

    @abstractmethod
    def _release(self, worker_id: str) -> int:
        """Release the sessions of one worker; return how many there were."""


class _Tally:
    """The number of rows and the sum of their hashes, which does not depend on their order."""

    def __init__(self, compared: int) -> None:
        """Hash this many columns of each row."""
        self.rows = 0
        self.hashes = 0
        self._compared = compared

    def of(self, rows: Iterable[CopiedRow], report: Callable[[int], None]) -> Iterator[CopiedRow]:
        """Yield the rows as every database can store them."""
        for row in rows:
            storable = tuple([storable_text(value) if isinstance(value, str) else value for value in row])
            digest = hashlib.blake2b(repr(storable[: self._compared]).encode(), digest_size=16).digest()
            self.rows += 1
            self.hashes = (self.hashes + int.from_bytes(digest)) % 2**128
            if self.rows % REPORT_EVERY == 0:
                report(self.rows)
            yield storable
        if self.rows:
            report(self.rows)


def copy_tables(
    source: LockedTables,
    target: LockedTables,
    moved_to: str | None,
    on_progress: OnProgress,
    *,
    replace: bool = False,
) -> Copied:
    """Copy the source into the empty target, compare both, close the source, and commit both.

    With `moved_to=None` the source stays unchanged; with `replace` the target is emptied first. Raises `CopyError`
    and `StoreUnavailable`: then nothing has changed, except that the source is closed if only the target's commit
    has failed.
    """
    reason = None if moved_to is None else f"Its content has moved to {moved_to}."
    closed = source.closed_because()
    if closed not in {None, reason}:
        raise CopyError(f"The source is closed. {closed} Copy from there, or run `outlast store open` to return.")
    if replace:
        target.clear()
    empty = not any(target.count(table) for table in TABLES if target.readable(table))
    if not empty and closed is None:
        raise CopyError("The target holds data already. Copy into an empty store.")
    released = source.release() if reason else 0
    counts: dict[str, int] = {}
    checksum = hashlib.blake2b(digest_size=16)
    for table in TABLES:
        tally = _copy_table(source, target, table, on_progress, compare_only=not empty)
        counts[table] = tally.rows
        checksum.update(f"{table} {tally.rows} {tally.hashes}\n".encode())
    released += target.release()
    _commit(source, target, reason)
    return Copied(
        counts["analysis_sessions"],
        counts["results"],
        counts["uploads"],
        counts["facts"],
        released,
        checksum.hexdigest(),
    )


def _copy_table(
    source: LockedTables, target: LockedTables, table: str, on_progress: OnProgress, *, compare_only: bool
) -> _Tally:
    """Copy and compare the columns that both sides have. `compare_only`: an earlier run has copied them."""
    writable = target.writable(table)
    columns = [name for name in source.readable(table) if name in writable and name not in NOT_COPIED]
    columns.sort(key=NOT_COMPARED.__contains__)
    compared = len(set(columns) - NOT_COMPARED)
    read, written = _Tally(compared), _Tally(compared)
    if not columns:
        return read
    name, total = TABLES[table], source.count(table)
    rows = read.of(source.rows(table, columns), lambda done: on_progress(f"Copying {name}", done, total))
    if compare_only:
        _exhaust(rows)
    else:
        target.insert(table, columns, rows)
    copied = target.rows(table, columns)
    _exhaust(written.of(copied, lambda done: on_progress(f"Checking {name}", done, total)))
    if (read.rows, read.hashes) != (written.rows, written.hashes):
        raise CopyError(
            f"The {name} of source and target differ ({read.rows} and {written.rows}). "
            + ("The target is in use already." if compare_only else "Nothing was changed; please report this.")
        )
    return read


def _commit(source: LockedTables, target: LockedTables, reason: str | None) -> None:
    """Close the source before the target accepts sessions: between the two, no session can run on either side."""
    if reason is not None:
        source.close_because(reason)
        source.commit()
    try:
        target.commit()
    except StoreUnavailable as error:
        raise CopyError(
            f"The target could not be committed: {error} Run the same command again"
            + (", or return to the source with `outlast store open`." if reason else ".")
        ) from error


def _exhaust(rows: Iterable[CopiedRow]) -> None:
    deque(rows, maxlen=0)
