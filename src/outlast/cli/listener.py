"""Accepts the connections of `outlast serve`, up to a limit; beyond it `503` is answered, and health probes."""

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
RETRY_AFTER = 0.05
"""Seconds until connections are accepted again after the system had nothing left for them."""
RECOVERS_AFTER = 5.0
"""Seconds after which it is seen whether there are descriptors again."""
AT_ONCE = 128
"""Connections accepted in one turn of the event loop."""
BEYOND = 16
"""Connections beyond the limit that are open at the same time, each to be answered `503` or as a health probe."""
SPARES = 2 * BEYOND
"""Descriptors held in reserve, given up when there are no others: half of them for connections beyond the limit,
half for the store and for files."""

Make = Callable[[Callable[[TimedConnection], None], bool], TimedConnection]
"""Makes a protocol, of what to call when it is over and whether it is beyond the limit."""


class Listener:
    """Stands where uvicorn has an `asyncio.Server`, whose accepting logs and retries without bound on `EMFILE`."""

    def __init__(self, sockets: Sequence[socket.socket], make: Make, most: int, backlog: int) -> None:
        self.sockets = tuple(sockets)
        self._make = make
        self._most = most
        """The limit of now: lower while descriptors are short."""
        self._loop = asyncio.get_running_loop()
        self._limit = most
        self._open = 0
        """Connections within the limit."""
        self._beyond: dict[TimedConnection, None] = {}
        self._opening: set[asyncio.Task[None]] = set()
        self._retries: dict[socket.socket, asyncio.TimerHandle] = {}
        self._recovers_at = 0.0
        self._spares: list[int] = []
        self._refused = ThrottledWarning(
            log, f"Too many connections are open (the limit is {most}): answering 503."
        )
        self._exhausted = ThrottledWarning(log, "No descriptors or memory are left to accept a connection with.")
        self._recover()
        for listening in self.sockets:
            listening.setblocking(False)
            listening.listen(backlog)
            self._loop.add_reader(listening, self._accept, listening)

    def close(self) -> None:
        """Accept no more. Idempotent."""
        for timer in self._retries.values():
            timer.cancel()
        self._retries.clear()
        for listening in self.sockets:
            if listening.fileno() >= 0:
                self._loop.remove_reader(listening)
                listening.close()
        self._give_up_spares()

    async def wait_closed(self) -> None:
        """Wait for connections that were being opened."""
        await asyncio.gather(*self._opening)

    def tick(self) -> None:
        """Call it about once a second: log what was counted, and see whether there are descriptors again."""
        self._refused.flush()
        self._exhausted.flush()
        if not self._spares and self._loop.time() >= self._recovers_at:
            self._recover()

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(AT_ONCE):
            try:
                connection, _ = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in EXHAUSTED:
                    raise
                if not self._has_made_room():
                    self._pause(listening)
                    return
            else:
                self._begin(connection)

    def _has_made_room(self) -> bool:
        """Give up what is held for when descriptors run out; `False` where that has not helped."""
        self._exhausted.note()
        self._most = max(0, min(self._most, self._open - BEYOND))
        self._recovers_at = self._loop.time() + RECOVERS_AFTER
        if self._spares:
            self._give_up_spares()
            return True
        self._evict(BEYOND)
        return False

    def _pause(self, listening: socket.socket) -> None:
        def resume() -> None:
            del self._retries[listening]
            self._loop.add_reader(listening, self._accept, listening)

        self._loop.remove_reader(listening)
        self._retries[listening] = self._loop.call_later(RETRY_AFTER, resume)

    def _begin(self, connection: socket.socket) -> None:
        beyond = self._open >= self._most
        if beyond:
            self._refused.note()
            if len(self._beyond) >= BEYOND:
                self._evict(1)
        protocol = self._make(self._lost, beyond)
        if beyond:
            self._beyond[protocol] = None
        else:
            self._open += 1
        opening = self._loop.create_task(self._connect(connection, protocol))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

    async def _connect(self, connection: socket.socket, protocol: TimedConnection) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: protocol, connection)
        except OSError:  # it has gone already
            connection.close()
            self._lost(protocol)

    def _lost(self, protocol: TimedConnection) -> None:
        if protocol in self._beyond:
            del self._beyond[protocol]
        else:
            self._open -= 1

    def _evict(self, count: int) -> None:
        """End so many connections beyond the limit that have no request, or one that has: the oldest."""
        connected = [c for c in self._beyond if c.connected]
        silent = [c for c in connected if c.silent]
        for connection in silent[:count] or connected[:1]:
            connection.evict()

    def _recover(self) -> None:
        """Hold all spares again, and then allow as many connections as before."""
        try:
            while len(self._spares) < SPARES:
                self._spares.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            self._give_up_spares()
            self._recovers_at = self._loop.time() + RECOVERS_AFTER
        else:
            self._most = self._limit

    def _give_up_spares(self) -> None:
        while self._spares:
            os.close(self._spares.pop())
