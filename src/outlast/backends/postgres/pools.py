"""A pool of connections, and the batches of writes, for each event loop.

`psycopg_pool` does not fit: its background tasks swallow their cancellation while they connect, so that an event
loop that ends at that moment hangs. Here callers connect by themselves, and an event loop may end at any time.
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
from outlast.backends.postgres.connection import CONNECT_TIMEOUT, Connection, NoConnection, TooBusy, connect

I = TypeVar("I")  # noqa: E741 - an item
A = TypeVar("A")

ACQUIRE_TIMEOUT = 10.0
"""Seconds that a call retries to connect: longer than a restart of the server takes."""
CLOSE_TIMEOUT = 10.0
LONGEST_PAUSE = 1.0
"""Seconds between two attempts at most."""
PLANS = "SELECT set_config('plan_cache_mode', 'force_generic_plan', false), set_config('jit', 'off', false)"
"""The best plan never depends on the parameters, and planning may take as long as executing."""
MAX_IDLE = 300.0
"""Seconds after which an unused connection is closed."""


class LoopPool:
    """The pool of one event loop: up to `size` connections, opened on demand."""

    def __init__(self, address: str, size: int, *, prepare: bool) -> None:
        self._address = address
        self._size = size
        self._prepare_threshold = 2 if prepare else None
        self._slots = asyncio.Semaphore(size)
        self._idle: deque[tuple[float, Connection]] = deque()
        """Idle connections with the time of their last use, the latest at the end."""
        self._open: WeakSet[Connection] = WeakSet()
        self._batches: dict[str, Batches[Any, Any]] = {}
        self._rng = random.Random()  # noqa: S311 - jitter, not secrets

    def batches(
        self, name: str, write: Callable[[Sequence[I]], Awaitable[Sequence[A | Exception]]]
    ) -> Batches[I, A]:
        """Return the batcher called `name`, created with `write` on first use."""
        if name not in self._batches:
            self._batches[name] = Batches(write)
        return cast("Batches[I, A]", self._batches[name])

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        """Lend a connection to the block; it is reused unless the block raises or leaves a transaction open."""
        end = time.monotonic() + ACQUIRE_TIMEOUT
        if self._slots.locked():
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    await self._slots.acquire()
            except TimeoutError:
                raise TooBusy from None
        else:  # at once
            await self._slots.acquire()
        try:
            connection = self._idle.pop()[1] if self._idle else await self._connect(end)
            try:
                yield connection
            except psycopg.Error:
                # after a failed pipeline psycopg assumes prepared statements that the server has skipped
                _finish(connection)
                raise
            finally:
                self._put_back(connection)
        finally:
            self._slots.release()

    def refresh(self) -> None:
        """Close idle connections, which a restart of the server has probably broken."""
        while self._idle:
            _finish(self._idle.pop()[1])

    async def close(self) -> None:
        """Finish accepted writes, then disconnect. Call it in its own event loop."""
        for batches in self._batches.values():
            await batches.drain()
        self.drop()

    def drop(self) -> None:
        """Disconnect without an event loop."""
        for connection in list(self._open):
            _finish(connection)

    async def _connect(self, end: float) -> Connection:
        """Connect, with full jitter between attempts, until `end`, or sooner if no connection is left."""
        began, limit = time.monotonic(), 0.05
        while True:
            first = PLANS if self._prepare_threshold is not None else "SELECT 1"
            try:
                connection = await connect(
                    self._address, self._size, first, prepare_threshold=self._prepare_threshold
                )
            except psycopg.OperationalError as error:
                if isinstance(error, NoConnection):
                    end = min(end, began + CONNECT_TIMEOUT)
                pause = self._rng.uniform(0, limit)
                if time.monotonic() + pause > end:
                    raise
                await asyncio.sleep(pause)
                limit = min(LONGEST_PAUSE, limit * 2)
            else:
                self._open.add(connection)
                return connection

    def _put_back(self, connection: Connection) -> None:
        now = time.monotonic()
        if connection.pgconn.transaction_status == TransactionStatus.IDLE:
            self._idle.append((now, connection))
        else:
            _finish(connection)
        if self._idle and self._idle[0][0] < now - MAX_IDLE:
            _finish(self._idle.popleft()[1])


class Pools:
    """The pools by event loop. Safe from any thread."""

    def __init__(self, address: str, size: int, *, prepare: bool) -> None:
        self._address = address
        self._size = size
        self._prepare = prepare
        self._lock = threading.Lock()
        self._by_loop: dict[asyncio.AbstractEventLoop, LoopPool] = {}

    def current(self) -> LoopPool:
        """Return the pool of the running event loop."""
        loop = asyncio.get_running_loop()
        pool = self._by_loop.get(loop)
        if pool is None:
            with self._lock:
                self._drop_closed_loops()
                pool = self._by_loop[loop] = LoopPool(self._address, self._size, prepare=self._prepare)
        return pool

    async def close(self) -> None:
        with self._lock:
            self._drop_closed_loops()
            by_loop, self._by_loop = self._by_loop, {}
        for loop, pool in by_loop.items():
            if loop is asyncio.get_running_loop():
                await pool.close()
            elif loop.is_running():
                closing = asyncio.run_coroutine_threadsafe(pool.close(), loop)
                with suppress(TimeoutError, RuntimeError):
                    async with asyncio.timeout(CLOSE_TIMEOUT):
                        await asyncio.wrap_future(closing)
            else:
                pool.drop()

    def _drop_closed_loops(self) -> None:
        for loop in [loop for loop in self._by_loop if loop.is_closed()]:
            self._by_loop.pop(loop).drop()


def _finish(connection: Connection) -> None:
    """Disconnect at once, without an event loop."""
    connection.pgconn.finish()
