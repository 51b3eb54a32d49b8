"""Connections to one database file: how to open them, their busy handler, and the meaning of their errors."""

import os
import random
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import apsw

from outlast.backends.rows import Row
from outlast.backends.sqlite.driver import Connection, Cursor
from outlast.domain.errors import StoreRefused, StoreUnavailable

BUSY_TIMEOUT = 30.0
"""Seconds to wait for another writer's lock."""
STATEMENTS_KEPT = 200
"""Prepared statements cached per connection: more than there are."""

UNAVAILABLE = (
    apsw.BusyError,
    apsw.LockedError,
    apsw.FullError,
    apsw.IOError,
    apsw.CantOpenError,
    apsw.ReadOnlyError,
    apsw.PermissionsError,
    apsw.AuthError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.NoMemError,
    apsw.ProtocolError,
    apsw.ConnectionClosedError,
)
"""Errors of the environment. Any other error of SQLite is a bug of Outlast and is not translated."""
SHUT = "the store is shut"
"""The message that the triggers of a closed store raise."""


class DatabaseFile:
    """A database by its path. `vfs` names a registered apsw VFS, through which tests make a disk fail."""

    def __init__(self, path: Path, vfs: str | None = None) -> None:
        self.path = path
        self._vfs = vfs
        self._opened: int | None = None

    def create(self) -> None:
        """Create the file and its folder, accessible by their owner alone, unless they exist."""
        with unavailable():
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            except FileExistsError:
                return

    def require_same(self) -> None:
        """Raise `StoreUnavailable` if this path no longer leads to the file that was opened."""
        with unavailable():
            if self.path.stat().st_ino != self._opened:
                raise StoreUnavailable(
                    f"{self.path} was replaced while it was in use, so new changes would be lost. Restart Outlast."
                )

    def connect(self, *, busy_timeout: float = BUSY_TIMEOUT, read_only: bool = False) -> Connection:
        """Open a connection in WAL mode, for one thread at a time. Raises `StoreUnavailable`."""
        with unavailable():
            opened = apsw.Connection(
                os.fspath(self.path),
                flags=apsw.SQLITE_OPEN_READWRITE,
                vfs=self._vfs,
                statementcachesize=STATEMENTS_KEPT,
            )
            connection = cast("Connection", opened)
            # first of all: the built-in handler starves writers, and without one statements fail at once
            connection.set_busy_handler(wait_with_jitter(busy_timeout))
            self._opened = self._opened or self.path.stat().st_ino
            _enter_wal(connection, busy_timeout)
            connection.pragma("synchronous", "normal")
            connection.pragma("temp_store", "memory")
            connection.pragma("foreign_keys", 1)
            if read_only:
                connection.pragma("query_only", 1)
            return connection


def column_names(cursor: Cursor) -> Sequence[str]:
    """Return the names of the columns of a statement, which it has only while there are rows to read."""
    try:
        return [name for name, _ in cursor.get_description()]
    except apsw.ExecutionCompleteError:
        return ()


def rows_by_name(cursor: Cursor, names: Sequence[str] = ()) -> list[Row]:
    """Return all rows by the names of their columns, as `dict_row` of psycopg does."""
    names = names or column_names(cursor)
    return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]


def wait_with_jitter(busy_timeout: float) -> Callable[[int], bool]:
    """Return a busy handler that retries about every millisecond until the timeout, in seconds."""
    rng = random.Random()  # noqa: S311 - jitter, not a secret
    began = 0.0

    def wait(calls: int) -> bool:
        nonlocal began
        if calls == 0:
            began = time.monotonic()
        time.sleep(rng.uniform(0.0005, 0.0015))
        return time.monotonic() - began < busy_timeout

    return wait


@contextmanager
def unavailable() -> Generator[None, None, None]:
    """Translate errors of the environment to `StoreUnavailable`, with a sentence for the operator."""
    try:
        yield
    except UNAVAILABLE as error:
        raise explained(error) from error
    except PermissionError as error:
        raise StoreRefused(f"The database cannot be used: {error}.") from error
    except OSError as error:
        raise StoreUnavailable(f"The database cannot be used: {error}.") from error


def explained(error: apsw.Error) -> StoreUnavailable:
    """Return the error with a sentence for the operator."""
    match error:
        case apsw.FullError():
            return StoreUnavailable("The disk of the database is full. Free some space, and Outlast continues.")
        case apsw.BusyError() | apsw.LockedError():
            return StoreUnavailable("Another process has kept the database locked for too long.")
        case apsw.NotADBError() | apsw.CorruptError() | apsw.CantOpenError() | apsw.PermissionsError():
            return StoreRefused(f"The database cannot be used: {error}.")
        case _:
            return StoreUnavailable(f"The database cannot be used now: {error}.")


def _enter_wal(connection: Connection, busy_timeout: float) -> None:
    """Retry here: SQLite does not call the busy handler if two connections change the mode at once."""
    wait = wait_with_jitter(busy_timeout)
    calls = 0
    while True:
        try:
            if connection.pragma("journal_mode") != "wal":
                connection.pragma("journal_mode", "wal")
            return
        except apsw.BusyError:
            if not wait(calls):
                raise
            calls += 1
