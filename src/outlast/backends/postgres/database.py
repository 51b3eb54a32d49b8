"""One open database: its statements, its connections, and the retries if they fail."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, TypeVar

from psycopg import AsyncClientCursor
from psycopg.pq import ExecStatus

from outlast.backends.postgres.connection import (
    BUGS,
    CALL_TIMEOUT,
    ROLLED_BACK,
    SHUT,
    UNAVAILABLE,
    Connection,
    address,
    connect,
    explained,
    shown,
    time_limit,
    unavailable,
)
from outlast.backends.postgres.migrate import PACKAGE, is_empty, migrate, require_current
from outlast.backends.postgres.pools import LoopPool, Pools
from outlast.backends.rows import Row, RowReader
from outlast.backends.schema import closed_error, nothing_at, refusal
from outlast.backends.shared_runs import runs_followed, with_ended, with_runs
from outlast.backends.statements import statements
from outlast.domain.errors import SchemaDiffers, StoreUnavailable
from outlast.domain.session import AnalysisSession
from outlast.ports.clock import Clock

T = TypeVar("T")
Work = Callable[[Connection], Awaitable[T]]
Values = Mapping[str, Any]

MAX_TRIES = 4
"""Attempts at a transaction that deadlocks roll back."""
OPTIONAL_FILTER = re.compile(r"%\(\w+\)s(::\w+)? IS NULL OR .*LIMIT", re.DOTALL)
"""In a statement that selects some rows by filters of which each may be missing."""


class PostgresDatabase:
    """What all parts of the store share. Safe from any thread and loop once it is open."""

    def __init__(self, url: str, clock: Clock, *, pool_size: int, listen: bool) -> None:
        self.address = address(url)
        self.clock = clock
        self.sql = statements(PACKAGE)
        self._filtering = {name for name in self.sql if OPTIONAL_FILTER.search(self.sql[name])}
        self.rows = RowReader(as_utc, itemgetter("uncounted_ms"))
        self._pool_size = pool_size
        self._prepare = listen
        self._pools: Pools | None = None
        self._rng = random.Random()  # noqa: S311 - jitter, not secrets

    async def open(self, *, bring_up_to_date: bool) -> Sequence[str]:
        if self._pools is not None:
            return ()
        applied: Sequence[str] = ()
        with unavailable():
            # not `async with`: leaving it would raise on a failed connection
            connection = await connect(self.address, self._pool_size, "SELECT 1")
            try:
                if bring_up_to_date:
                    applied = await migrate(connection)
                elif await is_empty(connection):
                    raise nothing_at(shown(self.address))
                await require_current(connection)
                if bring_up_to_date:
                    await self.require_open(connection)
            except SchemaDiffers as differs:
                raise refusal(differs, shown(self.address), "postgresql://USER:PASSWORD@HOST/NEW") from None
            finally:
                await connection.close()
        self._pools = Pools(self.address, self._pool_size, prepare=self._prepare)
        return applied

    async def require_open(self, connection: Connection) -> None:
        """Raise `StoreRefused` if the store has moved: what is changed here would stay here.

        Call it last in a transaction that may have waited for a copy, which holds the tables.
        """
        (row,) = await self.rows_of(connection, "closed_reason")
        if row["shut_because"] is not None:
            raise closed_error(row["shut_because"])

    async def close(self) -> None:
        pools, self._pools = self._pools, None
        if pools is not None:
            await pools.close()

    def loop_pool(self) -> LoopPool:
        """Return the pool of the running event loop."""
        if self._pools is None:
            raise StoreUnavailable("The store is not open.")
        return self._pools.current()

    async def all(self, name: str, values: Values | None = None) -> list[Row]:
        """Return the rows of a statement that may be repeated if its response was lost."""
        return await self.use(lambda c: self.rows_of(c, name, values), again=True)

    async def one(self, name: str, values: Values | None = None) -> Row | None:
        """Return the first row of such a statement, if any."""
        rows = await self.all(name, values)
        return rows[0] if rows else None

    async def only(self, name: str, values: Values | None = None) -> Row:
        """Return the row of such a statement that always has one."""
        (row,) = await self.all(name, values)
        return row

    async def sessions(self, name: str, values: Values | None = None) -> list[AnalysisSession]:
        """Return the sessions of such a statement, with the progress of the runs that they follow."""
        found = self.rows.many(await self.all(name, values))
        followed = runs_followed(found)
        if not followed:
            return found
        merged, ended = with_runs(found, await self._by_id(followed))
        return with_ended(merged, await self._by_id(ended)) if ended else merged

    async def _by_id(self, ids: Sequence[str]) -> list[AnalysisSession]:
        return self.rows.many(await self.all("sessions_by_id", {"ids": list(ids)}))

    async def rows_of(self, connection: Connection, name: str, values: Values | None = None) -> list[Row]:
        """Execute one statement on this connection and return its rows."""
        # a plan for any filters expects few rows and reads all; with the values in its text, it is for those given
        cursor = AsyncClientCursor(connection) if name in self._filtering else connection.cursor()
        await cursor.execute(self.sql[name].encode(), values)
        # `cursor.description` would create an object for each column
        result = cursor.pgresult
        return await cursor.fetchall() if result is not None and result.status == ExecStatus.TUPLES_OK else []

    async def transact(self, work: Work[T], *, again: bool = False) -> T:
        """Return the value of `work` in a transaction. `again`: repeat it even if it may have been committed."""
        committing = False

        async def whole(connection: Connection) -> T:
            nonlocal committing
            committing = False
            async with connection.transaction():
                value = await work(connection)
                committing = True
            return value

        return await self.use(whole, again=lambda: again or not committing)

    async def use(self, work: Work[T], *, again: bool | Callable[[], bool]) -> T:
        """Return the value of `work` on a connection. If that breaks, repeat it once where `again` allows it;
        after a deadlock, try up to `MAX_TRIES` times. Raises `StoreUnavailable`.
        """
        pool = self.loop_pool()
        lost = False
        for attempt in range(MAX_TRIES):
            connection: Connection | None = None
            try:
                async with pool.connection() as connection:
                    with time_limit(CALL_TIMEOUT, connection):
                        return await work(connection)
            except BUGS:
                raise
            except ROLLED_BACK as error:
                if attempt == MAX_TRIES - 1:
                    raise explained(error) from error
                await asyncio.sleep(self._rng.uniform(0, 0.05 * 2**attempt))
            except UNAVAILABLE as error:
                if SHUT in str(error):
                    raise closed_error((await self.only("closed_reason"))["shut_because"]) from error
                broken = connection is not None and connection.closed
                if lost or not broken or not (again if isinstance(again, bool) else again()):
                    raise explained(error) from error
                lost = True
                pool.refresh()
        raise AssertionError("the last attempt returns or raises")


def as_utc(time: datetime) -> datetime:
    """Convert a time, as connections may be in any time zone."""
    return time.astimezone(UTC)


class PostgresPart:
    """A part of the store, on a database that it shares with the others."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._db = database
