"""The registry of workers, and their leases, in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from outlast.backends.memory.recovery import release_all, take_lapses_back
from outlast.backends.memory.tables import LeasedWorker, MemoryPart, MemoryTables
from outlast.backends.memory.verbs import finish
from outlast.backends.rows import fields_of
from outlast.domain.outcome import End
from outlast.domain.session import Claim
from outlast.domain.worker_control import ControlRequest, WorkerCommand, WorkerKind
from outlast.ports.workers import FIRST_REPORT, LEASE, Renewal, WorkerInfo, WorkerReport


class MemoryLease:
    """`Lease` of one worker."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables

    def register(self, worker: WorkerInfo, previous_id: str | None = None) -> None:
        tables = self._tables
        with tables.lock:
            if previous_id is not None:
                take_lapses_back(tables, previous_id)
            tables.workers[worker.id] = LeasedWorker(worker, tables.clock.monotonic() + LEASE)

    def renew(self, worker_id: str, report: WorkerReport = FIRST_REPORT) -> Renewal | None:
        tables = self._tables
        with tables.lock:
            leased = tables.workers.get(worker_id)
            if leased is None:
                return None
            info = leased.info = replace(leased.info, beat_at=tables.clock.now(), **fields_of(report))
            leased.until = tables.clock.monotonic() + LEASE
            leased.beat += 1
            held = tables.held_by(worker_id)
            return Renewal(
                held=frozenset(Claim(s.id, s.claim) for s in held),
                cancel_requested=frozenset(s.id for s in held if s.cancel_requested_at is not None),
                request=None if info.requested is None else ControlRequest(info.requests, info.requested),
            )

    def finish(self, ends: Sequence[tuple[Claim, End]]) -> None:
        with self._tables.lock:
            for claim, end in ends:
                finish(self._tables, claim, end)

    def release(self, worker_id: str) -> int:
        return release_all(self._tables, worker_id)

    def close(self) -> None:
        """Do nothing: nothing is open."""


class MemoryWorkers(MemoryPart):
    """`WorkerRegistry`."""

    def lease(self) -> MemoryLease:
        return MemoryLease(self._tables)

    async def workers(self) -> Sequence[WorkerInfo]:
        return [worker for worker in self._registered() if worker.kind is not WorkerKind.SUPERVISOR]

    async def supervisors(self) -> Sequence[WorkerInfo]:
        return [worker for worker in self._registered() if worker.kind is WorkerKind.SUPERVISOR]

    async def request(self, ids: Sequence[str], command: WorkerCommand) -> Mapping[str, int]:
        numbers: dict[str, int] = {}
        with self._tables.lock:
            for leased in (self._tables.workers[i] for i in ids if i in self._tables.workers):
                numbers[leased.info.id] = leased.info.requests + 1
                leased.info = replace(leased.info, requested=command, requests=leased.info.requests + 1)
        return numbers

    def _registered(self) -> Sequence[WorkerInfo]:
        tables = self._tables
        with tables.lock:
            now = tables.clock.monotonic()
            return [
                replace(leased.info, in_flight=len(tables.held_by(i)), alive=leased.until > now)
                for i, leased in tables.workers.items()
            ]
