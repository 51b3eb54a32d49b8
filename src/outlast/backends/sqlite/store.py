"""The store in one SQLite file: sessions, results, uploads, facts and workers."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from outlast.backends.rows import as_json
from outlast.backends.sqlite.api_keys import SQLiteApiKeys
from outlast.backends.sqlite.audit import SQLiteAuditLog
from outlast.backends.sqlite.blobs import SQLiteBlobs
from outlast.backends.sqlite.callbacks import SQLiteCallbacks
from outlast.backends.sqlite.claims import SQLiteClaims
from outlast.backends.sqlite.connection import DatabaseFile
from outlast.backends.sqlite.database import SQLiteDatabase
from outlast.backends.sqlite.deletions import SQLiteDeletions
from outlast.backends.sqlite.driver import Connection
from outlast.backends.sqlite.ends import SQLiteEnds
from outlast.backends.sqlite.facts import SQLiteFacts
from outlast.backends.sqlite.failures import SQLiteFailures
from outlast.backends.sqlite.metrics import SQLiteMetrics
from outlast.backends.sqlite.migrate import require_current
from outlast.backends.sqlite.overview import SQLiteOverview
from outlast.backends.sqlite.pauses import SQLitePauses
from outlast.backends.sqlite.recovery import SQLiteRecovery
from outlast.backends.sqlite.results import SQLiteResults
from outlast.backends.sqlite.reuse import SQLiteReuse
from outlast.backends.sqlite.sessions import SQLiteSessions
from outlast.backends.sqlite.start_keys import SQLiteStartKeys
from outlast.backends.sqlite.workers import SQLiteWorkers
from outlast.ports.clock import Clock


class SQLiteStore(
    SQLiteSessions,
    SQLiteReuse,
    SQLiteClaims,
    SQLiteEnds,
    SQLiteRecovery,
    SQLiteFailures,
    SQLiteDeletions,
    SQLiteOverview,
    SQLitePauses,
    SQLiteResults,
    SQLiteBlobs,
    SQLiteFacts,
    SQLiteAuditLog,
    SQLiteMetrics,
    SQLiteStartKeys,
    SQLiteCallbacks,
    SQLiteApiKeys,
    SQLiteWorkers,
):
    """`SessionStore` and the other ports of a store, for all processes of one machine.

    `vfs` names a registered apsw VFS, through which tests make the disk fail.
    """

    concurrent_reads: ClassVar[bool] = True

    def __init__(self, path: Path, clock: Clock, *, vfs: str | None = None) -> None:
        super().__init__(SQLiteDatabase(DatabaseFile(path, vfs), clock))

    async def open(self, *, migrate: bool) -> Sequence[str]:
        return await self._db.open(migrate=migrate)

    async def close(self) -> None:
        await self._db.close()

    async def enrol_key(self, fingerprints: Sequence[str]) -> bool:
        values = {
            "first": fingerprints[0],
            "fingerprints": as_json(list(fingerprints)),
            "now": self._db.now(),
        }
        return await self._db.write(lambda c: self._db.row_of(c, "enrol_key", values)) is not None

    async def check(self) -> None:
        def write(connection: Connection) -> None:
            require_current(connection)
            connection.execute(self._sql["check_writes"], {"now": self._db.now()})
            self._db.require_open(connection)

        await self._db.write(write)
        self._db.file.require_same()
