"""What happens when workers end, and when finished things grow old."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from outlast.backends.postgres.connection import Connection
from outlast.backends.postgres.room import Room
from outlast.backends.rows import Row, as_json
from outlast.domain.blame import Fallen, judged
from outlast.ports.store import Pruned

BATCH = 500
"""Rows deleted in one transaction."""
UPLOADS_AT_ONCE = 4
"""Uploads deleted in one transaction; they may be large."""


class Recovery(Room):
    """Rescue, release and cleanup of `SessionStore`."""

    async def rescue(self) -> list[str]:
        async def write(connection: Connection) -> list[str]:
            dead = [worker for (worker,) in await self._db.rows_of(connection, "lock_dead_workers")]
            rescued = await self._rescue(connection, await self._db.rows_of(connection, "lock_abandoned"))
            await self._db.rows_of(connection, "forget_workers", {"ids": dead})
            return rescued

        # everybody looks every second, and there is hardly ever something to do
        if not await self._db.all("dead_workers") and not await self._db.all("abandoned"):
            return []
        return await self._db.transact(write, again=True)

    async def rescue_worker(self, worker_id: str) -> list[str]:
        async def write(connection: Connection) -> list[str]:
            held = await self._db.rows_of(connection, "lock_held", {"worker_id": worker_id})
            rescued = await self._rescue(connection, held)
            await self._db.rows_of(connection, "forget_workers", {"ids": [worker_id]})
            return rescued

        return await self._db.transact(write)

    async def release_worker(self, worker_id: str) -> int:
        values = {"worker_id": worker_id}

        async def write(connection: Connection) -> int:
            held = await self._db.rows_of(connection, "lock_held", values)
            await self._db.rows_of(connection, "fold", {"ids": [row[0] for row in held]})
            await self._db.rows_of(connection, "record_releases", values)
            released = await connection.execute(self._db.sql["release_held"].encode(), values)
            await self._db.rows_of(connection, "forget_workers", {"ids": [worker_id]})
            return released.rowcount

        return await self._db.transact(write)

    async def _rescue(self, connection: Connection, taken: Sequence[Row]) -> list[str]:
        """Of locked rows."""
        if not taken:
            return []
        await self._db.rows_of(connection, "fold", {"ids": [row[0] for row in taken]})
        judgements = [asdict(judgement) for judgement in judged(Fallen(*row) for row in taken)]
        values = {"taken": as_json(judgements)}
        await self._db.rows_of(connection, "record_crashes", values)
        return [session_id for (session_id,) in await self._db.rows_of(connection, "rescue", values)]

    async def prune(
        self, *, sessions_before: datetime, results_before: datetime, uploads_before: datetime, dry_run: bool
    ) -> Pruned:
        prune = self._count if dry_run else self._delete
        return Pruned(
            sessions=await prune("sessions", sessions_before),
            results=await prune("results", results_before),
            uploads=await prune("uploads", uploads_before),
            facts=await prune("facts", await self._now()),
        )

    async def _now(self) -> datetime:
        ((now, _),) = await self._db.all("now")
        return now

    async def _count(self, what: str, before: datetime) -> int:
        ((count,),) = await self._db.all(f"count_prunable_{what}", {"before": before})
        return count

    async def _delete(self, what: str, before: datetime) -> int:
        """Batch by batch, so that others write in between."""
        values = {"before": before, "batch": UPLOADS_AT_ONCE if what == "uploads" else BATCH}
        deleted = 0
        while rows := await self._db.all(f"prune_{what}", values):
            deleted += sum(counts for (counts,) in rows)
        return deleted
