"""Workers as the store knows them: leases, heartbeats, who is alive."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from outlast.domain.outcome import End
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
    """Wall time of the last renewal, for people."""
    in_flight: int = 0
    """Sessions it holds, by the store's own count."""
    alive: bool = True
    """It has beaten within the time of a lease. This is for people and for a single look, so it trusts the clock
    of the database (on SQLite the machine's monotonic clock and boot) and may err when that clock jumps. It takes
    no session from anybody.
    """
    process: str | None = None
    """The identity by which other processes of the machine see for certain that its process has ended. `None`: a
    supervisor watches it, or the system has no such identity.
    """


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

    A lease lapses when some `LeaseObserver` has seen its beat unchanged for `LEASE` seconds; no clock of the
    machine or of a database decides that.
    """

    def register(self, worker: WorkerInfo, formerly: str | None = None) -> None:
        """Enter the worker, with a fresh lease.

        `formerly` is the id under which the same process was registered before and has lost its lease: it is
        alive, so every lapse that this id has caused is taken back (`lapses` one less, never below 0; its line of
        history says that the worker came back). That changes no version, and nothing in final rows.
        """
        ...

    def renew(self, worker_id: str) -> Beat | None:
        """Beat; `None` when the worker has been rescued from or forgotten: it holds nothing."""
        ...

    def finish(self, ends: Sequence[tuple[Claim, End]]) -> None:
        """As `SessionStore.finish`, for a worker whose event loop does not answer; claims that are gone are
        passed over.
        """
        ...

    def release(self, worker_id: str) -> int:
        """As `SessionStore.release_worker`."""
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
