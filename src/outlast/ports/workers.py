"""Workers as the store knows them: leases, heartbeats, who is alive."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from outlast.domain.session import Claim

LEASE = 15.0
"""Seconds that a worker's right to its claims lasts without renewal."""
RENEW_EVERY = 5.0
"""Seconds between renewals."""


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """One worker process. Every start of a process is a new worker."""

    id: str
    host: str
    pid: int
    queues: tuple[str, ...]
    analyses: tuple[str, ...]
    concurrency: int
    started_at: datetime
    beat_at: datetime
    """Wall time of the last renewal, for people; leases are measured on the store's lease clock."""
    in_flight: int = 0
    """Sessions it holds, by the store's own count."""
    alive: bool = True
    """Its lease has not ended."""


@dataclass(frozen=True, slots=True)
class Beat:
    """What a renewal learnt."""

    held: frozenset[Claim]
    """All that the store says this worker holds. A claim it believes in and that is not here is lost."""
    cancel_requested: frozenset[str]
    """Sessions among them whose owner wants them stopped."""

    @classmethod
    def of(cls, held: Iterable[tuple[str, int, bool]]) -> "Beat":
        """From each session held: its id, the number of its claim, whether its cancel was requested."""
        rows = list(held)
        return cls(
            frozenset(Claim(session_id, number) for session_id, number, _ in rows),
            frozenset(session_id for session_id, _, requested in rows if requested),
        )


class Lease(Protocol):
    """The renewing side, blocking, with a connection of its own, used by one thread alone.

    Leases are measured on a clock that no jump of the wall clock moves: for SQLite the machine's monotonic
    clock and boot id (a lease of another boot, or further ahead than `LEASE`, has ended).
    """

    def register(self, worker: WorkerInfo) -> None:
        """Enter the worker, with a fresh lease."""
        ...

    def renew(self, worker_id: str) -> Beat | None:
        """Extend the lease; `None` when the worker has been rescued from or forgotten: it holds nothing."""
        ...

    def close(self) -> None: ...


class WorkerRegistry(Protocol):
    """The looking side. Same laws as `SessionStore`."""

    def lease(self) -> Lease:
        """A new connection for a worker's renewals."""
        ...

    async def workers(self) -> Sequence[WorkerInfo]:
        """All that are registered, the dead among them until they are rescued from."""
        ...
