"""The protocol between a supervisor and one worker process, over a socket that is the worker's standard input.

The supervisor sends `STOP`, `RETIRE` (a replacement has started), `DRAIN` (end after the last session), `PING` and
`REOPEN` (the log file was rotated). The worker sends `RETIRE` to ask for a replacement, its states as `STATES` has
them, and echoes each `PING`. When one process exits, the other reads the end of the stream.
"""

import os
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress

from outlast.domain.worker_control import WorkerState

STOP = b"S"
RETIRE = b"R"
PING = b"P"
DRAIN = b"D"
REOPEN = b"O"
STATES: Mapping[WorkerState, bytes] = {
    WorkerState.RUNNING: b"A",
    WorkerState.PAUSED: b"H",
    WorkerState.DRAINING: b"L",
    WorkerState.STOPPING: b"L",
}
"""What a worker sends when it takes sessions, is paused, or was asked to end."""


class WorkerLink:
    """The worker's end. A dedicated thread calls the handlers and echoes pings, even if the loop is blocked."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        try:
            self._socket = socket.socket(fileno=os.dup(descriptor))
        except OSError:  # a plain pipe carries no messages: its end only shows that the supervisor is gone
            self._socket = None
        self._on_retire: Callable[[], None] = lambda: None

    @classmethod
    def from_standard_input(cls) -> "WorkerLink":
        """Take over standard input and replace it by `/dev/null` for analyses and their children."""
        link = cls(os.dup(0))
        silence_standard_input()
        return link

    @property
    def supervised(self) -> bool:
        """Whether the other end is a supervisor that accepts messages."""
        return self._socket is not None

    def listen(
        self,
        *,
        on_stop: Callable[[], None],
        on_disconnect: Callable[[], None],
        on_drain: Callable[[], None] = lambda: None,
        on_reopen: Callable[[], None] = lambda: None,
    ) -> None:
        """Call `on_stop` at each stop request, `on_drain` when the worker is not needed any more, `on_reopen` when
        the log file was rotated, and `on_disconnect` once the other end has closed.
        """

        def receive() -> None:
            while received := self._receive():
                for byte in received:
                    match bytes((byte,)):
                        case b"S":
                            on_stop()
                        case b"R":
                            self._on_retire()
                        case b"P":
                            self._send(PING)
                        case b"D":
                            on_drain()
                        case b"O":
                            on_reopen()
                        case _:
                            pass
            on_disconnect()

        threading.Thread(target=receive, name="supervisor-link", daemon=True).start()

    def request_retirement(self, on_retire: Callable[[], None]) -> None:
        """Call `on_retire` once the supervisor has started a replacement; immediately without a supervisor."""
        self._on_retire = on_retire
        if not self._send(RETIRE):
            on_retire()

    def tell_state(self, state: WorkerState) -> None:
        """Tell the supervisor what the worker does."""
        self._send(STATES[state])

    def _receive(self) -> bytes:
        with suppress(OSError):
            return os.read(self._descriptor, 1024)
        return b""

    def _send(self, message: bytes) -> bool:
        if self._socket is None:
            return False
        with suppress(OSError):
            return self._socket.send(message) == len(message)
        return False


def silence_standard_input() -> None:
    """Replace standard input by `/dev/null`, for this process and its children."""
    null = os.open(os.devnull, os.O_RDONLY)
    if null == 0:  # it was closed
        os.set_inheritable(0, True)
    else:
        os.dup2(null, 0)
        os.close(null)
