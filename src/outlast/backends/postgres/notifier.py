"""A notifier between machines through PostgreSQL: NOTIFY for starts and cancels, polling for progress."""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from importlib.resources import files
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from outlast.backends.hints import encode_hint
from outlast.backends.server_notifier import Send, ServerNotifier
from outlast.core.text_cache import text_cache
from outlast.ports.notifier import Topic

RESPONSE_TIMEOUT = 5.0
"""Seconds that each response may take."""
PING_AFTER = 10.0
"""Seconds without a notification after which a query checks the connection."""
MAX_MESSAGE_BYTES = 7_900
"""PostgreSQL accepts less than 8,000."""
HINTS_KEPT = 256
LONGEST_QUEUE = 200
"""Encoded hints in the cache, and the characters of a queue whose hint is cached."""
CONNECTION: dict[str, Any] = {
    "application_name": "outlast wake-ups",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
"""Defaults that the address may override."""


@text_cache(HINTS_KEPT, LONGEST_QUEUE)
def hint_of_start(queue: str) -> str:
    """Return the payload that a start notifies in its own transaction, which saves a round trip."""
    return b"".join([b"start ", *encode_hint(Topic.WAITING, [queue], MAX_MESSAGE_BYTES)]).decode()


class PostgresNotifier(ServerNotifier):
    """`Notifier` for all processes that use this database.

    NOTIFY carries starts, cancels and what operators ask, which are rare. Progress is written so often that a
    NOTIFY in each write would cost three quarters of the throughput, so all processes poll for it. Without
    `listen`, which PgBouncer does not support in transaction mode, they poll for every topic.
    """

    def __init__(self, url: str, *, listen: bool = True) -> None:
        super().__init__(
            _PostgresConnection(url), carried=(Topic.WAITING, Topic.CANCEL, Topic.CONTROL) if listen else ()
        )


class _PostgresConnection:
    name = "PostgreSQL"
    max_bytes = MAX_MESSAGE_BYTES
    connection_errors: tuple[type[Exception], ...] = (psycopg.Error, OSError)

    def __init__(self, url: str) -> None:
        self._address = make_conninfo(
            url, **{k: v for k, v in CONNECTION.items() if k not in conninfo_to_dict(url)}
        )
        queries = files("outlast.backends.postgres") / "queries"
        self._listen, self._notify, self._ping = (
            (queries / f"{name}.sql").read_bytes() for name in ("listen", "notify", "ping")
        )

    async def receive(self, on_connect: Callable[[], None], on_message: Callable[[bytes], None]) -> None:
        async with self._connection() as connection:
            connection.add_notify_handler(lambda message: on_message(message.payload.encode()))
            await _run(connection, connection.execute(self._listen))
            on_connect()
            while True:
                if await _readable(connection, PING_AFTER):
                    connection.pgconn.consume_input()
                    while (message := connection.pgconn.notifies()) is not None:
                        on_message(message.extra)
                else:
                    await _run(connection, connection.execute(self._ping))

    @asynccontextmanager
    async def sender(self) -> AsyncGenerator[Send]:
        async with self._connection() as connection:

            async def send(messages: Sequence[tuple[Topic, bytes]]) -> None:
                texts = [message.decode() for _, message in messages]
                await _run(connection, connection.execute(self._notify, {"messages": texts}))

            yield send

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[psycopg.AsyncConnection]:
        connection = await psycopg.AsyncConnection.connect(self._address, autocommit=True, prepare_threshold=None)
        try:
            yield connection
        finally:
            await connection.close()


async def _readable(connection: psycopg.AsyncConnection, within: float) -> bool:
    """Return whether the server has sent something within this many seconds.

    `AsyncConnection.notifies` would wake up ten times a second instead.
    """
    loop, descriptor = asyncio.get_running_loop(), connection.fileno()
    readable = asyncio.Event()
    loop.add_reader(descriptor, readable.set)
    try:
        async with asyncio.timeout(within):
            return await readable.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(descriptor)


async def _run(connection: psycopg.AsyncConnection, statement: Coroutine[Any, Any, object]) -> None:
    """Run a statement with a timeout. Raises `psycopg.Error`.

    A timeout shuts the socket down: psycopg would send a cancel request and wait for its response, which an
    unresponsive server does not send either.
    """
    running = asyncio.create_task(statement)
    try:
        await asyncio.wait([running], timeout=RESPONSE_TIMEOUT)
        if not running.done():
            raise psycopg.OperationalError("it does not respond")
    finally:
        if not running.done():
            with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as duplicate:
                duplicate.shutdown(socket.SHUT_RDWR)
        with suppress(psycopg.Error):
            await running
    running.result()
