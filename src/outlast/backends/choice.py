"""Which backends an installation uses, by its addresses; each is imported only when it is chosen."""

from pathlib import Path

from outlast.backends.sqlite.notifier import DoorbellNotifier
from outlast.backends.sqlite.store import SQLiteStore
from outlast.core.journal import Store
from outlast.ports.clock import Clock
from outlast.ports.notifier import Notifier

DOORBELL = "doorbell"
"""Folder beside the embedded database."""


def embedded(database: Path, clock: Clock) -> tuple[Store, Notifier]:
    """One SQLite file and the doorbells beside it."""
    return SQLiteStore(database, clock), DoorbellNotifier(database.parent / DOORBELL, database)
