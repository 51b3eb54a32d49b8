"""A TCP proxy between the machines and PostgreSQL that can stall, reset connections or lose responses."""

import asyncio
import random
import threading
from collections.abc import Collection, Iterable
from contextlib import suppress

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter

READY = b"Z\x00\x00\x00\x05"
"""The beginning of PostgreSQL's ReadyForQuery: all statements so far have been answered."""
COMMIT = b"COMMIT"
SYNC = b"S\x00\x00\x00\x04"
"""The end of a statement outside a transaction, which commits with it."""
SYNC_SHARE = 0.1
"""Share of other responses lost, relative to that of COMMITs: most of them answer reads."""


class Wire:
    """The connections of one machine to the server."""

    def __init__(self, name: str, port: int, rng: random.Random) -> None:
        self.name = name
        self.cuts = 0
        """Responses lost so far."""
        self._port = port
        self._rng = rng
        self._open = asyncio.Event()
        self._open.set()
        self._share = 0.0
        self._writers: set[Writer] = set()

    def silence(self) -> None:
        """Keep accepting, but buffer instead of forwarding."""
        self._open.clear()

    def speak(self) -> None:
        """Forward the buffered data, and everything from now on."""
        self._open.set()

    def drop(self) -> None:
        """Reset every connection and discard the buffered data."""
        for writer in list(self._writers):
            writer.transport.abort()
        self.speak()

    def lose(self, share: float) -> None:
        """From now on, drop this share of the responses to COMMIT, each with its connection."""
        self._share = share

    async def serve(self, reader: Reader, writer: Writer) -> None:
        self._writers.add(writer)
        try:
            theirs, ours = await asyncio.open_connection("127.0.0.1", self._port)
            self._writers.add(ours)
        except OSError:
            await self._open.wait()
            writer.transport.abort()
            self._writers.discard(writer)
            return
        lost = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                asking = group.create_task(self._to_server(reader, ours, lost))
                answering = group.create_task(self._to_client(theirs, writer, lost))
                await asyncio.wait({asking, answering}, return_when=asyncio.FIRST_COMPLETED)
                asking.cancel()
                answering.cancel()
        finally:
            for end in (ours, writer):
                self._writers.discard(end)
                end.close()

    async def _to_server(self, reader: Reader, server: Writer, lost: asyncio.Event) -> None:
        with suppress(ConnectionError):
            while True:
                data = await reader.read(65_536)
                await self._open.wait()  # a stalled network hides the end of a connection too
                if not data:
                    return
                if self._share and self._rng.random() < self._share_of(data):
                    lost.set()
                server.write(data)
                await server.drain()

    async def _to_client(self, server: Reader, writer: Writer, lost: asyncio.Event) -> None:
        answered = b""
        with suppress(ConnectionError):
            while data := await server.read(65_536):
                await self._open.wait()
                if lost.is_set():
                    answered = answered[-4:] + data
                    if READY in answered:
                        self.cuts += 1
                        return
                    continue
                writer.write(data)
                await writer.drain()

    def _share_of(self, data: bytes) -> float:
        if COMMIT in data:
            return self._share
        return self._share * SYNC_SHARE if data.endswith(SYNC) else 0.0


class Wires:
    """The proxied connections of all machines, served in a separate thread. Methods are thread-safe."""

    def __init__(self, names: Iterable[str], port: int, seed: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._listening = threading.Event()
        self._wires = {name: Wire(name, port, random.Random(f"{seed} {name}")) for name in names}
        self._ports: dict[str, int] = {}
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)
        self._thread.start()
        if not self._listening.wait(10):
            raise SystemExit("The proxy does not listen.")

    def port(self, name: str) -> int:
        return self._ports[name]

    @property
    def cuts(self) -> int:
        return sum(wire.cuts for wire in self._wires.values())

    def silence(self, names: Collection[str]) -> None:
        self._send(*(self._wires[name].silence for name in names))

    def speak(self, names: Collection[str]) -> None:
        self._send(*(self._wires[name].speak for name in names))

    def drop(self, names: Collection[str]) -> None:
        self._send(*(self._wires[name].drop for name in names))

    def lose(self, share: float) -> None:
        for wire in self._wires.values():
            self._loop.call_soon_threadsafe(wire.lose, share)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()
        self._loop.close()

    def _send(self, *orders: "object") -> None:
        for order in orders:
            self._loop.call_soon_threadsafe(order)

    async def _serve(self) -> None:
        serving: set[asyncio.Task[None]] = set()
        servers = [await self._listen(wire, serving) for wire in self._wires.values()]
        self._listening.set()
        await self._ended.wait()
        for server in servers:
            server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def _listen(self, wire: Wire, serving: set[asyncio.Task[None]]) -> asyncio.Server:
        async def serve(reader: Reader, writer: Writer) -> None:
            task = asyncio.current_task()
            if task is not None:
                serving.add(task)
                task.add_done_callback(serving.discard)
            with suppress(asyncio.CancelledError):
                await wire.serve(reader, writer)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self._ports[wire.name] = server.sockets[0].getsockname()[1]
        return server
