"""The store in one PostgreSQL database: sessions, results, uploads, facts and workers."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from outlast.backends.postgres.api_keys import PostgresApiKeys
from outlast.backends.postgres.audit import PostgresAuditLog
from outlast.backends.postgres.blobs import PostgresBlobs
from outlast.backends.postgres.callbacks import PostgresCallbacks
from outlast.backends.postgres.claims import PostgresClaims
from outlast.backends.postgres.connection import Connection
from outlast.backends.postgres.database import PostgresDatabase
from outlast.backends.postgres.deletions import PostgresDeletions
from outlast.backends.postgres.ends import PostgresEnds
from outlast.backends.postgres.facts import PostgresFacts
from outlast.backends.postgres.failures import PostgresFailures
from outlast.backends.postgres.metrics import PostgresMetrics
from outlast.backends.postgres.migrate import require_current
from outlast.backends.postgres.overview import PostgresOverview
from outlast.backends.postgres.pauses import PostgresPauses
from outlast.backends.postgres.recovery import PostgresRecovery
from outlast.backends.postgres.results import PostgresResults
from outlast.backends.postgres.reuse import PostgresReuse
from outlast.backends.postgres.sessions import PostgresSessions
from outlast.backends.postgres.start_keys import PostgresStartKeys
from outlast.backends.postgres.workers import PostgresWorkers
from outlast.backends.schema import closed_error
from outlast.ports.clock import Clock


class PostgresStore(
    PostgresSessions,
    PostgresReuse,
    PostgresClaims,
    PostgresEnds,
    PostgresRecovery,
    PostgresFailures,
    PostgresDeletions,
    PostgresOverview,
    PostgresPauses,
    PostgresResults,
    PostgresBlobs,
    PostgresFacts,
    PostgresAuditLog,
    PostgresMetrics,
    PostgresStartKeys,
    PostgresCallbacks,
    PostgresApiKeys,
    PostgresWorkers,
):
    """`SessionStore` and the other ports of a store, for any number of machines.

    Times come from the database; `clock` only measures the age of cached values. `pool_size` is per event loop.
    Pass `listen=False` behind PgBouncer in transaction mode: no state is kept between transactions then. `hint`
    returns the NOTIFY payload of a start, from its queue.
    """

    concurrent_reads: ClassVar[bool] = False

    def __init__(
        self,
        url: str,
        clock: Clock,
        *,
        pool_size: int = 10,
        listen: bool = True,
        hint: Callable[[str], str] | None = None,
    ) -> None:
        super().__init__(PostgresDatabase(url, clock, pool_size=pool_size, listen=listen), hint)

    async def open(self, *, migrate: bool) -> Sequence[str]:
        return await self._db.open(bring_up_to_date=migrate)

    async def close(self) -> None:
        await self._db.close()

    async def check(self) -> None:
        async def write(connection: Connection) -> None:
            await require_current(connection)
            (row,) = await self._db.rows_of(connection, "check_writes")
            if row["shut_because"] is not None:
                raise closed_error(row["shut_because"])

        await self._db.use(write, again=True)

    async def enrol_key(self, fingerprints: Sequence[str]) -> bool:
        async def write(connection: Connection) -> bool:
            await self._db.rows_of(connection, "lock_enrolment")
            values = {"first": fingerprints[0], "fingerprints": list(fingerprints)}
            return bool(await self._db.rows_of(connection, "enrol_key", values))

        return await self._db.transact(write, again=True)
