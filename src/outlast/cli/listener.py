"""Accepts connections for `outlast serve` up to a limit; beyond it only health probes get more than a `503`."""

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Callable, Sequence

from outlast.cli.connections import TimedConnection
from outlast.web.throttled_warning import ThrottledWarning

log = logging.getLogger(__name__)

EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
ACCEPT_RETRY = 0.05
"""Seconds until accepting is retried after descriptors or memory ran out."""
RECOVERS_AFTER = 5.0
"""Seconds until the listener checks whether descriptors are available again."""
ACCEPTS_PER_TURN = 128
"""Connections accepted in one turn of the event loop."""
MAX_OVERFLOW = 16
"""Connections beyond the limit that may be open at the same time, for a `503` or a health probe."""
SPARES = 2 * MAX_OVERFLOW
"""Descriptors held in reserve and released when others run out: half of them for connections beyond the limit,
half for the store and files."""

ProtocolFactory = Callable[[Callable[[TimedConnection], None], bool], TimedConnection]
"""Creates a protocol from its `on_lost` callback and whether it is beyond the limit."""


class Listener:
    """Replaces the `asyncio.Server` of uvicorn, which logs and retries without bound on `EMFILE`."""

    def __init__(self, sockets: Sequence[socket.socket], make: ProtocolFactory, limit: int, backlog: int) -> None:
        self.sockets = tuple(sockets)
        self._make_protocol = make
        self._current_limit = limit
        """Lower than `_limit` while descriptors are scarce."""
        self._loop = asyncio.get_running_loop()
        self._limit = limit
        self._open = 0
        """Open connections within the limit."""
        self._overflow: dict[TimedConnection, None] = {}
        self._opening: set[asyncio.Task[None]] = set()
        self._retries: dict[socket.socket, asyncio.TimerHandle] = {}
        self._recovers_at = 0.0
        self._spares: list[int] = []
        self._refused = ThrottledWarning(
            log, f"Too many connections are open (the limit is {limit}): answering 503."
        )
        self._exhausted = ThrottledWarning(log, "No descriptors or memory are left to accept a connection with.")
        self._recover()
        for listening in self.sockets:
            listening.setblocking(False)
            listening.listen(backlog)
            self._loop.add_reader(listening, self._accept, listening)

    def close(self) -> None:
        """Stop accepting, after the connections that clients have made already. Idempotent."""
        for timer in self._retries.values():
            timer.cancel()
        self._retries.clear()
        for listening in self.sockets:
            if listening.fileno() >= 0:
                self._loop.remove_reader(listening)
                self._accept(listening)  # the system would reset them, and a proxy may have sent its request
                listening.close()
        self._release_spares()

    async def wait_closed(self) -> None:
        """Wait for connections that are being opened."""
        await asyncio.gather(*self._opening)

    def tick(self) -> None:
        """Call once a second: flush the warnings and check whether descriptors are available again."""
        self._refused.flush()
        self._exhausted.flush()
        if not self._spares and self._loop.time() >= self._recovers_at:
            self._recover()

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(ACCEPTS_PER_TURN):
            try:
                connection, _ = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in EXHAUSTED:
                    raise
                if not self._has_freed_descriptors():
                    self._pause(listening)
                    return
            else:
                self._open_connection(connection)

    def _has_freed_descriptors(self) -> bool:
        """Release the spare descriptors; evict connections and return `False` if there are none."""
        self._exhausted.note()
        self._current_limit = max(0, min(self._current_limit, self._open - MAX_OVERFLOW))
        self._recovers_at = self._loop.time() + RECOVERS_AFTER
        if self._spares:
            self._release_spares()
            return True
        self._evict(MAX_OVERFLOW)
        return False

    def _pause(self, listening: socket.socket) -> None:
        def resume() -> None:
            del self._retries[listening]
            self._loop.add_reader(listening, self._accept, listening)

        self._loop.remove_reader(listening)
        self._retries[listening] = self._loop.call_later(ACCEPT_RETRY, resume)

    def _open_connection(self, connection: socket.socket) -> None:
        is_overflow = self._open >= self._current_limit
        if is_overflow:
            self._refused.note()
            if len(self._overflow) >= MAX_OVERFLOW:
                self._evict(1)
        protocol = self._make_protocol(self._lost, is_overflow)
        if is_overflow:
            self._overflow[protocol] = None
        else:
            self._open += 1
        opening = self._loop.create_task(self._connect(connection, protocol))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

    async def _connect(self, connection: socket.socket, protocol: TimedConnection) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: protocol, connection)
        except OSError:  # the client has disconnected
            connection.close()
            self._lost(protocol)

    def _lost(self, protocol: TimedConnection) -> None:
        if protocol in self._overflow:
            del self._overflow[protocol]
        else:
            self._open -= 1

    def _evict(self, count: int) -> None:
        """Close the `count` oldest idle connections beyond the limit, or the oldest one if none is idle."""
        connected = [c for c in self._overflow if c.connected]
        idle = [c for c in connected if c.idle]
        for connection in idle[:count] or connected[:1]:
            connection.evict()

    def _recover(self) -> None:
        """Open all spare descriptors, then restore the limit."""
        try:
            while len(self._spares) < SPARES:
                self._spares.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            self._release_spares()
            self._recovers_at = self._loop.time() + RECOVERS_AFTER
        else:
            self._current_limit = self._limit

    def _release_spares(self) -> None:
        while self._spares:
            os.close(self._spares.pop())
