"""The line between a supervisor and one worker process: a socket in the place of the worker's standard input.

The supervisor may send `STOP`, `RETIRE` and `PING`; the worker sends `RETIRE` to ask for it and answers each
`PING`. When one end is closed, the process at the other knows that its partner is gone.
"""

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

STOP = b"S"
RETIRE = b"R"
PING = b"P"


class WorkerLink:
    """The worker's end. A thread of its own calls the handlers, and answers when the event loop cannot."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        try:
            self._socket = socket.socket(fileno=os.dup(descriptor))
        except OSError:  # a plain pipe: its end says that the supervisor is gone, and nothing else
            self._socket = None
        self._retire: Callable[[], None] = lambda: None

    @classmethod
    def from_standard_input(cls) -> "WorkerLink":
        """Take standard input over; what the analyses start reads from `/dev/null` there."""
        link = cls(os.dup(0))
        silence_standard_input()
        return link

    @property
    def supervised(self) -> bool:
        """Whether a supervisor that can be spoken to is at the other end."""
        return self._socket is not None

    def listen(self, *, stop: Callable[[], None], gone: Callable[[], None]) -> None:
        """Call `stop` at each request to stop, and `gone` once nobody is at the other end."""

        def serve() -> None:
            while received := self._receive():
                for byte in received:
                    match bytes((byte,)):
                        case b"S":
                            stop()
                        case b"R":
                            self._retire()
                        case b"P":
                            self._send(PING)
                        case _:
                            pass
            gone()

        threading.Thread(target=serve, name="supervisor-link", daemon=True).start()

    def ask_to_retire(self, retire: Callable[[], None]) -> None:
        """Call `retire` once the supervisor has a replacement; at once where there is none to ask."""
        self._retire = retire
        if not self._send(RETIRE):
            retire()

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
    """Whoever reads from standard input from now on, children included, finds its end."""
    null = os.open(os.devnull, os.O_RDONLY)
    if null == 0:  # it was closed
        os.set_inheritable(0, True)
    else:
        os.dup2(null, 0)
        os.close(null)
