"""The uvicorn server of `outlast serve`, with connection limits and timeouts and without signal handlers."""

import asyncio
import logging
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from outlast.cli.connections import TimedConnection, TimeLimits
from outlast.cli.forwarded_prefix import ForwardedPrefix
from outlast.cli.listener import Listener
from outlast.web.throttled_warning import ThrottledWarning, WarningFilter
from outlast.web.websocket import MAX_MESSAGE

log = logging.getLogger(__name__)

BACKLOG = 2048
"""The listening sockets' backlog."""
TICKS = 10
"""Ticks of the server per second; each checks one tenth of the connections."""
MAX_TICK_GAP = 1.0
"""Seconds between two ticks beyond which the process was paused, or too busy to read from clients."""
RECOVERY_TIME = 5.0
"""Seconds after a pause until timeouts are enforced again."""
NOT_HTTP = "Invalid HTTP request received."
"""What uvicorn logs for an invalid request."""


class Server(uvicorn.Server):
    """A uvicorn server with at most `max_connections`, each subject to the timeouts `times`."""

    def __init__(self, config: uvicorn.Config, max_connections: int, times: TimeLimits | None = None) -> None:
        super().__init__(config)
        self._max_connections = max_connections
        self._times = times or TimeLimits()
        self.draining = False
        """While set, every connection is closed after its next response, so that proxies go elsewhere."""
        self._listener: Listener | None = None
        self._connections: list[TimedConnection] = []
        self._ticked_at = 0.0
        self._enforces_from = 0.0
        self._invalid = ThrottledWarning(log, NOT_HTTP)
        self._filter = WarningFilter({NOT_HTTP: self._invalid})

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to the command: uvicorn re-raises them, which ends the process before workers drain."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Bind and listen. Raises `OSError` if the address is unavailable."""
        await self.lifespan.startup()
        if sockets is None:
            sockets = await _bind(self.config.host, self.config.port)
        self._listener = Listener(sockets, self._make_connection, self._max_connections, self.config.backlog)
        self.servers = [cast("asyncio.Server", self._listener)]
        logging.getLogger("uvicorn.error").addFilter(self._filter)
        self.started = True

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS == 0:
            self._connections = cast("list[TimedConnection]", list(self.server_state.connections))
            self._invalid.flush()
            if self._listener is not None:
                self._listener.tick()
        now = asyncio.get_running_loop().time()
        if now - self._ticked_at > MAX_TICK_GAP:
            self._enforces_from = now + RECOVERY_TIME
        self._ticked_at = now
        if now >= self._enforces_from:
            for connection in self._connections[counter % TICKS :: TICKS]:
                if connection in self.server_state.connections:
                    connection.tick(now)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.draining = True
        logging.getLogger("uvicorn.error").removeFilter(self._filter)
        await super().shutdown(sockets)

    def _make_connection(self, on_lost: Callable[[TimedConnection], None], only_health: bool) -> TimedConnection:
        return TimedConnection(
            self.config,
            self.server_state,
            cast("dict[str, Any]", self.lifespan.state),
            times=self._times,
            only_health=only_health,
            on_lost=on_lost,
            is_draining=lambda: self.draining,
        )


def server_config(app: ASGIApp, host: str, port: int, trusted_proxies: tuple[str, ...]) -> uvicorn.Config:
    """The configuration of uvicorn."""
    if trusted_proxies:
        believed = ProxyHeadersMiddleware(cast("Any", app), list(trusted_proxies))
        app = ForwardedPrefix(cast("ASGIApp", believed), trusted_proxies)
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        lifespan="off",
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE,
        ws_per_message_deflate=False,
        http=TimedConnection,
        log_config=None,
        access_log=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=round(TimeLimits().idle),
        server_header=False,
        proxy_headers=False,
    )


async def _bind(host: str, port: int) -> list[socket.socket]:
    """Bind one socket for each address of the host."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(asyncio.Protocol, host, port, start_serving=False)
    try:
        return [bound.dup() for bound in server.sockets]
    finally:
        server.close()
