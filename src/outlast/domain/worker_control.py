"""What operators may ask of workers, what a worker does meanwhile, and which kind of worker follows what."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class WorkerState(StrEnum):
    """What a worker does with new sessions."""

    RUNNING = "running"
    """It claims sessions."""
    PAUSED = "paused"
    """It claims nothing until it is resumed, and works on what it has."""
    DRAINING = "draining"
    """It claims nothing and ends after its last session, however long that takes."""
    STOPPING = "stopping"
    """It claims nothing and ends within its grace time; what has not ended then is released unspent."""
    STOPPED = "stopped"
    """Of a supervisor that stays without workers until a restart."""


class WorkerCommand(StrEnum):
    """A request of an operator to a worker or a supervisor, made through the store."""

    PAUSE = "pause"
    RESUME = "resume"
    DRAIN = "drain"
    STOP = "stop"
    STOP_NOW = "stop --now"
    RESTART = "restart"


class WorkerKind(StrEnum):
    """How a worker was started, which decides what it can follow."""

    SUPERVISED = "supervised"
    """A process of `outlast workers start` or `outlast serve`."""
    UNSUPERVISED = "unsupervised"
    """A single process that nothing replaces, or that something other than Outlast replaces."""
    EMBEDDED = "embedded"
    """A thread of a program that mounts Outlast."""
    CELERY = "celery"
    """A process started by Celery's own command, with the pool `threads`."""
    CELERY_CHILD = "celery child"
    """A child process of Celery's pool `prefork`."""
    SUPERVISOR = "supervisor"
    """No worker: it starts and replaces workers."""


_ENDS = frozenset({WorkerCommand.DRAIN, WorkerCommand.STOP, WorkerCommand.STOP_NOW})
_WAITS = frozenset({WorkerCommand.PAUSE, WorkerCommand.RESUME})

FOLLOWED_BY: Mapping[WorkerKind, frozenset[WorkerCommand]] = {
    WorkerKind.SUPERVISED: frozenset(WorkerCommand),
    WorkerKind.UNSUPERVISED: _ENDS | _WAITS,
    WorkerKind.EMBEDDED: _ENDS | _WAITS,
    WorkerKind.CELERY: _ENDS | _WAITS,
    WorkerKind.CELERY_CHILD: frozenset(),
    WorkerKind.SUPERVISOR: _ENDS | {WorkerCommand.RESTART},
}
"""The commands that each kind of worker can follow."""
WHY_NOT: Mapping[WorkerKind, str] = {
    WorkerKind.UNSUPERVISED: "no supervisor replaces it; restart its process",
    WorkerKind.EMBEDDED: "it runs in a thread of your program and cannot load new code; restart the program",
    WorkerKind.CELERY: "Celery's own command started it; restart that process",
    WorkerKind.CELERY_CHILD: "it is a child of Celery's pool; use `celery -A outlast.celery control shutdown`",
}
"""Why a kind of worker follows no other commands, and what to do instead."""


@dataclass(frozen=True, slots=True)
class ControlRequest:
    """The last request to a worker; `number` grows by one with each."""

    number: int
    command: WorkerCommand


def can_follow(kind: WorkerKind | None, command: WorkerCommand) -> bool:
    """Return whether a worker of this kind follows the command. `None`: a worker of an earlier version."""
    return kind is not None and command in FOLLOWED_BY[kind]


def why_not(kind: WorkerKind | None) -> str:
    """Return why a worker of this kind does not follow a command, as a clause."""
    return "it runs an earlier version of Outlast; stop its process" if kind is None else WHY_NOT.get(kind, "")
