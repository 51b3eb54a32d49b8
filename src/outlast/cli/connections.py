"""One connection to `outlast serve`: how long a client may take over heads, bodies, silence and reading."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, cast

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.server import ServerState

from outlast.cli.header_limit import BoundedHeads
from outlast.web.problems import Problem

HEALTH: Final = frozenset({"/livez", "/readyz"})
"""Answered on connections beyond the limit too."""
FULL = "Too many connections are open just now. Please try again in a moment."
RETRY_AFTER = 5
"""Seconds after which a client that was refused may come again."""
DISCARDED = 1_000_000
"""Bytes of a request that are read and thrown away after its answer, so that the client gets to read that."""


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Seconds that a client may take. An answer may take any time, as long as the client reads it."""

    head: float = 15
    """From its first byte, or from the beginning of the connection, to its end."""
    body: float = 20
    """Beyond what it takes at `body_rate`."""
    body_rate: float = 1_000
    """Bytes a second."""
    idle: float = 30
    """Between an answer and the next request."""
    unread: float = 60
    """Without reading anything of an answer that waits to be sent."""
    refused: float = 2
    """For the head of a request on a connection beyond the limit."""
    linger: float = 2
    """For the end of a body that nobody wants, after the answer."""


class TimedConnection(BoundedHeads):
    """uvicorn's protocol with time limits, which the server checks by calling `tick` once a second.

    A connection with `only_health` is one beyond the limit on open connections: it answers one request, with `503`
    unless that is a health probe.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        *,
        times: TimeLimits,
        only_health: bool = False,
        on_lost: Callable[["TimedConnection"], None],
    ) -> None:
        super().__init__(config, server_state, app_state)
        self._times = times
        self._on_lost = on_lost
        self._only_health = only_health
        if only_health:
            self.app = cast("Any", _OnlyHealth(cast("ASGIApp", self.app)))
        self._until = 0.0
        """When the client must have sent its next head, or gone after a refusal."""
        self._body_since = 0.0
        self._body_bytes = 0
        self._has_asked = False
        self._keeps_alive = False
        self._unread: RequestResponseCycle | None = None
        """The request whose body has not come whole."""
        self._lingering = False
        self._discarded = 0
        self._unsent = 0
        self._unsent_since = 0.0
        self._answering: RequestResponseCycle | None = None
        """The request that is being answered; `cycle` is the last one that came."""

    # what the event loop calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] - as uvicorn has it
        super().connection_made(transport)
        self._until = self.loop.time() + (self._times.refused if self._only_health else self._times.head)

    def data_received(self, data: bytes) -> None:
        if self._lingering:
            self._discarded += len(data)
            if self._discarded > DISCARDED:
                self.transport.abort()
            return
        super().data_received(data)
        cycle = self._unread
        if cycle is not None and not cycle.response_complete:
            self._body_bytes += len(data)
            if cycle.transport is self.transport:
                cycle.transport = _UnreadBody(self, cycle)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._answering is not None:  # uvicorn tells the last request alone that its client has gone
            _disconnect(self._answering)
        self._on_lost(self)

    # what the parser calls

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._has_asked:  # the time for the first head began with the connection
            self._until = self.loop.time() + self._times.head

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        cycle = self._unread = self.cycle
        # until the body is there, its answer closes the connection: nobody reads what would come
        self._keeps_alive = cycle.keep_alive and not self._only_health
        cycle.keep_alive = False
        self._has_asked = True
        self._body_since, self._body_bytes = self.loop.time(), 0
        if not self.pipeline:
            self._answering = cycle

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._unread = None
        if not self.cycle.response_started:
            self.cycle.keep_alive = self._keeps_alive

    # what uvicorn calls

    def on_response_complete(self) -> None:
        if self.pipeline:
            self._answering = self.pipeline[-1][0]
            super().on_response_complete()
            return
        self._answering = None
        self.server_state.total_requests += 1
        if not self.transport.is_closing():
            self.flow.resume_reading()
            if not self._lingering:  # in place of a timer for each answer, as uvicorn has them
                self._until = self.loop.time() + (self._times.head if self._in_head else self._times.idle)

    def shutdown(self) -> None:
        self._keeps_alive = False
        super().shutdown()

    def send_400_response(self, msg: str) -> None:
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing: the request is answered as if it had not asked for another protocol, as it should be."""

    # what the server calls

    def tick(self, now: float) -> None:
        """End the connection where the client has taken longer than it may; `now` by the event loop's clock."""
        if self._is_unread(now):
            self.transport.abort()
        elif self._lingering:
            if self._unsent:  # the client still reads its answer
                self._until = now + self._times.linger
            elif now >= self._until:
                self.transport.abort()
        elif not self.transport.is_closing():
            if not self._has_asked or self.cycle.response_complete:
                if now >= self._until:
                    self._end_silence()
            elif self._unread is not None:
                if self.flow.read_paused:  # the application is slower than the client
                    self._body_since = now
                elif now >= self._body_since + self._times.body + self._body_bytes / self._times.body_rate:
                    self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The body of this request came too slowly.")

    @property
    def connected(self) -> bool:
        return cast("asyncio.Transport | None", self.transport) is not None

    @property
    def silent(self) -> bool:
        """No request of it is being answered."""
        return self._answering is None

    def evict(self) -> None:
        """Make room: end this connection at once."""
        if self.silent:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, FULL)
        self.transport.abort()

    def linger(self) -> None:
        """Close for writing; go on reading for a moment, since to close at once could destroy the answer."""
        self._lingering = True
        self._until = self.loop.time() + self._times.linger
        self.flow.resume_reading()
        try:
            self.transport.write_eof()
        except OSError:  # the client has gone already
            self.transport.abort()

    def _end_silence(self) -> None:
        if self._only_health:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, FULL)
        elif self._in_head:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The head of this request came too slowly.")
        else:
            self.transport.close()

    def _is_unread(self, now: float) -> bool:
        """Whether the client has long read nothing of what waits to be sent."""
        unsent = self.transport.get_write_buffer_size()
        if not unsent or not self._unsent or unsent < self._unsent:
            self._unsent_since = now
        self._unsent = unsent
        return now - self._unsent_since >= self._times.unread

    def _refuse(self, status: HTTPStatus, sentence: str) -> None:
        """Answer without the application, and close."""
        if self._lingering or self.transport.is_closing():
            return
        answering = self._answering
        if answering is not None:
            begun = answering.response_started or bool(self.pipeline)
            _disconnect(answering)
            if begun:  # another answer in the middle of this one would be read as a part of it
                self.transport.close()
                return
        text = sentence.encode("ascii")
        head = [f"HTTP/1.1 {status.value} {status.phrase}", "content-type: text/plain; charset=utf-8"]
        head += [f"content-length: {len(text)}", "connection: close"]
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            head.append(f"retry-after: {RETRY_AFTER}")
        self.transport.write("\r\n".join([*head, "", ""]).encode("ascii") + text)
        self.linger()


class _OnlyHealth:
    """The application as connections beyond the limit have it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in HEALTH:
            await self._app(scope, receive, send)
        else:
            await Problem(503, FULL, retry_after=RETRY_AFTER).response()(scope, receive, send)


class _UnreadBody(asyncio.Transport):
    """The transport as a request sees it while its body has not come whole: closing may wait for the client."""

    def __init__(self, connection: TimedConnection, cycle: RequestResponseCycle) -> None:
        super().__init__()
        self._connection = connection
        self._cycle = cycle

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._connection.transport.write(data)

    def is_closing(self) -> bool:
        return self._connection.transport.is_closing()

    def close(self) -> None:
        if self._cycle.more_body and not self._connection.transport.is_closing():
            self._connection.linger()
        else:
            self._connection.transport.close()


def _disconnect(cycle: RequestResponseCycle) -> None:
    """Let the application know that this request's client has gone."""
    if not cycle.response_complete:
        cycle.disconnected = True
        cycle.waiting_for_100_continue = False
        cycle.message_event.set()
