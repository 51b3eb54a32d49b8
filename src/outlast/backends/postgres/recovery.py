"""Rescue of sessions from dead workers, release by stopping ones, and cleanup of old data."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from outlast.backends.postgres.connection import Connection
from outlast.backends.postgres.database import PostgresDatabase, PostgresPart, as_utc
from outlast.backends.rows import Row, as_json
from outlast.domain.crash_policy import Death, HeldSession, RescuedState, after_crash, after_lapse
from outlast.domain.lease_observer import Heartbeat
from outlast.domain.session import AttemptEnd
from outlast.ports.audit import AUDIT_KEPT, AUDIT_KEPT_DAYS
from outlast.ports.store import Pruned

BATCH = 500
"""Rows deleted in one transaction."""
COST_FACTOR = 20
"""Unregistered holders are queried again after this many times the duration of the last query."""
BEGIN = datetime.min.replace(tzinfo=UTC)
"""Before every end."""
UPLOADS_AT_ONCE = 4
"""Uploads deleted in one transaction; they may be large."""


class PostgresRecovery(PostgresPart):
    """Rescue, release and cleanup of `SessionStore`."""

    def __init__(self, database: PostgresDatabase) -> None:
        super().__init__(database)
        self._holders: Sequence[str] = ()
        self._next_query = 0.0

    async def heartbeats(self) -> Sequence[Heartbeat]:
        found = await self._db.all("registered_heartbeats")
        registered = [Heartbeat(**row) for row in found]
        known = {beat.worker_id for beat in registered}
        others = [
            Heartbeat(holder, "", process=None) for holder in await self._unregistered() if holder not in known
        ]
        return registered + others

    async def _unregistered(self) -> Sequence[str]:
        """Return the workers that hold sessions without being registered, cached if the query is slow."""
        began = self._db.clock.monotonic()
        if began >= self._next_query:

            async def read(connection: Connection) -> list[Row]:
                async with connection.pipeline():
                    await connection.execute(self._db.sql["avoid_sorting"].encode())
                    cursor = await connection.execute(self._db.sql["unregistered_holders"].encode())
                return await cursor.fetchall()

            self._holders = [row["worker_id"] for row in await self._db.use(read, again=True)]
            now = self._db.clock.monotonic()
            self._next_query = now + COST_FACTOR * (now - began)
        return self._holders

    async def rescue(self, lapsed: Sequence[Heartbeat]) -> list[str]:
        async def write(connection: Connection) -> list[str]:
            values = {"lapsed": as_json([{"id": beat.worker_id, "token": beat.token} for beat in lapsed])}
            dead = [row["id"] for row in await self._db.rows_of(connection, "lock_lapsed_workers", values)]
            workers = {"workers": [beat.worker_id for beat in lapsed], "registered": dead}
            held = await self._db.rows_of(connection, "lock_lapsed_sessions", workers)
            rescued = await self._apply(
                connection, list(after_lapse(HeldSession(**row) for row in held)), "lapsed"
            )
            await self._db.rows_of(connection, "forget_workers", {"ids": dead})
            return rescued

        return await self._db.transact(write, again=True) if lapsed else []

    async def rescue_worker(self, worker_id: str, death: Death) -> list[str]:
        async def write(connection: Connection) -> list[str]:
            held = await self._db.rows_of(connection, "lock_held", {"worker_id": worker_id})
            ids = {"ids": [row["session_id"] for row in held]}
            crashes = self._db.rows.crashes(await self._db.rows_of(connection, "earlier_crashes", ids))
            (now,) = await self._db.rows_of(connection, "now")
            states = list(after_crash(death, (HeldSession(**row) for row in held), as_utc(now["at"]), crashes))
            rescued = await self._apply(connection, states, "crashed", death.cause)
            await self._db.rows_of(connection, "forget_workers", {"ids": [worker_id]})
            return rescued

        return await self._db.transact(write)

    async def release_worker(self, worker_id: str) -> int:
        values = {"worker_id": worker_id}

        async def write(connection: Connection) -> int:
            held = await self._db.rows_of(connection, "lock_held", values)
            await self._db.rows_of(connection, "merge_progress", {"ids": [row["session_id"] for row in held]})
            await self._db.rows_of(connection, "record_releases", values)
            released = await connection.execute(self._db.sql["release_held"].encode(), values)
            await self._db.rows_of(connection, "forget_workers", {"ids": [worker_id]})
            return released.rowcount

        return await self._db.transact(write)

    async def _apply(
        self, connection: Connection, states: Sequence[RescuedState], ended: AttemptEnd, cause: str | None = None
    ) -> list[str]:
        """Change sessions whose rows are locked; return the ids."""
        if not states:
            return []
        await self._db.rows_of(connection, "merge_progress", {"ids": [state.session_id for state in states]})
        taken = as_json([asdict(state) for state in states])
        values = {"taken": taken, "ended": ended, "cause": cause}
        await self._db.rows_of(connection, "record_rescues", values)
        return [row["id"] for row in await self._db.rows_of(connection, "rescue", values)]

    async def prune(
        self,
        *,
        sessions_before: datetime,
        results_before: datetime,
        uploads_before: datetime,
        failed_before: datetime | None = None,
        dry_run: bool,
    ) -> Pruned:
        prune = self._count if dry_run else self._delete
        now = (await self._db.only("now"))["at"]
        if not dry_run:
            before = now - timedelta(days=AUDIT_KEPT_DAYS)
            await self._db.all("prune_actions", {"before": before, "kept": AUDIT_KEPT})
            await self._db.transact(self._tidy_limits, again=True)
            await self._delete("start_keys", now)
            await self._delete("runs", now)
        return Pruned(
            sessions=await prune("sessions", sessions_before)
            + await prune("failed", failed_before or sessions_before),
            results=await prune("results", results_before),
            uploads=await prune("uploads", uploads_before),
            facts=await prune("facts", now),
        )

    async def _tidy_limits(self, connection: Connection) -> None:
        for name in ("lock_permits", "forget_keys", "wake_blocked_keys"):
            await self._db.rows_of(connection, name)

    async def _count(self, what: str, before: datetime) -> int:
        return (await self._db.only(f"count_prunable_{what}", {"before": before, "begin": BEGIN}))["counted"]

    async def _delete(self, what: str, before: datetime) -> int:
        """Delete in batches, so that other writers are not blocked for long."""
        batch = UPLOADS_AT_ONCE if what == "uploads" else BATCH
        values = {"before": before, "batch": batch, "begin": BEGIN}
        deleted = 0
        while rows := await self._db.all(f"prune_{what}", values):
            deleted += sum(row["counts"] for row in rows)
            if what == "sessions":  # the next batch does not read again what this one has passed over
                values["begin"] = max(row["completed_at"] for row in rows)
        return deleted
