"""Builds the store, the notifier and the engine that the settings select."""

from contextlib import AbstractContextManager
from pathlib import Path

from outlast.backends import factories
from outlast.backends.clock import SystemClock
from outlast.backends.copying import LockedTables
from outlast.core.analyses.catalogue import Catalogue
from outlast.core.quota import MB, StorageLimits
from outlast.core.session_starts import StartDefaults
from outlast.domain.errors import ForeignKey
from outlast.domain.scrubbing import Scrubber
from outlast.given_settings import secret_values
from outlast.ports.notifier import Notifier
from outlast.ports.store import StartLimits, Store
from outlast.running.engine import Engine
from outlast.running.maintenance import Retention
from outlast.settings import Settings
from outlast.web.keys import KeyRing


def make_store(settings: Settings) -> Store:
    """The store of the settings, not yet open."""
    if settings.on_postgres:
        return factories.postgres_store(
            settings.database_url,
            SystemClock(),
            pool_size=settings.pg_pool_size,
            listen=settings.pg_listen,
            notify_starts=settings.pg_listen and settings.redis_url is None,
        )
    return factories.sqlite_store(settings.database_path, SystemClock())


def lock_tables(settings: Settings) -> AbstractContextManager[LockedTables]:
    """The tables of the settings' database, locked for a copy within the context."""
    if settings.on_postgres:
        return factories.postgres_tables(settings.database_url)
    return factories.sqlite_tables(settings.database_path, SystemClock())


def snapshot_tables(settings: Settings) -> AbstractContextManager[LockedTables]:
    """One snapshot of the tables of the settings' PostgreSQL, read within the context."""
    return factories.postgres_snapshot(settings.database_url)


def tables_of_backup(backup: Path) -> AbstractContextManager[LockedTables]:
    """The tables of a backup, read within the context."""
    return factories.sqlite_tables_of_backup(backup, SystemClock())


def make_notifier(settings: Settings) -> Notifier:
    """The notifier that carries wake-ups between the processes of the store."""
    if settings.on_postgres:
        namespace = KeyRing.of(settings).namespace
        return factories.shared_notifier(
            settings.database_url, settings.redis_url, namespace, listen=settings.pg_listen
        )
    return factories.sqlite_notifier(settings.database_path)


def make_engine(settings: Settings, catalogue: Catalogue) -> Engine:
    """The engine of one process, not yet open."""
    return Engine(
        make_store(settings),
        make_notifier(settings),
        catalogue,
        SystemClock(),
        StartDefaults(
            StartLimits(settings.max_active_per_owner, settings.max_pending),
            settings.queue_timeout,
            settings.queue_max_tries,
            one_attempt=settings.inline,
            storage=StorageLimits(
                settings.max_stored_mb_per_owner * MB, settings.max_stored_mb * MB, settings.min_free_mb * MB
            ),
        ),
        Retention(
            settings.cleanup_hours,
            settings.result_retention_hours,
            settings.upload_retention_hours,
            settings.failed_retention_hours,
            settings.cleanup_at,
        ),
        dispatcher=factories.celery_dispatcher(settings.broker_url) if settings.broker_url else None,
        scrubber=Scrubber(secret_values(settings)),
        tracing=factories.tracing(),
    )


async def require_enrolled_key(store: Store, settings: Settings) -> None:
    """Raise `ForeignKey` if the other machines of this database sign with a different `APP_KEY`."""
    if settings.on_postgres and not await store.enrol_key(KeyRing.of(settings).fingerprints()):
        raise ForeignKey(
            "APP_KEY: the other machines of this database sign with another key. Set the same APP_KEY on all of "
            "them; to rotate it, put the new key before the old one, APP_KEY=new,old, on one machine after the "
            "other. If the old key is lost, run DELETE FROM enrolled_keys in the database to accept this one."
        )
