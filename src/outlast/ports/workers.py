"""The registry of workers: leases, heartbeats, liveness."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from outlast.domain.outcome import End
from outlast.domain.session import Claim
from outlast.domain.worker_control import ControlRequest, WorkerCommand, WorkerKind, WorkerState

LEASE = 15.0
"""Seconds that a worker keeps its claims without renewing its lease."""
RENEW_EVERY = 5.0
"""Seconds between renewals."""
LOST = "lost"
"""What people read in place of the state of a worker whose lease has run out."""


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
    kind: WorkerKind | None = None
    """How it was started; `None`: by an earlier version, which follows no commands."""
    supervisor: str | None = None
    """The id of its supervisor, if it has one."""
    program: str | None = None
    """The program whose analyses it runs: the names of their packages."""
    version: str | None = None
    """The version of that program's code."""
    state: WorkerState = WorkerState.RUNNING
    memory: int | None = None
    """Resident bytes of its process and of the processes under it, at the last renewal."""
    completed: int = 0
    """Sessions that have completed in it."""
    failed: int = 0
    """Sessions that have failed in it."""
    requested: WorkerCommand | None = None
    """What an operator asked of it last."""
    requests: int = 0
    """How often an operator asked something of it."""
    followed: int = 0
    """The number of the request that it has followed last."""

    @property
    def shown_state(self) -> str:
        """Its state, or `LOST` once its lease has run out."""
        return self.state if self.alive else LOST

    @property
    def takes_sessions(self) -> bool:
        """Whether it is alive and claims sessions, of its queues and analyses."""
        return self.alive and self.state is WorkerState.RUNNING


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """What a worker says about itself with each renewal. The fields are those of `WorkerInfo`."""

    state: WorkerState = WorkerState.RUNNING
    memory: int | None = None
    completed: int = 0
    failed: int = 0
    followed: int = 0


FIRST_REPORT = WorkerReport()
"""Of a worker that has done nothing yet."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """The response to a renewal."""

    held: frozenset[Claim]
    """All claims that this worker holds by the store. Any other claim of the worker is lost."""
    cancel_requested: frozenset[str]
    """Sessions among them with a cancel request."""
    request: ControlRequest | None = None
    """What an operator asked of the worker last, followed or not."""


class Lease(Protocol):
    """Renews the lease of one worker: blocking, on a connection of its own, used by one thread.

    A lease lapses when some `LeaseObserver` has seen its beat unchanged for `LEASE` seconds; no clock of the
    machine or of a database decides that.
    """

    def register(self, worker: WorkerInfo, previous_id: str | None = None) -> None:
        """Register the worker with a new lease.

        `previous_id` is the id under which the same process was registered before and has lost its lease: it is
        alive, so every lapse that this id has caused is taken back (`lapses` one less, never below 0; its line of
        history says that the worker came back). That changes no version, and nothing in final rows.
        """
        ...

    def renew(self, worker_id: str, report: WorkerReport = FIRST_REPORT) -> Renewal | None:
        """Renew the lease and store the report; `None` if its sessions were rescued or the worker was deleted: it
        holds nothing.
        """
        ...

    def finish(self, ends: Sequence[tuple[Claim, End]]) -> None:
        """Do as `SessionStore.finish` does, for a worker whose event loop does not respond; skip lost
        claims.
        """
        ...

    def release(self, worker_id: str) -> int:
        """Do as `SessionStore.release_worker` does."""
        ...

    def close(self) -> None: ...


class WorkerRegistry(Protocol):
    """Reads the registry. Same laws as `SessionStore`."""

    def lease(self) -> Lease:
        """Create a lease on a new connection."""
        ...

    async def workers(self) -> Sequence[WorkerInfo]:
        """Return all registered workers, including dead ones until their sessions are rescued."""
        ...

    async def supervisors(self) -> Sequence[WorkerInfo]:
        """Return all registered supervisors. They are registered and lapse as workers do, but are none.

        `concurrency` is the number of workers that a supervisor keeps.
        """
        ...

    async def request(self, ids: Sequence[str], command: WorkerCommand) -> Mapping[str, int]:
        """Ask something of these workers and supervisors; return the number of each request by id.

        A later request replaces an earlier one that was not followed yet. Ids that are not registered are skipped.
        """
        ...
