"""Create the backends of an installation from its addresses; a backend is imported only if it is chosen."""

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from outlast.backends.copying import LockedTables
from outlast.backends.sqlite.copying import locked_tables, tables_of_backup
from outlast.backends.sqlite.notifier import UnixSocketNotifier
from outlast.backends.sqlite.store import SQLiteStore
from outlast.domain.errors import PackageMissing
from outlast.ports.clock import Clock
from outlast.ports.dispatcher import Dispatcher
from outlast.ports.notifier import Notifier
from outlast.ports.store import Store
from outlast.ports.tracing import Tracing

SOCKETS = "doorbell"
"""The folder of the Unix sockets, beside the embedded database."""


def sqlite_store(database: Path, clock: Clock) -> Store:
    """Create the store in one SQLite file."""
    return SQLiteStore(database, clock)


def postgres_store(
    database_url: str, clock: Clock, *, pool_size: int, listen: bool, notify_starts: bool = False
) -> Store:
    """Create the store in one PostgreSQL database. Pass `listen=False` behind PgBouncer in transaction mode.

    With `notify_starts` each start notifies the listeners of PostgreSQL in its own transaction.
    """
    with _extra("DATABASE_URL=postgresql://…", "postgres"):
        from outlast.backends.postgres.notifier import hint_of_start  # noqa: PLC0415 - only when it is chosen
        from outlast.backends.postgres.store import PostgresStore  # noqa: PLC0415 - only when it is chosen

        hint = hint_of_start if notify_starts else None
        return PostgresStore(database_url, clock, pool_size=pool_size, listen=listen, hint=hint)


def sqlite_tables(database: Path, clock: Clock) -> AbstractContextManager[LockedTables]:
    """Lock a SQLite file for a copy, within the context."""
    return locked_tables(database, clock)


@contextmanager
def postgres_tables(database_url: str) -> Generator[LockedTables]:
    """Lock the tables of a PostgreSQL database for a copy, within the context."""
    with _extra("DATABASE_URL=postgresql://…", "postgres"):
        from outlast.backends.postgres.copying import locked_tables  # noqa: PLC0415 - only when it is chosen

    with locked_tables(database_url) as tables:
        yield tables


def sqlite_tables_of_backup(backup: Path, clock: Clock) -> AbstractContextManager[LockedTables]:
    """Read the tables of a backup, within the context."""
    return tables_of_backup(backup, clock)


@contextmanager
def postgres_snapshot(database_url: str) -> Generator[LockedTables]:
    """Read one snapshot of a PostgreSQL database, within the context."""
    with _extra("DATABASE_URL=postgresql://…", "postgres"):
        from outlast.backends.postgres.copying import snapshot_tables  # noqa: PLC0415 - only when it is chosen

    with snapshot_tables(database_url) as tables:
        yield tables


def sqlite_notifier(database: Path) -> Notifier:
    """Create the notifier of all processes that share this SQLite file."""
    return UnixSocketNotifier(database.parent / SOCKETS, database)


def shared_notifier(database_url: str, redis_url: str | None, namespace: str, *, listen: bool) -> Notifier:
    """Create the notifier of an installation on PostgreSQL: through Redis if there is one.

    `namespace` separates installations that share a Redis. Without `listen`, PostgreSQL is only polled.
    """
    if redis_url is not None:
        with _extra("REDIS_URL", "redis"):
            from outlast.backends.redis.notifier import RedisNotifier  # noqa: PLC0415 - only when it is chosen

            return RedisNotifier(redis_url, namespace)
    with _extra("DATABASE_URL=postgresql://…", "postgres"):
        from outlast.backends.postgres.notifier import PostgresNotifier  # noqa: PLC0415 - only when it is chosen

        return PostgresNotifier(database_url, listen=listen)


def celery_dispatcher(broker_url: str) -> Dispatcher:
    """Create the dispatcher to the Celery workers behind this broker."""
    with _extra("QUEUE_CONNECTION", "celery"):
        from outlast.backends.celery.dispatcher import CeleryDispatcher  # noqa: PLC0415 - only when it is chosen

        return CeleryDispatcher(broker_url)


def tracing() -> Tracing | None:
    """Create what traces starts and attempts; `None` if the extra `opentelemetry` is not installed."""
    try:
        from outlast.backends.opentelemetry.tracing import OpenTelemetryTracing  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    return OpenTelemetryTracing()


@contextmanager
def _extra(setting: str, extra: str) -> Generator[None]:
    """Translate an `ImportError` to `PackageMissing`, which names the setting and the extra to install."""
    try:
        yield
    except ImportError as error:
        raise PackageMissing(setting, extra) from error
