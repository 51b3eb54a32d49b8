"""The registry of workers, and their leases."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from outlast.backends.end_records import end_record
from outlast.backends.rows import Row, as_json, as_renewal, as_worker, fields_of
from outlast.backends.sqlite.connection import UNAVAILABLE, explained, unavailable
from outlast.backends.sqlite.database import SQLiteDatabase, SQLitePart
from outlast.backends.sqlite.driver import Connection
from outlast.backends.sqlite.ends import write_end
from outlast.backends.sqlite.recovery import release_worker
from outlast.backends.sqlite.times import as_text
from outlast.domain.lease_observer import lapse_line, return_line
from outlast.domain.outcome import End
from outlast.domain.session import Claim
from outlast.domain.worker_control import WorkerCommand, WorkerKind
from outlast.ports.workers import FIRST_REPORT, LEASE, Renewal, WorkerInfo, WorkerReport

T = TypeVar("T")

BUSY_TIMEOUT = 4.0
"""Seconds that a renewal may wait for other writers: a second attempt fits in before the lease lapses."""


class SQLiteLease:
    """`Lease` on a connection of its own, for one thread. Beats are not synced, as no lease outlives the boot."""

    def __init__(self, database: SQLiteDatabase) -> None:
        self._db = database
        self._sql = database.sql
        self._connection: Connection | None = None

    def register(self, worker: WorkerInfo, previous_id: str | None = None) -> None:
        values = fields_of(worker) | {
            "queues": as_json(worker.queues),
            "analyses": as_json(worker.analyses),
            "started_at": as_text(worker.started_at),
            "beat_at": as_text(worker.beat_at),
        }

        def write(connection: Connection) -> None:
            if previous_id is not None:
                lines = {"lapsed": lapse_line(previous_id), "returned": return_line(previous_id)}
                lines["previous_id"] = previous_id
                connection.execute(self._sql["decrement_lapses"], lines)
                connection.execute(self._sql["record_return"], lines)
            connection.execute(self._sql["register"], values | self._fresh())

        self._write(write)

    def renew(self, worker_id: str, report: WorkerReport = FIRST_REPORT) -> Renewal | None:
        reported = fields_of(report) | {"worker_id": worker_id}

        def write(connection: Connection) -> Renewal | None:
            values = reported | self._fresh() | {"now": self._db.now()}
            renewed = self._db.row_of(connection, "renew", values)
            if renewed is None:
                return None
            return as_renewal(renewed, self._db.rows_of(connection, "held_claims", values))

        return self._write(write)

    def finish(self, ends: Sequence[tuple[Claim, End]]) -> None:
        wanted = [(claim, end_record(claim, end)) for claim, end in ends]

        def write(connection: Connection) -> None:
            for claim, end in wanted:
                write_end(connection, self._db, claim, end)

        self._write(write, durable=True)

    def release(self, worker_id: str) -> int:
        return self._write(lambda c: release_worker(c, self._db, worker_id), durable=True)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _fresh(self) -> dict[str, Any]:
        clock = self._db.clock
        return {"boot_id": clock.boot_id(), "lease_until": clock.monotonic() + LEASE}

    def _write(self, operation: Callable[[Connection], T], *, durable: bool = False) -> T:
        """Run `operation` in a transaction; connect if needed, and reconnect after errors."""
        with unavailable():
            connection = self._connection = self._connection or self._db.file.connect(busy_timeout=BUSY_TIMEOUT)
            try:
                connection.pragma("synchronous", "full" if durable else "normal")
                connection.execute("BEGIN IMMEDIATE")
                value = operation(connection)
                connection.execute("COMMIT")
            except UNAVAILABLE as error:
                self.close()
                raise explained(error) from error
            return value


class SQLiteWorkers(SQLitePart):
    """`WorkerRegistry`."""

    def lease(self) -> SQLiteLease:
        return SQLiteLease(self._db)

    async def workers(self) -> Sequence[WorkerInfo]:
        return [worker for worker in await self._registered() if worker.kind is not WorkerKind.SUPERVISOR]

    async def supervisors(self) -> Sequence[WorkerInfo]:
        return [worker for worker in await self._registered() if worker.kind is WorkerKind.SUPERVISOR]

    async def request(self, ids: Sequence[str], command: WorkerCommand) -> Mapping[str, int]:
        values = {"ids": as_json(ids), "command": command}
        rows = await self._db.write(lambda c: self._db.rows_of(c, "request_of_workers", values))
        return {row["id"]: row["requests"] for row in rows}

    async def _registered(self) -> Sequence[WorkerInfo]:
        clock = self._db.clock
        values = {"boot_id": clock.boot_id(), "monotonic": clock.monotonic(), "lease": LEASE}
        rows = await self._db.read_in_thread(lambda c: self._db.rows_of(c, "workers", values))
        return [self._worker(row) for row in rows]

    def _worker(self, row: Row) -> WorkerInfo:
        converted = {name: tuple(json.loads(row[name])) for name in ("queues", "analyses")}
        return as_worker(self._db.rows.with_times(row | converted | {"alive": bool(row["alive"])}))
