"""Copies a database that is in use into a new file, which is complete in itself."""

import os
from pathlib import Path
from typing import cast

import apsw

from outlast.backends.copying import OnProgress
from outlast.backends.sqlite.connection import BUSY_TIMEOUT, unavailable, wait_with_jitter
from outlast.backends.sqlite.driver import Connection

PAGES = 2_000
"""Pages copied between two reports of progress."""


def back_up(source: Path, target: Path, on_progress: OnProgress) -> None:
    """Copy one snapshot of the source into the empty file `target`. Others read and write meanwhile.

    Raises `StoreUnavailable`.
    """
    with unavailable():
        live, copy = _opened(source), _opened(target)
        try:
            live.set_busy_handler(wait_with_jitter(BUSY_TIMEOUT))
            # an open read transaction keeps the snapshot: otherwise each write of another process restarts it
            live.execute("BEGIN")
            live.execute("SELECT count(*) FROM sqlite_schema").fetchall()
            with copy.backup("main", live, "main") as copying:
                while not copying.done:
                    copying.step(PAGES)
                    done = copying.page_count - copying.remaining
                    on_progress("Copying pages", done, copying.page_count)
            copy.pragma("journal_mode", "delete")
        finally:
            live.close()
            copy.close()


def settle(path: Path) -> None:
    """Take a file out of WAL mode, so that it needs no other file beside it."""
    with unavailable():
        copy = _opened(path)
        copy.pragma("journal_mode", "delete")
        copy.close()


def defects(path: Path) -> str:
    """Return what SQLite finds wrong with a backup, or `ok`."""
    with unavailable():
        connection = open_backup(path)
        try:
            return str(connection.pragma("integrity_check"))
        finally:
            connection.close()


def open_backup(path: Path) -> Connection:
    """Open a file that nothing writes, read-only."""
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    address = f"{path.absolute().as_uri()}?immutable=1"
    return cast("Connection", apsw.Connection(address, flags=flags))


def _opened(path: Path) -> Connection:
    return cast("Connection", apsw.Connection(os.fspath(path), flags=apsw.SQLITE_OPEN_READWRITE))
