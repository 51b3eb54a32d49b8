"""Which backends an installation uses, by its addresses; each is imported only when it is chosen."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from outlast.backends.sqlite.carrying import carry
from outlast.backends.sqlite.notifier import UnixSocketNotifier
from outlast.backends.sqlite.store import SQLiteStore
from outlast.core.copying import MovableStore
from outlast.domain.errors import PackageMissing
from outlast.ports.clock import Clock
from outlast.ports.dispatcher import Dispatcher
from outlast.ports.notifier import Notifier

DOORBELL = "doorbell"
"""Folder beside the embedded database."""


def sqlite_store(database: Path, clock: Clock) -> MovableStore:
    """One SQLite file."""
    return SQLiteStore(database, clock)


def postgres_store(
    database_url: str, clock: Clock, *, pool_size: int, listen: bool, announces: bool = False
) -> MovableStore:
    """One PostgreSQL database; `listen` is false behind PgBouncer in transaction mode.

    It `announces` each start to those who listen to PostgreSQL.
    """
    with _extra("DATABASE_URL=postgresql://…", "postgres"):
        from outlast.backends.postgres.notifier import hint_of_start  # noqa: PLC0415 - only when it is chosen
        from outlast.backends.postgres.store import PostgresStore  # noqa: PLC0415 - only when it is chosen

        hint = hint_of_start if announces else None
        return PostgresStore(database_url, clock, pool_size=pool_size, listen=listen, hint=hint)


@asynccontextmanager
async def carried_sqlite_store(database: Path, clock: Clock) -> AsyncGenerator[MovableStore]:
    """One with the content of a file whose tables are those of another version, open; gone afterwards."""
    with TemporaryDirectory(prefix="outlast-carried-") as folder:
        store = SQLiteStore(Path(folder) / "carried.db", clock)
        await store.open(migrate=True)
        try:
            await asyncio.to_thread(carry, database, Path(folder) / "carried.db")
            yield store
        finally:
            await store.close()


@asynccontextmanager
async def carried_postgres_store(database_url: str, clock: Clock) -> AsyncGenerator[MovableStore]:
    """The same of a PostgreSQL database, in a schema beside its own."""
    with _extra("DATABASE_URL=postgresql://…", "postgres"):
        from outlast.backends.postgres.carrying import carried  # noqa: PLC0415 - only when it is chosen
        from outlast.backends.postgres.store import PostgresStore  # noqa: PLC0415 - only when it is chosen

    async with carried(database_url) as address:
        store = PostgresStore(address, clock)
        await store.open(migrate=False)
        try:
            yield store
        finally:
            await store.close()


def doorbells(database: Path) -> Notifier:
    """Those beside the SQLite file."""
    return UnixSocketNotifier(database.parent / DOORBELL, database)


def shared_notifier(database_url: str, redis_url: str | None, namespace: str, *, listen: bool) -> Notifier:
    """Between the machines of an installation on PostgreSQL: through Redis where there is one.

    `namespace` sets the installation apart on that Redis. Without `listen` PostgreSQL carries nothing.
    """
    if redis_url is not None:
        with _extra("REDIS_URL", "redis"):
            from outlast.backends.redis.notifier import RedisNotifier  # noqa: PLC0415 - only when it is chosen

            return RedisNotifier(redis_url, namespace)
    with _extra("DATABASE_URL=postgresql://…", "postgres"):
        from outlast.backends.postgres.notifier import PostgresNotifier  # noqa: PLC0415 - only when it is chosen

        return PostgresNotifier(database_url, listen=listen)


def celery(broker_url: str) -> Dispatcher:
    """To a fleet of Celery workers behind this broker."""
    with _extra("QUEUE_CONNECTION", "celery"):
        from outlast.backends.celery.dispatcher import CeleryDispatcher  # noqa: PLC0415 - only when it is chosen

        return CeleryDispatcher(broker_url)


@contextmanager
def _extra(setting: str, extra: str) -> Generator[None]:
    """What is imported within comes with this extra."""
    try:
        yield
    except ImportError as error:
        raise PackageMissing(setting, extra) from error
