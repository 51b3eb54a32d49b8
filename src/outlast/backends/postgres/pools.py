"""Connections for each event loop that asks, and what is written in batches there.

Not `psycopg_pool`: its background tasks swallow their cancellation while they connect, so that an event loop which
ends at that moment never ends. Here each caller connects by itself, and an event loop may go at any time.
"""

import asyncio
import random
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar, cast
from weakref import WeakSet

import psycopg
from psycopg.pq import TransactionStatus

from outlast.backends.postgres.batches import Batches
from outlast.backends.postgres.connection import SECONDS_FOR_ONE, Connection, NoConnection, TooBusy, connect

I = TypeVar("I")  # noqa: E741 - an item
A = TypeVar("A")

SECONDS_TO_CONNECT = 10.0
"""How long a call tries for a connection: longer than a restart of the server takes."""
SECONDS_TO_CLOSE = 10.0
LONGEST_PAUSE = 1.0
"""Seconds between two tries at most."""
PLANS = "SELECT set_config('plan_cache_mode', 'force_generic_plan', false), set_config('jit', 'off', false)"
"""Our statements go by their indexes whatever the values, and planning the largest takes as long as running it."""
IDLE_FOR = 300.0
"""Seconds after which a connection that nobody needs is closed."""


class Here:
    """What one event loop has: up to `size` connections, made when they are needed."""

    def __init__(self, address: str, size: int, *, prepare: bool) -> None:
        self._address = address
        self._size = size
        self._prepare_threshold = 2 if prepare else None
        self._places = asyncio.Semaphore(size)
        self._idle: deque[tuple[float, Connection]] = deque()
        """Since when, and which; the one used last at the end."""
        self._made: WeakSet[Connection] = WeakSet()
        self._batches: dict[str, Batches[Any, Any]] = {}
        self._rng = random.Random()  # noqa: S311 - jitter, not secrets

    def batches(
        self, name: str, write: Callable[[Sequence[I]], Awaitable[Sequence[A | Exception]]]
    ) -> Batches[I, A]:
        """Those of this name; made with `write` when there are none yet."""
        if name not in self._batches:
            self._batches[name] = Batches(write)
        return cast("Batches[I, A]", self._batches[name])

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        """One for the block alone, kept for others when the block leaves it in order and without an error."""
        end = time.monotonic() + SECONDS_TO_CONNECT
        try:
            async with asyncio.timeout(SECONDS_FOR_ONE):
                await self._places.acquire()
        except TimeoutError:
            raise TooBusy from None
        try:
            connection = self._idle.pop()[1] if self._idle else await self._connect(end)
            try:
                yield connection
            except psycopg.Error:
                # after a failed pipeline psycopg believes to have prepared what the server has passed over
                _finish(connection)
                raise
            finally:
                self._keep(connection)
        finally:
            self._places.release()

    def refresh(self) -> None:
        """Connect anew from now on: a restart of the server has broken what was there."""
        while self._idle:
            _finish(self._idle.pop()[1])

    async def close(self) -> None:
        """In its own loop: finish what was accepted, then disconnect."""
        for batches in self._batches.values():
            await batches.drain()
        self.drop()

    def drop(self) -> None:
        """Disconnect without a loop."""
        for connection in list(self._made):
            _finish(connection)

    async def _connect(self, end: float) -> Connection:
        """Tries with full jitter until then, or as long as a connection may take where none is left."""
        began, limit = time.monotonic(), 0.05
        while True:
            first = PLANS if self._prepare_threshold is not None else "SELECT 1"
            try:
                connection = await connect(
                    self._address, self._size, first, prepare_threshold=self._prepare_threshold
                )
            except psycopg.OperationalError as error:
                if isinstance(error, NoConnection):
                    end = min(end, began + SECONDS_FOR_ONE)
                pause = self._rng.uniform(0, limit)
                if time.monotonic() + pause > end:
                    raise
                await asyncio.sleep(pause)
                limit = min(LONGEST_PAUSE, limit * 2)
            else:
                self._made.add(connection)
                return connection

    def _keep(self, connection: Connection) -> None:
        now = time.monotonic()
        if connection.pgconn.transaction_status == TransactionStatus.IDLE:
            self._idle.append((now, connection))
        else:
            _finish(connection)
        if self._idle and self._idle[0][0] < now - IDLE_FOR:
            _finish(self._idle.popleft()[1])


class Pools:
    """By event loop. Safe from any thread."""

    def __init__(self, address: str, size: int, *, prepare: bool) -> None:
        self._address = address
        self._size = size
        self._prepare = prepare
        self._lock = threading.Lock()
        self._by_loop: dict[asyncio.AbstractEventLoop, Here] = {}

    def here(self) -> Here:
        """The running loop's."""
        loop = asyncio.get_running_loop()
        here = self._by_loop.get(loop)
        if here is None:
            with self._lock:
                self._forget_ended_loops()
                here = self._by_loop[loop] = Here(self._address, self._size, prepare=self._prepare)
        return here

    async def close(self) -> None:
        with self._lock:
            self._forget_ended_loops()
            by_loop, self._by_loop = self._by_loop, {}
        for loop, here in by_loop.items():
            if loop is asyncio.get_running_loop():
                await here.close()
            elif loop.is_running():
                closing = asyncio.run_coroutine_threadsafe(here.close(), loop)
                with suppress(TimeoutError, RuntimeError):
                    async with asyncio.timeout(SECONDS_TO_CLOSE):
                        await asyncio.wrap_future(closing)
            else:
                here.drop()

    def _forget_ended_loops(self) -> None:
        for loop in [loop for loop in self._by_loop if loop.is_closed()]:
            self._by_loop.pop(loop).drop()


def _finish(connection: Connection) -> None:
    """Disconnect here and now, without a loop."""
    connection.pgconn.finish()
