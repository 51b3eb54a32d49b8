"""What happens when workers end, and when finished things grow old."""

from collections.abc import Sequence
from dataclasses import astuple
from datetime import datetime

from outlast.backends.rows import as_json
from outlast.backends.sqlite.driver import Connection, Row
from outlast.backends.sqlite.room import Room
from outlast.backends.sqlite.times import as_text
from outlast.domain.blame import Fallen, judged
from outlast.ports.store import Pruned
from outlast.ports.workers import LEASE

BATCH = 500
"""Rows deleted in one transaction."""
UPLOADS_AT_ONCE = 4
"""Uploads deleted in one transaction; they may be large."""


class Recovery(Room):
    """Rescue, release and cleanup of `SessionStore`."""

    async def rescue(self) -> list[str]:
        def write(connection: Connection) -> list[str]:
            dead, taken = self._fallen(connection)
            rescued = self._rescue(connection, taken)
            connection.execute(self._sql["forget_workers"], {"ids": as_json(dead)})
            return rescued

        # everybody looks every second, and there is hardly ever something to do
        if not any(self._db.read(self._fallen)):
            return []
        return await self._db.write(write)

    async def rescue_worker(self, worker_id: str) -> list[str]:
        def write(connection: Connection) -> list[str]:
            taken = connection.execute(self._sql["held"], {"worker_id": worker_id}).fetchall()
            rescued = self._rescue(connection, taken)
            connection.execute(self._sql["forget_workers"], {"ids": as_json([worker_id])})
            return rescued

        return await self._db.write(write)

    async def release_worker(self, worker_id: str) -> int:
        def write(connection: Connection) -> int:
            values = {"worker_id": worker_id} | self._db.stamp()
            connection.execute(self._sql["record_releases"], values)
            released = connection.execute(self._sql["release_held"], values).fetchall()
            connection.execute(self._sql["forget_workers"], {"ids": as_json([worker_id])})
            return len(released)

        return await self._db.write(write)

    def _fallen(self, connection: Connection) -> tuple[list[str], list[Row]]:
        """Workers whose lease has ended, and the sessions that are to be taken."""
        clock = self._db.clock
        leases = {"boot_id": clock.boot_id(), "monotonic": clock.monotonic(), "lease": LEASE}
        dead = [worker for (worker,) in connection.execute(self._sql["dead_workers"], leases).fetchall()]
        values = {"dead": as_json(dead), "monotonic": leases["monotonic"]}
        return dead, connection.execute(self._sql["abandoned"], values).fetchall()

    def _rescue(self, connection: Connection, taken: Sequence[Row]) -> list[str]:
        judgements = [astuple(judgement) for judgement in judged(Fallen(*row) for row in taken)]
        values = {"taken": as_json(judgements)} | self._db.stamp()
        connection.execute(self._sql["record_crashes"], values)
        return [session_id for (session_id,) in connection.execute(self._sql["rescue"], values).fetchall()]

    async def prune(
        self, *, sessions_before: datetime, results_before: datetime, uploads_before: datetime, dry_run: bool
    ) -> Pruned:
        prune = self._count if dry_run else self._delete
        return Pruned(
            sessions=await prune("sessions", sessions_before),
            results=await prune("results", results_before),
            uploads=await prune("uploads", uploads_before),
            facts=await prune("facts", self._db.clock.now()),
        )

    async def _count(self, what: str, before: datetime) -> int:
        values = {"before": as_text(before)}
        statement = self._sql[f"count_prunable_{what}"]
        (count,) = await self._db.read_aside(lambda c: c.execute(statement, values).fetchone())
        return count

    async def _delete(self, what: str, before: datetime) -> int:
        """Batch by batch, so that others write in between."""
        batch = UPLOADS_AT_ONCE if what == "uploads" else BATCH
        values = {"before": as_text(before), "batch": batch}
        statement = self._sql[f"prune_{what}"]
        deleted = 0
        while rows := await self._db.write(lambda c: c.execute(statement, values).fetchall()):
            deleted += sum(counts for (counts,) in rows)
        return deleted
