"""One thread that writes for all of a process: what waits together is committed together."""

import asyncio
import logging
import queue
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import apsw

from outlast.backends.sqlite.checkpoint import Checkpoints
from outlast.backends.sqlite.connection import explained, is_unavailable
from outlast.backends.sqlite.driver import Connection
from outlast.domain.errors import StoreUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")
Operation = Callable[[Connection], T]
"""Runs inside the writer's transaction, by itself undone when it raises; it must not begin or end one."""

BATCH = 500
"""Operations per transaction at most."""
MOST_WAITING = 20_000
"""Operations that wait; more are refused."""
IDLE_AFTER = 1.0
"""Seconds without work after which the log is folded into the database."""


@dataclass(slots=True)
class _Request:
    """One operation and who waits for it: nobody, when it was only posted."""

    operation: Operation[Any]
    durable: bool
    loop: asyncio.AbstractEventLoop | None
    answer: "asyncio.Future[Any] | None"
    value: Any = None
    error: BaseException | None = None

    @property
    def given_up(self) -> bool:
        """Its caller was cancelled, and has told somebody perhaps that it failed."""
        return self.answer is not None and self.answer.cancelled()


class Writer:
    """Group commit. Every operation has a savepoint, so that one that raises does its neighbours no harm.

    A transaction with a durable operation in it is on the disk before anybody is answered; the others survive
    the death of the process, but perhaps not of the machine. Safe from any thread and loop.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._requests: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._door = threading.Lock()
        self._closed = False
        self._syncing = False
        self._checkpoints = Checkpoints(connection)
        self._thread = threading.Thread(target=self._serve, name="outlast-writer", daemon=True)
        self._thread.start()

    async def write(self, operation: Operation[T], *, durable: bool) -> T:
        """The operation's value, once it is committed. Cancelled before its turn, it is not written."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        request = _Request(operation, durable, loop, answer)
        self._accept(request)
        try:
            return await answer
        except asyncio.CancelledError:
            request.operation = _nothing  # what it would have written may be large, and its turn far away
            raise

    def post(self, operation: Operation[object]) -> None:
        """Write when there is time, and tell nobody."""
        self._accept(_Request(operation, durable=False, loop=None, answer=None))

    def close(self) -> None:
        """Finish what was accepted, then let go of the connection; blocks until then. Idempotent."""
        with self._door:
            if not self._closed:
                self._closed = True
                self._requests.put(None)
        self._thread.join()

    def _accept(self, request: _Request) -> None:
        with self._door:
            if self._closed:
                raise StoreUnavailable("The store is closed.")
            if self._requests.qsize() >= MOST_WAITING:
                raise StoreUnavailable("Too many changes wait to be written.")
            self._requests.put(request)

    def _serve(self) -> None:
        working = True
        while working:
            batch, working = self._next()
            if batch:
                self._commit(batch)
                _hand_back(batch)
                self._checkpoints.after_commit()
        self._connection.close()

    def _next(self) -> tuple[list[_Request], bool]:
        """What waits, at least one unless there will be no more; and whether more may come."""
        first = self._first()
        batch: list[_Request] = []
        while first is not None:
            batch.append(first)
            if len(batch) == BATCH:
                return batch, True
            try:
                first = self._requests.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _first(self) -> _Request | None:
        if self._checkpoints.due:
            try:
                return self._requests.get(timeout=IDLE_AFTER)
            except queue.Empty:
                self._checkpoints.when_idle()
        return self._requests.get()

    def _commit(self, batch: list[_Request]) -> None:
        try:
            self._sync(full=any(r.durable for r in batch))
            self._connection.execute("BEGIN IMMEDIATE")
            for request in batch:
                if not request.given_up:
                    self._try(request)
            self._connection.execute("COMMIT")
        except apsw.Error as error:
            log.warning("A transaction of %d operations was not written: %s", len(batch), error)
            for request in batch:
                request.value = None
                request.error = explained(error)
                request.error.__cause__ = error
            with suppress(apsw.Error):  # where nothing is left to roll back, or not even that works now
                self._connection.execute("ROLLBACK")

    def _sync(self, *, full: bool) -> None:
        if full != self._syncing:
            # a pragma takes effect when it is prepared, so it must never come from the statement cache
            self._connection.pragma("synchronous", "full" if full else "normal")
            self._syncing = full

    def _try(self, request: _Request) -> None:
        execute = self._connection.execute
        execute("SAVEPOINT operation")
        try:
            request.value = request.operation(self._connection)
        except Exception as error:  # this is a service loop: the error is its caller's
            if not self._connection.in_transaction:
                raise  # SQLite has rolled back everything by itself
            execute("ROLLBACK TO operation")
            request.error = explained(error) if isinstance(error, apsw.Error) and is_unavailable(error) else error
        execute("RELEASE operation")


def _nothing(connection: Connection) -> None:
    """Instead of what nobody waits for any more."""


def _hand_back(batch: list[_Request]) -> None:
    """Answer all who wait, with one wake-up for each of their event loops."""
    by_loop: defaultdict[asyncio.AbstractEventLoop, list[_Request]] = defaultdict(list)
    for request in batch:
        if request.loop is not None:
            by_loop[request.loop].append(request)
    for loop, requests in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, requests)
        except RuntimeError:  # the loop was closed without waiting for its answers
            log.debug("%d answers came too late for their event loop.", len(requests))


def _settle(requests: list[_Request]) -> None:
    for request in requests:
        answer = cast("asyncio.Future[Any]", request.answer)
        if answer.done():  # its caller was cancelled
            continue
        if request.error is None:
            answer.set_result(request.value)
        else:
            answer.set_exception(request.error)
