"""Connections to one database file: how they are opened, how they wait, what their errors mean."""

import os
import random
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import apsw

from outlast.backends.sqlite.driver import Connection
from outlast.domain.errors import StoreRefused, StoreUnavailable

PATIENCE = 30.0
"""Seconds to wait for another writer before giving up."""
STATEMENTS_KEPT = 200
"""Prepared statements kept per connection: more than there are."""

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
"""What the surroundings do to us; any other error of SQLite is a mistake of ours and is not translated."""
SHUT = "the store is shut"
"""What the triggers of a shut store say."""


def is_unavailable(error: Exception) -> bool:
    """It comes from the surroundings, or from a store that is shut."""
    return isinstance(error, UNAVAILABLE) or (isinstance(error, apsw.ConstraintError) and SHUT in str(error))


class DatabaseFile:
    """A database by its path. `vfs` names a registered apsw VFS, through which tests make a disk fail."""

    def __init__(self, path: Path, vfs: str | None = None) -> None:
        self.path = path
        self._vfs = vfs
        self._opened: int | None = None

    def create(self) -> None:
        """Make the file, readable by its owner alone, in a folder that is too; nothing if it is there."""
        with unavailable():
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            except FileExistsError:
                return

    def require_same(self) -> None:
        """Raise `StoreUnavailable` when the file that was opened is not the one at this path any more."""
        with unavailable():
            if self.path.stat().st_ino != self._opened:
                raise StoreUnavailable(
                    f"{self.path} was replaced while it was in use: what is written now is lost. Restart Outlast."
                )

    def connect(self, *, patience: float = PATIENCE, read_only: bool = False) -> Connection:
        """A new connection in WAL mode, for one thread at a time. Raises `StoreUnavailable`."""
        with unavailable():
            opened = apsw.Connection(
                os.fspath(self.path),
                flags=apsw.SQLITE_OPEN_READWRITE,
                vfs=self._vfs,
                statementcachesize=STATEMENTS_KEPT,
            )
            connection = cast("Connection", opened)
            # before anything else: the built-in handler starves writers, and none at all fails at once
            connection.set_busy_handler(wait_with_jitter(patience))
            self._opened = self._opened or self.path.stat().st_ino
            _enter_wal(connection, patience)
            connection.pragma("synchronous", "normal")
            connection.pragma("temp_store", "memory")
            connection.pragma("foreign_keys", 1)
            if read_only:
                connection.pragma("query_only", 1)
            return connection


def wait_with_jitter(patience: float) -> Callable[[int], bool]:
    """A busy handler that looks again after about a millisecond, for so many seconds."""
    rng = random.Random()  # noqa: S311 - jitter, not a secret
    began = 0.0

    def wait(calls: int) -> bool:
        nonlocal began
        if calls == 0:
            began = time.monotonic()
        time.sleep(rng.uniform(0.0005, 0.0015))
        return time.monotonic() - began < patience

    return wait


@contextmanager
def unavailable() -> Generator[None, None, None]:
    """Turn what the surroundings do to us into `StoreUnavailable`, with a sentence for the operator."""
    try:
        yield
    except UNAVAILABLE as error:
        raise explained(error) from error
    except PermissionError as error:
        raise StoreRefused(f"The database cannot be used: {error}.") from error
    except OSError as error:
        raise StoreUnavailable(f"The database cannot be used: {error}.") from error


def explained(error: apsw.Error) -> StoreUnavailable:
    """The sentence for the operator."""
    match error:
        case apsw.FullError():
            return StoreUnavailable("The disk of the database is full; free some space, and it goes on.")
        case apsw.BusyError() | apsw.LockedError():
            return StoreUnavailable("Another process has kept the database locked for too long.")
        case apsw.ConstraintError():
            return StoreUnavailable("The store is shut: its content has moved, or is still on its way here.")
        case apsw.NotADBError() | apsw.CorruptError() | apsw.CantOpenError() | apsw.PermissionsError():
            return StoreRefused(f"The database cannot be used: {error}.")
        case _:
            return StoreUnavailable(f"The database cannot be used now: {error}.")


def _enter_wal(connection: Connection, patience: float) -> None:
    """SQLite does not ask the busy handler when two connections change the mode at once."""
    wait = wait_with_jitter(patience)
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
