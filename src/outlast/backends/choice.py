"""Which backends an installation uses, by its addresses; each is imported only when it is chosen."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from outlast.backends.sqlite.notifier import DoorbellNotifier
from outlast.backends.sqlite.store import SQLiteStore
from outlast.core.copying import MovableStore
from outlast.domain.errors import PackageMissing
from outlast.ports.clock import Clock
from outlast.ports.notifier import Notifier

DOORBELL = "doorbell"
"""Folder beside the embedded database."""


def sqlite_store(database: Path, clock: Clock) -> MovableStore:
    """One SQLite file."""
    return SQLiteStore(database, clock)


def postgres_store(url: str, clock: Clock, *, pool_size: int, listen: bool) -> MovableStore:
    """One PostgreSQL database."""
    with _extra("DATABASE_URL=postgresql://…", "postgres"):
        from outlast.backends.postgres.store import PostgresStore  # noqa: PLC0415 - only when it is chosen

        return PostgresStore(url, clock, pool_size=pool_size, listen=listen)


def postgres_notifier(url: str, *, listen: bool) -> Notifier:
    """Through the database itself."""
    with _extra("DATABASE_URL=postgresql://…", "postgres"):
        from outlast.backends.postgres.notifier import PostgresNotifier  # noqa: PLC0415 - only when it is chosen

        return PostgresNotifier(url, listen=listen)


def doorbells(database: Path) -> Notifier:
    """Those beside the SQLite file."""
    return DoorbellNotifier(database.parent / DOORBELL, database)


@contextmanager
def _extra(setting: str, extra: str) -> Generator[None]:
    """What is imported within comes with this extra."""
    try:
        yield
    except ImportError as error:
        raise PackageMissing(setting, extra) from error
