"""The registry of workers, and their leases."""

import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from outlast.backends.end_records import end_record
from outlast.backends.postgres.connection import UNAVAILABLE, cut, unavailable
from outlast.backends.postgres.database import PostgresDatabase, PostgresPart
from outlast.backends.postgres.ends import flat_end
from outlast.backends.rows import Row, as_json, as_renewal, as_worker, fields_of
from outlast.domain.lease_observer import lapse_line, return_line
from outlast.domain.outcome import End
from outlast.domain.session import Claim
from outlast.domain.worker_control import WorkerCommand, WorkerKind
from outlast.ports.workers import FIRST_REPORT, LEASE, Renewal, WorkerInfo, WorkerReport

T = TypeVar("T")
Connection = psycopg.Connection[Row]

LEASE_TIMEOUT = 4
"""Seconds that connecting, and a renewal, may take: a second attempt fits in before the lease lapses."""


class PostgresLease:
    """`Lease` on a connection of its own, for one thread."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._sql = database.sql
        self._address = make_conninfo(database.address, connect_timeout=LEASE_TIMEOUT)
        self._connection: Connection | None = None

    def register(self, worker: WorkerInfo, previous_id: str | None = None) -> None:
        lists = {"queues": list(worker.queues), "analyses": list(worker.analyses)}
        values = fields_of(worker) | lists | {"lease": LEASE}

        def write(connection: Connection) -> None:
            with connection.transaction():
                if previous_id is not None:
                    parameters = {
                        "previous_id": previous_id,
                        "lapsed": lapse_line(previous_id),
                        "returned": return_line(previous_id),
                    }
                    connection.execute(self._sql["undo_lapses"].encode(), parameters)
                connection.execute(self._sql["register"].encode(), values)

        self._use(write)

    def renew(self, worker_id: str, report: WorkerReport = FIRST_REPORT) -> Renewal | None:
        def write(connection: Connection) -> Renewal | None:
            values = fields_of(report) | {"worker_id": worker_id, "lease": LEASE}
            with connection.pipeline():
                renewed = connection.execute(self._sql["renew"].encode(), values)
                held = connection.execute(self._sql["held_claims"].encode(), values)
            row = renewed.fetchone()
            return None if row is None else as_renewal(row, held.fetchall())

        return self._use(write)

    def finish(self, ends: Sequence[tuple[Claim, End]]) -> None:
        items = [flat_end(claim, end_record(claim, end)) for claim, end in ends]

        def write(connection: Connection) -> None:
            with connection.transaction():
                connection.execute(self._sql["lock_sessions"].encode(), {"ids": [item["id"] for item in items]})
                connection.execute(self._sql["finish"].encode(), {"items": as_json(items)})

        self._use(write)

    def release(self, worker_id: str) -> int:
        values = {"worker_id": worker_id}

        def write(connection: Connection) -> int:
            with connection.transaction():
                held = connection.execute(self._sql["lock_held"].encode(), values).fetchall()
                connection.execute(
                    self._sql["merge_progress"].encode(), {"ids": [row["session_id"] for row in held]}
                )
                connection.execute(self._sql["record_releases"].encode(), values)
                released = connection.execute(self._sql["release_held"].encode(), values).rowcount
                connection.execute(self._sql["forget_workers"].encode(), {"ids": [worker_id]})
                return released

        return self._use(write)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _use(self, work: Callable[[Connection], T]) -> T:
        """Connect if needed, and reconnect after errors; repeat at once if an open connection was lost."""
        with unavailable():
            if self._connection is not None:
                try:
                    return self._try(work)
                except UNAVAILABLE:
                    self.close()
            self._connection = Connection.connect(
                self._address, autocommit=True, prepare_threshold=None, row_factory=dict_row
            )
            try:
                return self._try(work)
            except UNAVAILABLE:
                self.close()
                raise

    def _try(self, work: Callable[[Connection], T]) -> T:
        if self._connection is None:
            raise psycopg.InterfaceError("the lease has no connection")
        with _time_limit(LEASE_TIMEOUT, self._connection):
            return work(self._connection)


class PostgresWorkers(PostgresPart):
    """`WorkerRegistry`."""

    def lease(self) -> PostgresLease:
        return PostgresLease(self._db)

    async def workers(self) -> Sequence[WorkerInfo]:
        return [worker for worker in await self._registered() if worker.kind is not WorkerKind.SUPERVISOR]

    async def supervisors(self) -> Sequence[WorkerInfo]:
        return [worker for worker in await self._registered() if worker.kind is WorkerKind.SUPERVISOR]

    async def request(self, ids: Sequence[str], command: WorkerCommand) -> Mapping[str, int]:
        rows = await self._db.all("request_of_workers", {"ids": list(ids), "command": command})
        return {row["id"]: row["requests"] for row in rows}

    async def _registered(self) -> Sequence[WorkerInfo]:
        return [
            as_worker(self._db.rows.with_times(row | {name: tuple(row[name]) for name in ("queues", "analyses")}))
            for row in await self._db.all("workers")
        ]


@contextmanager
def _time_limit(seconds: float, connection: Connection) -> Generator[None]:
    """Break the connection if the block has not ended by then."""
    timer = threading.Timer(seconds, cut, (connection,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
