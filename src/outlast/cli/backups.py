"""Backs up the store of an installation into one SQLite file, checks it, and restores it."""

import asyncio
import fcntl
import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from outlast.backends.copying import Copied, copy_tables
from outlast.backends.sqlite.backup import back_up, defects, settle
from outlast.domain.errors import OutlastError, StoreUnavailable
from outlast.settings import Settings
from outlast.web.keys import KEY_FILE
from outlast.wiring import lock_tables, make_store, snapshot_tables, tables_of_backup

DATED = "outlast-%Y%m%dT%H%M%SZ.db"
"""The name of a backup in a folder, by its time in UTC."""
EVERY_DATED = "outlast-[0-9]*T[0-9]*Z.db"
KEY_SUFFIX = ".key"
"""Added to a backup's name, the name of the copy of the signing key."""

COUNTED = {"analysis_sessions": "sessions", "results": "results", "uploads": "uploads", "facts": "facts"}
"""The tables whose rows a backup counts, by the words for them."""

Report = Callable[[str, int, int], None]


class BackupError(OutlastError):
    """A backup or a restoration was refused or is defective; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A finished backup, checked."""

    path: Path
    bytes: int
    sessions: int
    results: int
    uploads: int
    facts: int
    key: Path | None
    """The copy of the embedded store's signing key."""
    deleted: tuple[Path, ...] = ()
    """Older backups that retention has deleted."""


def back_up_store(settings: Settings, target: Path, keep: int | None, report: Report) -> Backup:
    """Write a backup to the file `target`, or to a dated one in the folder `target` and keep only `keep` there."""
    path = target / datetime.now(UTC).strftime(DATED) if target.is_dir() else target
    if path.exists():
        raise BackupError(f"{path} exists already, and a backup overwrites nothing.")
    with _draft(path) as draft:
        if settings.on_postgres:
            _copy_of_postgres(settings, draft, report)
        else:
            _require_store(settings.database_path.absolute())
            back_up(settings.database_path, draft, report)
        counts = contents(draft)
        if not counts["sessions"]:
            raise BackupError(f"{settings.shown_store} holds no session, so there is nothing to back up.")
        key = _keep_key(settings, path)
        _publish(draft, path)
    deleted = _delete_old(target, keep) if keep is not None else ()
    return Backup(path, path.stat().st_size, **counts, key=key, deleted=deleted)


def restore_store(backup: Path, settings: Settings, *, replace: bool, report: Report) -> Copied:
    """Copy a backup into the store of the settings; with `replace` in place of what is there."""
    if not backup.is_file():
        raise BackupError(f"There is no backup at {backup}.")
    if not contents(backup)["sessions"]:
        raise BackupError(f"{backup} holds no session, so there is nothing to restore.")
    alive, sessions = asyncio.run(_use_of(settings))
    if alive:
        raise BackupError(f"{alive} worker(s) use {settings.shown_store}. Stop all processes that use it first.")
    if sessions and not replace:
        raise BackupError(
            f"{settings.shown_store} holds {sessions} session(s) already. Restore into an empty store, or replace "
            "them all with --replace."
        )
    with lock_tables(settings) as there, tables_of_backup(backup) as saved:
        copied = copy_tables(saved, there, None, report, replace=replace)
    _restore_key(settings, backup, replace=replace)
    return copied


def contents(backup: Path) -> Mapping[str, int]:
    """Check a backup, and count what is in it. Raises `BackupError`."""
    with suppress(StoreUnavailable):
        if (found := defects(backup)) != "ok":
            raise BackupError(f"{backup} is damaged: {found}")
        with tables_of_backup(backup) as tables:
            if tables.readable("analysis_sessions"):
                if (reason := tables.closed_because()) is not None:
                    raise BackupError(f"This store is closed. {reason} Back up the store there.")
                names = {"analysis_sessions": "sessions"} | {
                    name: name for name in ("results", "uploads", "facts")
                }
                return {name: tables.count(table) for table, name in names.items() if tables.readable(table)}
    raise BackupError(f"{backup} is not a store of Outlast.")


async def _use_of(settings: Settings) -> tuple[int, int]:
    """Bring the schema up to date; return how many workers are alive and how many sessions there are."""
    store = make_store(settings)
    await store.open(migrate=True)
    try:
        alive = sum(worker.alive for worker in await store.workers())
        return alive, sum((await store.count()).values())
    finally:
        await store.close()


def _require_store(path: Path) -> None:
    if not path.is_file():
        raise BackupError(f"There is no store at {path}. DATABASE_URL and ANALYSIS_DATA_DIR say where it is.")


def _copy_of_postgres(settings: Settings, draft: Path, report: Report) -> None:
    """Copy the rows of one snapshot; both sides are compared by counts and checksums."""
    copy = Settings(database_url=f"sqlite:///{draft.absolute()}", app_key=settings.app_key)
    asyncio.run(_use_of(copy))  # which makes its tables
    with snapshot_tables(settings) as live, lock_tables(copy) as tables:
        if not live.readable("analysis_sessions"):
            raise BackupError(f"{settings.shown_store} is not a store of Outlast.")
        copy_tables(live, tables, None, report)
    settle(draft)


@contextmanager
def _draft(path: Path) -> Generator[Path]:
    """A private file beside `path`, which only one backup at a time writes; deleted at the end."""
    draft = path.with_name(".outlast-backup.draft")
    try:
        opened = os.open(draft, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise BackupError(f"The backup cannot be written: {error}.") from None
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"Another backup into {path.parent} is running.") from None
        os.fchmod(opened, 0o600)
        os.ftruncate(opened, 0)
        try:
            yield draft
        finally:
            for suffix in ("", "-wal", "-shm", "-journal", "-reserve"):
                draft.with_name(draft.name + suffix).unlink(missing_ok=True)
    finally:
        os.close(opened)


def _publish(draft: Path, path: Path) -> None:
    """Give the finished file its name, so that there is a whole backup or none; never replace another."""
    with draft.open("rb") as written:
        os.fsync(written.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        raise BackupError(f"{path} exists already, and a backup overwrites nothing.") from None
    except OSError:  # a file system without links
        draft.rename(path)


def _keep_key(settings: Settings, path: Path) -> Path | None:
    """Copy the key of the data folder, without which visitors would lose their sessions."""
    source = settings.data_path / KEY_FILE
    if settings.on_postgres or settings.app_key or not source.exists():
        return None
    copy = path.with_name(path.name + KEY_SUFFIX)
    _copy_private(source, copy)
    return copy


def _restore_key(settings: Settings, backup: Path, *, replace: bool) -> None:
    source, target = backup.with_name(backup.name + KEY_SUFFIX), settings.data_path / KEY_FILE
    if not settings.on_postgres and not settings.app_key and source.exists() and (replace or not target.exists()):
        _copy_private(source, target)


def _copy_private(source: Path, target: Path) -> None:
    draft = target.with_name(f".{target.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as copy:
        copy.write(source.read_bytes())
        copy.flush()
        os.fsync(copy.fileno())
    draft.replace(target)


def _delete_old(folder: Path, keep: int) -> tuple[Path, ...]:
    old = sorted(folder.glob(EVERY_DATED), reverse=True)[keep:]
    for path in old:
        path.unlink(missing_ok=True)
        path.with_name(path.name + KEY_SUFFIX).unlink(missing_ok=True)
    return tuple(old)
