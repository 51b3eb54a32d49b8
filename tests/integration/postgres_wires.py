"""Proxies between a store and PostgreSQL for tests: a connection that breaks, and a transaction pooler."""

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter

READY = b"Z"
ASKS = (b"S", b"Q")
"""Messages that are answered by one `READY` each: Sync and simple queries."""
ENCRYPTION = (80877103, 80877104)
"""Requests for TLS and GSS, refused here."""


class Wire:
    """Passes everything on, until it is told what to cut at or to fall silent."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cut_at: bytes | None = None
        self._silent = False
        self.cuts = 0

    def cut_after(self, words: bytes) -> None:
        """Pass on the next message with these words, wait until the server has answered, and lose the answer."""
        self._cut_at = words

    def fall_silent(self) -> None:
        """Take everything and answer nothing, as a host does that is gone without a word."""
        self._silent = True

    def speak(self) -> None:
        """Pass on again what comes from now on."""
        self._silent = False

    async def serve(self, reader: Reader, writer: Writer) -> None:
        theirs, ours = await asyncio.open_connection("127.0.0.1", self._port)
        lose = asyncio.Event()

        async def to_server() -> None:
            while data := await reader.read(65_536):
                if self._silent:
                    continue
                if self._cut_at is not None and self._cut_at in data:
                    self._cut_at = None
                    lose.set()
                ours.write(data)

        async def to_client() -> None:
            while data := await theirs.read(65_536):
                if self._silent:
                    continue
                if lose.is_set() and READY in data:
                    self.cuts += 1
                    return
                writer.write(data)

        try:
            await _until_one_ends(to_server(), to_client())
        finally:
            await close(ours, writer)


class TransactionPooler:
    """PgBouncer's transaction mode at its worst: every transaction meets a backend that nobody has used before."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.transactions = 0

    async def serve(self, reader: Reader, writer: Writer) -> None:
        startup = await startup_message(reader, writer)
        backend = await self._backend(startup, writer.write)  # the client wants to hear of one
        asked = 0
        answers: asyncio.Task[None] | None = None

        async def answer(theirs: Reader) -> None:
            nonlocal asked
            while True:
                kind, message = await one_message(theirs)
                writer.write(message)
                if kind == READY:
                    asked -= 1
                    if asked == 0 and message[-1:] == b"I":
                        return

        try:
            while True:
                kind, message = await one_message(reader)
                if kind == b"X":
                    return
                if answers is not None and answers.done():  # the transaction is over, and its backend goes
                    answers = None
                    await close(backend[1])
                    backend = await self._backend(startup, lambda _: None)
                asked += kind in ASKS
                if answers is None:
                    self.transactions += 1
                    answers = asyncio.create_task(answer(backend[0]))
                backend[1].write(message)
        finally:
            if answers is not None:
                answers.cancel()
            await close(backend[1], writer)

    async def _backend(self, startup: bytes, tell: Callable[[bytes], object]) -> tuple[Reader, Writer]:
        theirs, ours = await asyncio.open_connection("127.0.0.1", self._port)
        ours.write(startup)
        kind = b""
        while kind != READY:
            kind, message = await one_message(theirs)
            tell(message)
        return theirs, ours


@contextmanager
def listening(url: str, make: Callable[[int], Wire | TransactionPooler]) -> Generator:
    """What `make` made for the server's port, and the address at which it stands for the server.

    It has a thread of its own, so that a test may also block.
    """
    parts = urlsplit(url)
    wire = make(parts.port)
    loop = asyncio.new_event_loop()
    ports: queue.SimpleQueue[int] = queue.SimpleQueue()
    ended = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(_listen(wire, ports, ended),))
    thread.start()
    try:
        yield wire, url.replace(f":{parts.port}/", f":{ports.get(timeout=10)}/")
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


async def _listen(wire: Wire | TransactionPooler, ports: "queue.SimpleQueue[int]", ended: asyncio.Event) -> None:
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: Reader, writer: Writer) -> None:
        serving.add(asyncio.current_task())
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            await wire.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    ports.put(server.sockets[0].getsockname()[1])
    await ended.wait()
    server.close()
    for task in serving:
        task.cancel()
    await asyncio.gather(*serving, return_exceptions=True)


async def startup_message(reader: Reader, writer: Writer) -> bytes:
    while True:
        length = await reader.readexactly(4)
        message = length + await reader.readexactly(int.from_bytes(length, "big") - 4)
        if int.from_bytes(message[4:8], "big") not in ENCRYPTION:
            return message
        writer.write(b"N")


async def one_message(reader: Reader) -> tuple[bytes, bytes]:
    head = await reader.readexactly(5)
    return head[:1], head + await reader.readexactly(int.from_bytes(head[1:], "big") - 4)


async def _until_one_ends(*sides: Awaitable[None]) -> None:
    tasks = [asyncio.ensure_future(side) for side in sides]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def close(*ends: Writer) -> None:
    for end in ends:
        end.close()
        with suppress(ConnectionError):
            await end.wait_closed()
