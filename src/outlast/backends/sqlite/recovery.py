"""Rescue of sessions from dead workers, release by stopping ones, and cleanup of old data."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple
from datetime import datetime, timedelta
from typing import TypeVar

from outlast.backends.rows import as_json
from outlast.backends.sqlite.database import SQLiteDatabase, SQLitePart
from outlast.backends.sqlite.driver import Connection
from outlast.backends.sqlite.times import as_text
from outlast.backends.sqlite.writer import Operation
from outlast.domain.crash_policy import Death, HeldSession, RescuedState, after_crash, after_lapse
from outlast.domain.errors import StoreUnavailable
from outlast.domain.lease_observer import Heartbeat
from outlast.domain.session import AttemptEnd
from outlast.ports.audit import AUDIT_KEPT, AUDIT_KEPT_DAYS
from outlast.ports.store import Pruned

T = TypeVar("T")

BATCH = 500
"""Rows deleted in one transaction."""
UPLOADS_AT_ONCE = 4
"""Uploads deleted in one transaction; they may be large."""


class SQLiteRecovery(SQLitePart):
    """Rescue, release and cleanup of `SessionStore`."""

    async def heartbeats(self) -> Sequence[Heartbeat]:
        return self._db.read(self._heartbeats)

    async def rescue(self, lapsed: Sequence[Heartbeat]) -> list[str]:
        def write(connection: Connection) -> list[str]:
            dead = [beat.worker_id for beat in self._heartbeats(connection) if beat in lapsed]
            held = self._db.rows_of(connection, "held_sessions", {"workers": as_json(dead)})
            rescued = self._apply(connection, after_lapse(HeldSession(**row) for row in held), "lapsed")
            connection.execute(self._sql["forget_workers"], {"ids": as_json(dead)})
            return rescued

        return await self._db.write(write) if lapsed else []

    async def rescue_worker(self, worker_id: str, death: Death) -> list[str]:
        def write(connection: Connection) -> list[str]:
            held = self._db.rows_of(connection, "held_sessions", {"workers": as_json([worker_id])})
            ids = {"ids": as_json([row["session_id"] for row in held])}
            rows = self._db.rows_of(connection, "earlier_crashes", ids)
            crashes = self._db.rows.crashes(rows)
            states = after_crash(death, (HeldSession(**row) for row in held), self._db.clock.now(), crashes)
            rescued = self._apply(connection, states, "crashed", death.cause)
            connection.execute(self._sql["forget_workers"], {"ids": as_json([worker_id])})
            return rescued

        return await self._db.write(write)

    async def release_worker(self, worker_id: str) -> int:
        return await self._db.write(lambda c: release_worker(c, self._db, worker_id))

    def _heartbeats(self, connection: Connection) -> list[Heartbeat]:
        boot = boot_of(self._db.clock.boot_id())
        return [
            Heartbeat(
                row["worker_id"],
                row["token"],
                rebooted=row["boot_id"] is not None and boot_of(row["boot_id"]) != boot,
                process=row["process"],
            )
            for row in self._db.rows_of(connection, "heartbeats")
        ]

    def _apply(
        self, connection: Connection, states: Iterable[RescuedState], ended: AttemptEnd, cause: str | None = None
    ) -> list[str]:
        taken = as_json([astuple(state) for state in states])
        values = {"taken": taken, "ended": ended, "cause": cause} | self._db.stamp()
        connection.execute(self._sql["record_rescues"], values)
        return [row["id"] for row in self._db.rows_of(connection, "rescue", values)]

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
        pruned = Pruned(
            sessions=await prune("sessions", sessions_before)
            + await prune("failed", failed_before or sessions_before),
            results=await prune("results", results_before),
            uploads=await prune("uploads", uploads_before),
            facts=await prune("facts", self._db.clock.now()),
        )
        if not dry_run:
            before = as_text(self._db.clock.now() - timedelta(days=AUDIT_KEPT_DAYS))
            values = {"before": before, "kept": AUDIT_KEPT}
            await self._db.write(lambda c: c.execute(self._sql["prune_actions"], values))
            await self._db.write(self._tidy_limits)
            await self._delete("start_keys", self._db.clock.now())
            await self._delete("runs", self._db.clock.now())
            self._db.reserve.create()
        return pruned

    def _tidy_limits(self, connection: Connection) -> None:
        for name in ("forget_keys", "wake_blocked_keys"):
            connection.execute(self._sql[name], {"now": self._db.now()})

    async def _count(self, what: str, before: datetime) -> int:
        values = {"before": as_text(before), "begin": ""}
        statement = self._sql[f"count_prunable_{what}"]
        return await self._db.read_in_thread(lambda c: c.execute(statement, values).get)

    async def _delete(self, what: str, before: datetime) -> int:
        """Delete in batches, so that other writers are not blocked for long."""
        batch = UPLOADS_AT_ONCE if what == "uploads" else BATCH
        values = {"before": as_text(before), "batch": batch, "begin": ""}
        deleted = 0
        while rows := await self._change(lambda c: self._db.rows_of(c, f"prune_{what}", values)):
            deleted += sum(row["counts"] for row in rows)
            if what == "sessions":  # the next batch does not read again what this one has passed over
                values["begin"] = max(row["completed_at"] for row in rows)
        return deleted

    async def _change(self, operation: Operation[T]) -> T:
        """Delete; on a full disk, release the reserve file first."""
        try:
            return await self._db.write(operation)
        except StoreUnavailable:
            if not self._db.reserve.release():
                raise
            return await self._db.write(operation)


def release_worker(connection: Connection, database: SQLiteDatabase, worker_id: str) -> int:
    """Release all sessions of a worker without spending their attempts, and delete it, in a transaction."""
    values = {"worker_id": worker_id} | database.stamp()
    connection.execute(database.sql["record_releases"], values)
    released = database.rows_of(connection, "release_held", values)
    connection.execute(database.sql["forget_workers"], {"ids": as_json([worker_id])})
    return len(released)


def boot_of(boot_id: str) -> str:
    """Return the boot id without the time namespace, of which containers may have their own."""
    return boot_id.partition("/")[0]
