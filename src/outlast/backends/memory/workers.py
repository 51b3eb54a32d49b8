"""Workers and their leases in memory."""

from collections.abc import Sequence
from dataclasses import replace

from outlast.backends.memory.room import Room
from outlast.backends.memory.tables import LeasedWorker, Tables
from outlast.domain.session import Claim
from outlast.ports.workers import LEASE, Beat, WorkerInfo


class MemoryLease:
    """`Lease`: the renewing side of one worker."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def register(self, worker: WorkerInfo) -> None:
        tables = self._tables
        with tables.lock:
            tables.workers[worker.id] = LeasedWorker(worker, tables.clock.monotonic() + LEASE)

    def renew(self, worker_id: str) -> Beat | None:
        tables = self._tables
        with tables.lock:
            leased = tables.workers.get(worker_id)
            if leased is None:
                return None
            leased.info = replace(leased.info, beat_at=tables.clock.now())
            leased.until = tables.clock.monotonic() + LEASE
            held = tables.held_by(worker_id)
            return Beat(
                held=frozenset(Claim(s.id, s.claim) for s in held),
                cancel_requested=frozenset(s.id for s in held if s.cancel_requested_at is not None),
            )

    def close(self) -> None:
        """Nothing is open."""


class MemoryWorkers(Room):
    """`WorkerRegistry`."""

    def lease(self) -> MemoryLease:
        return MemoryLease(self._tables)

    async def workers(self) -> Sequence[WorkerInfo]:
        tables = self._tables
        with tables.lock:
            now = tables.clock.monotonic()
            return [
                replace(leased.info, in_flight=len(tables.held_by(i)), alive=leased.until > now)
                for i, leased in tables.workers.items()
            ]
