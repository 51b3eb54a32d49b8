"""Follows what operators ask of a worker through the store."""

from typing import Protocol

from outlast.domain.worker_control import ControlRequest, WorkerCommand, WorkerKind, can_follow


class Controlled(Protocol):
    """What follows requests: a worker. Called in its event loop."""

    def stop(self) -> None: ...

    def drain(self) -> None: ...

    def request_replacement(self, why: str) -> None: ...

    def on_control_change(self) -> None: ...


class WorkerControl:
    """Follows each request once; ignores those that this kind of worker cannot follow."""

    def __init__(self, worker: Controlled, kind: WorkerKind, *, paused: bool) -> None:
        self._worker = worker
        self._kind = kind
        self.paused = paused
        """Claim nothing until it is resumed."""
        self.followed = 0
        """The number of the last request."""

    def forget_requests(self) -> None:
        """Count requests from 1 again: the worker has a new id, to which nobody has sent any."""
        self.followed = 0

    def follow(self, request: ControlRequest) -> None:
        """Follow the request unless it was followed before."""
        if request.number <= self.followed:
            return
        self.followed = request.number
        if can_follow(self._kind, request.command):
            self._apply(request.command)
            self._worker.on_control_change()

    def _apply(self, command: WorkerCommand) -> None:
        match command:
            case WorkerCommand.PAUSE:
                self.paused = True
            case WorkerCommand.RESUME:
                self.paused = False
            case WorkerCommand.DRAIN:
                self._worker.drain()
            case WorkerCommand.STOP:
                self._worker.stop()
            case WorkerCommand.STOP_NOW:
                self._worker.stop()
                self._worker.stop()
            case WorkerCommand.RESTART:
                self._worker.request_replacement("an operator asked for it")
