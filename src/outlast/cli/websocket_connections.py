"""WebSocket connections of `outlast serve`, subject to the same limits as the others."""

from collections.abc import Callable
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from outlast.cli.slow_readers import SlowReaderWatch


class WebSocketConnection(WebSocketsSansIOProtocol):
    """uvicorn's protocol, which the server ticks once a second as it does the HTTP connections."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        *,
        unread: float,
        on_lost: Callable[[], None],
    ) -> None:
        """`unread` is how many seconds a client may leave pending messages unread."""
        super().__init__(config, server_state, app_state)
        self._unread_watch = SlowReaderWatch(unread)
        self._on_lost = on_lost

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._on_lost()

    def tick(self, now: float) -> None:
        """Close the connection if its client does not read; uvicorn's pings find those that are gone."""
        if self._unread_watch.has_expired(self.transport, now):
            self.transport.abort()

    async def send(self, message: Any) -> None:
        """Note that a refused handshake is complete; uvicorn logs an error for each otherwise."""
        await super().send(message)
        if self.close_sent:
            self.handshake_complete = True
