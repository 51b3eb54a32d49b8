"""Wake-ups between machines through PostgreSQL: NOTIFY for what people do, looks for what changes by itself."""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from importlib.resources import files
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from outlast.backends.hints import packed
from outlast.backends.server_notifier import Say, ServerNotifier
from outlast.ports.notifier import Topic

ANSWER_WITHIN = 5.0
"""Seconds for each answer."""
QUIET = 10.0
"""Seconds of silence after which the server is asked whether it is there."""
LARGEST_MESSAGE = 7_900
"""Bytes; PostgreSQL takes less than 8,000."""
CONNECTION: dict[str, Any] = {
    "application_name": "outlast wake-ups",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
"""What the address does not say otherwise."""


def hint_of_start(queue: str) -> str:
    """What the store sends with a start, so that it need not be sent after it."""
    return b"".join([b"start ", *packed(Topic.WAITING, [queue], LARGEST_MESSAGE)]).decode()


class PostgresNotifier(ServerNotifier):
    """`Notifier` for all processes with this database.

    NOTIFY carries what waits and what is cancelled: people start and cancel seldom. Progress is written so often
    that a NOTIFY in each write would cost three quarters of the writes, so for it everybody looks. Without
    `listen`, as PgBouncer wants it in transaction mode, everybody looks for everything.
    """

    def __init__(self, url: str, *, listen: bool = True) -> None:
        super().__init__(_PostgresLine(url), carried=(Topic.WAITING, Topic.CANCEL) if listen else ())


class _PostgresLine:
    name = "PostgreSQL"
    largest = LARGEST_MESSAGE
    away: tuple[type[Exception], ...] = (psycopg.Error, OSError)

    def __init__(self, url: str) -> None:
        self._address = make_conninfo(
            url, **{k: v for k, v in CONNECTION.items() if k not in conninfo_to_dict(url)}
        )
        queries = files("outlast.backends.postgres") / "queries"
        self._listen, self._notify, self._still_there = (
            (queries / f"{name}.sql").read_bytes() for name in ("listen", "notify", "still_there")
        )

    async def listen(self, connected: Callable[[], None], hear: Callable[[bytes], None]) -> None:
        async with self._connection() as connection:
            connection.add_notify_handler(lambda message: hear(message.payload.encode()))
            await _answered(connection, connection.execute(self._listen))
            connected()
            while True:
                if await _readable(connection, QUIET):
                    connection.pgconn.consume_input()
                    while (message := connection.pgconn.notifies()) is not None:
                        hear(message.extra)
                else:
                    await _answered(connection, connection.execute(self._still_there))

    @asynccontextmanager
    async def speaking(self) -> AsyncGenerator[Say]:
        async with self._connection() as connection:

            async def say(messages: Sequence[tuple[Topic, bytes]]) -> None:
                texts = [message.decode() for _, message in messages]
                await _answered(connection, connection.execute(self._notify, {"messages": texts}))

            yield say

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[psycopg.AsyncConnection]:
        connection = await psycopg.AsyncConnection.connect(self._address, autocommit=True, prepare_threshold=None)
        try:
            yield connection
        finally:
            await connection.close()


async def _readable(connection: psycopg.AsyncConnection, within: float) -> bool:
    """Whether something came from the server within so many seconds.

    `AsyncConnection.notifies` would wake up ten times a second.
    """
    loop, line = asyncio.get_running_loop(), connection.fileno()
    came = asyncio.Event()
    loop.add_reader(line, came.set)
    try:
        async with asyncio.timeout(within):
            return await came.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(line)


async def _answered(connection: psycopg.AsyncConnection, statement: Coroutine[Any, Any, object]) -> None:
    """Run it, for a limited time; raises `psycopg.Error`.

    To give it up the socket is shut down: psycopg would send a cancel request and wait for its answer, which a
    server that is silent does not give either.
    """
    running = asyncio.create_task(statement)
    try:
        await asyncio.wait([running], timeout=ANSWER_WITHIN)
        if not running.done():
            raise psycopg.OperationalError("it does not answer")
    finally:
        if not running.done():
            with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)
        with suppress(psycopg.Error):
            await running
    running.result()
