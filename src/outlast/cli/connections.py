"""uvicorn's HTTP protocol with a size limit for request heads and timeouts for everything a client may delay."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final, cast

import httptools
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from outlast.cli.slow_readers import SlowReaderWatch
from outlast.cli.websocket_connections import WebSocketConnection
from outlast.web.problems import Problem

MAX_HEAD = 64 * 1024
"""Bytes of the request line, headers and trailers of one request together."""
HEALTH: Final = frozenset({"/livez", "/readyz"})
"""Probes that are answered even on connections beyond the limit."""
TOO_MANY = "Too many connections are open just now. Please try again in a moment."
TOO_MANY_PAGE = (
    '<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Busy</title>'
    f'<p>{TOO_MANY}</p><p><a href="">Try again</a></p></html>'
)
RETRY_AFTER = 5
"""Seconds of `Retry-After` in a `503`."""
FIRST_REQUEST_WITHIN = 0.3
"""Seconds that a connection without a request has for one when the server shuts down."""
MAX_DISCARDED = 1_000_000
"""Bytes of a request discarded after its response, so that the client can read the response."""


class BoundedHeads(HttpToolsProtocol):
    """uvicorn's protocol; answers a request with a larger head with 400 and closes the connection."""

    _in_head = False
    _received = 0
    """Bytes received of the current head."""
    _header_bytes = 0
    """Bytes of all headers and trailers."""

    def data_received(self, data: bytes) -> None:
        received = self._received + len(data)
        super().data_received(data)
        if self._in_head:
            self._received = received
            if received > MAX_HEAD and not self.transport.is_closing():
                self.send_400_response("The head of this request is too large.")

    def on_message_begin(self) -> None:
        self._in_head, self._received, self._header_bytes = True, 0, 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MAX_HEAD:
            raise httptools.HttpParserError("The head of this request is too large.")
        if self._in_head:  # uvicorn would append trailers to headers that are already checked
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Timeouts in seconds. A response may take any time as long as the client reads it."""

    head: float = 15
    """For a request's head, from its first byte or from the start of the connection."""
    body: float = 20
    """For a body, in addition to its size divided by `body_rate`."""
    body_rate: float = 1_000
    """Bytes a second."""
    idle: float = 30
    """Between a response and the next request."""
    unread: float = 60
    """Without reading any of a pending response."""
    refused: float = 2
    """For the head of a request on a connection beyond the limit."""
    linger: float = 2
    """For the rest of a discarded body, after the response."""


class TimedConnection(BoundedHeads):
    """uvicorn's protocol with timeouts, which the server enforces by calling `tick` once a second.

    A connection with `only_health` exceeds the limit on open connections: it answers one request, with `503`
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
        is_draining: Callable[[], bool] = lambda: False,
    ) -> None:
        """While `is_draining`, the connection is closed after its next response."""
        super().__init__(config, server_state, app_state)
        self._times = times
        self._on_lost = on_lost
        self._is_draining = is_draining
        self._only_health = only_health
        if only_health:
            self.app = cast("Any", _OnlyHealth(cast("ASGIApp", self.app)))
        self._deadline = 0.0
        """When the next head must be complete, or the connection closed after a refusal."""
        self._body_since = 0.0
        self._body_bytes = 0
        self._has_request = False
        self._keeps_alive = False
        self._unread: RequestResponseCycle | None = None
        """The request whose body is incomplete."""
        self._lingering = False
        self._discarded = 0
        self._unread_watch = SlowReaderWatch(times.unread)
        self._answering: RequestResponseCycle | None = None
        """The request being answered; `cycle` is the last one received."""

    # called by the event loop

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] - as uvicorn has it
        super().connection_made(transport)
        self._deadline = self.loop.time() + (self._times.refused if self._only_health else self._times.head)

    def data_received(self, data: bytes) -> None:
        if self._lingering:
            self._discarded += len(data)
            if self._discarded > MAX_DISCARDED:
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
        if self._answering is not None:  # uvicorn notifies only the last request of the disconnect
            _disconnect(self._answering)
        self._on_lost(self)

    # called by the parser

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._has_request:  # the first head's timeout began with the connection
            self._deadline = self.loop.time() + self._times.head

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self._upgrades:
            return
        cycle = self._unread = self.cycle
        # a response before the end of the body closes the connection: nothing reads the rest
        self._keeps_alive = cycle.keep_alive and not self._only_health and not self._is_draining()
        cycle.keep_alive = False
        self._has_request = True
        self._body_since, self._body_bytes = self.loop.time(), 0
        if not self.pipeline:
            self._answering = cycle

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self._upgrades:
            return
        self._unread = None
        if not self.cycle.response_started:
            self.cycle.keep_alive = self._keeps_alive

    # called by uvicorn

    def on_response_complete(self) -> None:
        if self.pipeline:
            self._answering = self.pipeline[-1][0]
            super().on_response_complete()
            return
        self._answering = None
        self.server_state.total_requests += 1
        if not self.transport.is_closing():
            self.flow.resume_reading()
            if not self._lingering:  # replaces uvicorn's timer per response
                self._deadline = self.loop.time() + (self._times.head if self._in_head else self._times.idle)

    def shutdown(self) -> None:
        self._keeps_alive = False
        if self._answering is not None:
            super().shutdown()
        else:  # a request may be in the socket's buffer, and a proxy does not send it a second time
            self.loop.call_later(0.0 if self._has_request else FIRST_REQUEST_WITHIN, self._close_unless_asked)

    def _close_unless_asked(self) -> None:
        if self._answering is None and not self._in_head and not self.transport.is_closing():
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over; it keeps its place among the open ones."""
        made = partial(WebSocketConnection, unread=self._times.unread, on_lost=lambda: self._on_lost(self))
        self.ws_protocol_class = cast("Any", made)
        super().handle_websocket_upgrade()

    def _should_upgrade_to_ws(self) -> bool:
        # uvicorn would hand over a connection on which an earlier request is still being answered
        if self._only_health or self._is_draining() or self._answering is not None:
            return False
        return super()._should_upgrade_to_ws()

    @property
    def _upgrades(self) -> bool:
        return bool(self.parser.should_upgrade()) and self._should_upgrade()  # type: ignore[union-attr] - set while open

    def _unsupported_upgrade_warning(self) -> None:
        """Log nothing: as HTTP requires, the request is answered without the upgrade."""

    # called by the server

    def tick(self, now: float) -> None:
        """Close the connection if a timeout has expired; `now` is the event loop's time."""
        if self._unread_watch.has_expired(self.transport, now):
            self.transport.abort()
        elif self._lingering:
            if self._unread_watch.pending:  # the client still reads its answer
                self._deadline = now + self._times.linger
            elif now >= self._deadline:
                self.transport.abort()
        elif not self.transport.is_closing():
            if not self._has_request or self.cycle.response_complete:
                if now >= self._deadline:
                    self._close_idle()
            elif self._unread is not None:
                if self.flow.read_paused:  # the application is slower than the client
                    self._body_since = now
                elif now >= self._body_since + self._times.body + self._body_bytes / self._times.body_rate:
                    self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The body of this request came too slowly.")

    @property
    def connected(self) -> bool:
        return cast("asyncio.Transport | None", self.transport) is not None

    @property
    def idle(self) -> bool:
        """Whether no request is being answered."""
        return self._answering is None

    def evict(self) -> None:
        """Close this connection at once, to free its descriptor."""
        if self.idle:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, TOO_MANY)
        self.transport.abort()

    def linger(self) -> None:
        """Close for writing and read on briefly, as closing at once could destroy the response in transit."""
        self._lingering = True
        self._deadline = self.loop.time() + self._times.linger
        self.flow.resume_reading()
        try:
            self.transport.write_eof()
        except OSError:  # the client has disconnected
            self.transport.abort()

    def _close_idle(self) -> None:
        if self._only_health:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, TOO_MANY)
        elif self._in_head:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The head of this request came too slowly.")
        else:
            self.transport.close()

    def _refuse(self, status: HTTPStatus, sentence: str) -> None:
        """Respond without calling the application, and close."""
        if self._lingering or self.transport.is_closing():
            return
        answering = self._answering
        if answering is not None:
            has_started = answering.response_started or bool(self.pipeline)
            _disconnect(answering)
            if has_started:  # the client would read a second response as part of this one
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
    """Wraps the application for connections beyond the limit: answers health probes only."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in HEALTH:
            await self._app(scope, receive, send)
            return
        problem = Problem(503, TOO_MANY, retry_after=RETRY_AFTER)
        for_people = any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])
        response = HTMLResponse(TOO_MANY_PAGE, 503, problem.headers) if for_people else problem.response()
        await response(scope, receive, send)


class _UnreadBody(asyncio.Transport):
    """The transport of a request with an incomplete body: `close` lingers until the client is done."""

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
    """Make the application receive `http.disconnect` for this request."""
    if not cycle.response_complete:
        cycle.disconnected = True
        cycle.waiting_for_100_continue = False
        cycle.message_event.set()
