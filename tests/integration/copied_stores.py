"""Two stores of a copy, and everything that is in a store."""

import dataclasses
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from outlast.backends.clock import SystemClock
from outlast.backends.copying import Copied, LockedTables, copy_tables
from outlast.backends.postgres.copying import locked_tables as locked_postgres
from outlast.backends.postgres.store import PostgresStore
from outlast.backends.sqlite.copying import locked_tables as locked_sqlite
from outlast.backends.sqlite.store import SQLiteStore
from outlast.domain.storable_text import storable_text
from outlast.ports.store import Selection

DIRECTIONS = ["sqlite to sqlite", "sqlite to postgres", "postgres to sqlite", "postgres to postgres"]


class CopiedStore:
    """One side of a copy: its address, and the store that other processes have open meanwhile."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.on_postgres = url.startswith("postgresql")
        self.path = Path(url.removeprefix("sqlite:///"))
        self.store = self.another()

    def another(self) -> SQLiteStore | PostgresStore:
        return (
            PostgresStore(self.url, SystemClock()) if self.on_postgres else SQLiteStore(self.path, SystemClock())
        )

    def locked(self) -> AbstractContextManager[LockedTables]:
        return locked_postgres(self.url) if self.on_postgres else locked_sqlite(self.path, SystemClock())


def move(
    source: CopiedStore,
    target: CopiedStore,
    tell: Callable[[str, int, int], None] = lambda *_: None,
    *,
    to: str = "the other store",
    prepare: Callable[[LockedTables], None] = lambda _: None,
) -> Copied:
    """Copy; `prepare` may change the target's tables before."""
    with target.locked() as there, source.locked() as here:
        prepare(there)
        return copy_tables(here, there, to, tell)


async def everything(store: SQLiteStore | PostgresStore) -> dict[str, tuple[Any, ...]]:
    """All that the store's own verbs tell, but for what depends on the time of asking."""
    found: dict[str, tuple[Any, ...]] = {}
    for session in await store.select(Selection(limit=10_000)):
        told = dataclasses.replace(session, subject=storable_text(session.subject))
        found[session.id] = (
            told if session.status.final else dataclasses.replace(told, waited_ms=0, worked_ms=0),
            list(await store.history(session.id)),
            sorted(await store.kept_steps(session.id), key=lambda kept: kept.call),
            await store.result(session.id, owner=None),
            await store.queue_position(session.id),
        )
    return found
