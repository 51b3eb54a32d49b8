"""Which backends an installation uses, by its addresses; each is imported only when it is chosen."""

from pathlib import Path

from outlast.backends.sqlite.notifier import DoorbellNotifier
from outlast.backends.sqlite.store import SQLiteStore
from outlast.core.copying import MovableStore
from outlast.ports.clock import Clock
from outlast.ports.notifier import Notifier

DOORBELL = "doorbell"
"""Folder beside the embedded database."""


def sqlite_store(database: Path, clock: Clock) -> MovableStore:
    """One SQLite file."""
    return SQLiteStore(database, clock)


def doorbells(database: Path) -> Notifier:
    """Those beside the SQLite file."""
    return DoorbellNotifier(database.parent / DOORBELL, database)
