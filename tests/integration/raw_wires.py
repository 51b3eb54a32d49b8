"""The real server in the test's own event loop, and bare connections to it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from starlette.types import ASGIApp

from outlast.cli.connections import TimedConnection
from outlast.cli.server import Server, server_config

PATIENCE = 15.0
"""Timeout in seconds of everything that a test waits for."""
GET = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Wire:
    """One connection, whose bytes are the test's own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def send_all(self, data: bytes, times: int = 1) -> None:
        """Until the system has taken it; raises `ConnectionError` where the server has hung up."""
        for _ in range(times):
            self._writer.write(data)
            async with asyncio.timeout(PATIENCE):
                await self._writer.drain()

    async def answer(self) -> bytes:
        """The head of the next answer and what came with it; nothing where the server hangs up."""
        found = b""
        async with asyncio.timeout(PATIENCE):
            while b"\r\n\r\n" not in found and (more := await self._read()):
                found += more
        return found

    async def rest(self) -> bytes:
        """Everything until the server hangs up."""
        found = b""
        async with asyncio.timeout(PATIENCE):
            while more := await self._read():
                found += more
        return found

    async def close(self) -> None:
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()

    async def _read(self) -> bytes:
        try:
            return await self._reader.read(65_536)
        except ConnectionError:
            return b""


@dataclass
class RunningServer:
    """A server, and the connections of the test to it."""

    server: Server
    port: int
    wires: list[Wire]

    async def connect(self, data: bytes = b"") -> Wire:
        """Open a connection, which the server may accept or refuse."""
        wire = Wire(*await asyncio.open_connection("127.0.0.1", self.port))
        self.wires.append(wire)
        wire.send(data)
        return wire

    @property
    def connections(self) -> list[TimedConnection]:
        return list(self.server.server_state.connections)  # type: ignore[arg-type] - they are made by it

    async def until(self, count: int) -> None:
        """Wait until `count` connections are open."""
        async with asyncio.timeout(PATIENCE):
            while len(self.connections) != count:  # noqa: ASYNC110 - the server has no event for it
                await asyncio.sleep(0.005)

    def pass_time(self, seconds: float) -> None:
        """Tick every connection as if `seconds` had passed."""
        for connection in self.connections:
            connection.tick(connection.loop.time() + seconds)


@asynccontextmanager
async def running(
    app: ASGIApp, max_connections: int = 1_000, proxies: tuple[str, ...] = ()
) -> AsyncGenerator[RunningServer]:
    """Serve the application on a free port."""
    server = Server(server_config(app, "127.0.0.1", 0, proxies), max_connections)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(0.005)
    running_server = RunningServer(server, server.servers[0].sockets[0].getsockname()[1], [])
    try:
        yield running_server
    finally:
        for wire in running_server.wires:
            await wire.close()
        server.should_exit = True
        await serving
