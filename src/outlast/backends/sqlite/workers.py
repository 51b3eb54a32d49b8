"""Workers and their leases, on the machine's monotonic clock."""

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from outlast.backends.rows import as_json
from outlast.backends.sqlite.connection import UNAVAILABLE, explained, unavailable
from outlast.backends.sqlite.database import Database
from outlast.backends.sqlite.driver import Connection, Row
from outlast.backends.sqlite.room import Room
from outlast.backends.sqlite.times import as_datetime, as_text
from outlast.ports.workers import LEASE, Beat, WorkerInfo

T = TypeVar("T")

PATIENCE = 4.0
"""Seconds that a renewal may wait for other writers: there is time for a second one before the lease ends."""


class SQLiteLease:
    """`Lease`: a connection of its own, for one thread. It is not synced: no lease outlives the machine's boot."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._sql = database.sql
        self._connection: Connection | None = None

    def register(self, worker: WorkerInfo) -> None:
        values = {
            "id": worker.id,
            "host": worker.host,
            "pid": worker.pid,
            "queues": as_json(worker.queues),
            "analyses": as_json(worker.analyses),
            "concurrency": worker.concurrency,
            "started_at": as_text(worker.started_at),
            "beat_at": as_text(worker.beat_at),
        }
        self._write(lambda c: c.execute(self._sql["register"], values | self._fresh()))

    def renew(self, worker_id: str) -> Beat | None:
        def write(connection: Connection) -> list[Row] | None:
            values = self._fresh() | {"worker_id": worker_id, "now": self._db.now()}
            if connection.execute(self._sql["renew"], values).fetchone() is None:
                return None
            return connection.execute(self._sql["beat"], values).fetchall()

        held = self._write(write)
        return None if held is None else Beat.of((row[0], row[1], bool(row[2])) for row in held)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _fresh(self) -> dict[str, Any]:
        clock = self._db.clock
        return {"boot_id": clock.boot_id(), "lease_until": clock.monotonic() + LEASE}

    def _write(self, operation: Callable[[Connection], T]) -> T:
        """In a transaction of its own; connects when needed, and anew after whatever went wrong."""
        with unavailable():
            connection = self._connection = self._connection or self._db.file.connect(patience=PATIENCE)
            try:
                connection.execute("BEGIN IMMEDIATE")
                value = operation(connection)
                connection.execute("COMMIT")
            except UNAVAILABLE as error:
                self.close()
                raise explained(error) from error
            return value


class SQLiteWorkers(Room):
    """`WorkerRegistry`."""

    def lease(self) -> SQLiteLease:
        return SQLiteLease(self._db)

    async def workers(self) -> Sequence[WorkerInfo]:
        clock = self._db.clock
        values = {"boot_id": clock.boot_id(), "monotonic": clock.monotonic(), "lease": LEASE}
        rows = await self._db.read_aside(lambda c: c.execute(self._sql["workers"], values).fetchall())
        return [_info(row) for row in rows]


def _info(row: Row) -> WorkerInfo:
    worker_id, host, pid, queues, analyses, concurrency, started_at, beat_at, in_flight, alive = row
    return WorkerInfo(
        id=worker_id,
        host=host,
        pid=pid,
        queues=tuple(json.loads(queues)),
        analyses=tuple(json.loads(analyses)),
        concurrency=concurrency,
        started_at=as_datetime(started_at),
        beat_at=as_datetime(beat_at),
        in_flight=in_flight,
        alive=bool(alive),
    )
