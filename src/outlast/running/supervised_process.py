"""One worker process of a supervisor, and what is known about it."""

import asyncio
import signal
import socket
from contextlib import suppress

from outlast.running.supervisor_link import DRAIN, PING, RETIRE, STOP

PING_EVERY = 1.0
"""Seconds between pings."""
FROZEN_AFTER = 45.0
"""Seconds without an answer after which a worker counts as frozen and is killed."""


class WorkerProcess:
    """One child process and the socket to it."""

    def __init__(self, worker_id: str, process: asyncio.subprocess.Process, link: socket.socket) -> None:
        self.id = worker_id
        self.process = process
        self.started_at = asyncio.get_running_loop().time()
        self.started = asyncio.Event()
        """Set once it is registered and takes sessions."""
        self.retire_requested = asyncio.Event()
        self.killed: str | None = None
        """Why the supervisor killed it."""
        self.retiring = False
        """It has been replaced and exits after its last session."""
        self.leaving = False
        """Somebody asked it to end, so it is not replaced."""
        self.paused = False
        self.stop_requests = 0
        self._link = link
        self._answered_at = self._pinged_at = self.started_at

    def stop(self) -> None:
        """First call: drain within the grace time. Second call: stop now."""
        self.stop_requests += 1
        self.send(STOP)

    def retire(self) -> None:
        """Let it exit after its last session, now that its replacement has started."""
        self.send(RETIRE)

    def drain(self) -> None:
        """Let it exit after its last session, without a replacement."""
        self.leaving = True
        self.send(DRAIN)

    def send(self, message: bytes) -> None:
        with suppress(OSError):
            self._link.send(message)

    def kill(self, why: str) -> None:
        self.killed = self.killed or why
        with suppress(ProcessLookupError):
            self.process.kill()

    async def wait(self) -> int:
        """Wait for the exit status; ping the worker meanwhile and kill it if it does not answer for long."""
        listening = asyncio.create_task(self._listen())
        pinging = asyncio.create_task(self._ping())
        try:
            return await self.process.wait()
        finally:
            listening.cancel()
            pinging.cancel()
            with suppress(OSError):  # what it said last; its own children may hold the other end open
                self._note(self._link.recv(1024))
            self._link.close()

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            while received := await loop.sock_recv(self._link, 1024):
                self._note(received)

    def _note(self, received: bytes) -> None:
        for byte in received:
            match bytes((byte,)):
                case b"P":
                    self._answered_at = asyncio.get_running_loop().time()
                case b"A":
                    self.paused = False
                    self.started.set()
                case b"H":
                    self.paused = True
                    self.started.set()
                case b"L":
                    self.leaving = True
                case b"R":
                    self.retire_requested.set()
                case _:
                    pass

    async def _ping(self) -> None:
        time = asyncio.get_running_loop().time
        while True:
            now = time()
            if now - self._pinged_at > 3 * PING_EVERY:  # the supervisor itself was suspended
                self._answered_at = now
            self._pinged_at = now
            if now - self._answered_at > FROZEN_AFTER:
                self.kill(f"did not answer for {FROZEN_AFTER:.0f} s and was killed")
            self.send(PING)
            await asyncio.sleep(PING_EVERY)


def cause_of(code: int) -> str:
    """Describe an exit code as the predicate of a sentence, such as "was killed by SIGKILL"."""
    if code >= 0:
        return f"exited with code {code}"
    with suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"
