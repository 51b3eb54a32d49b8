"""The writer thread of a process: group commit of all waiting operations."""

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

from outlast.backends.schema import closed_error
from outlast.backends.sqlite.checkpoint import Checkpoints
from outlast.backends.sqlite.connection import SHUT, UNAVAILABLE, explained
from outlast.backends.sqlite.driver import Connection
from outlast.backends.sqlite.migrate import PACKAGE
from outlast.backends.statements import statements
from outlast.domain.errors import StoreUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")
Operation = Callable[[Connection], T]
"""Runs in the writer's transaction, which it must not end. Rolled back if it raises."""

MAX_BATCH = 500
"""Operations per transaction."""
MAX_WAITING = 20_000
"""Operations that may wait; more are refused."""
IDLE_AFTER = 1.0
"""Seconds without work after which the writer makes a checkpoint."""


@dataclass(slots=True)
class _Request:
    """One operation, and the future of its caller unless it was posted."""

    operation: Operation[Any]
    durable: bool
    loop: asyncio.AbstractEventLoop | None
    future: "asyncio.Future[Any] | None"
    value: Any = None
    error: BaseException | None = None

    @property
    def abandoned(self) -> bool:
        """Whether its caller was cancelled, and may have reported that it failed."""
        return self.future is not None and self.future.cancelled()


class Writer:
    """Group commit. Operations that share a transaction have savepoints, so that one that raises affects no other.

    A transaction with a durable operation is synced before its callers resume. Others survive a crash of the
    process, but perhaps not of the machine. Safe from any thread and event loop.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._requests: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._syncing = False
        self._checkpoints = Checkpoints(connection)
        self._thread = threading.Thread(target=self._run, name="outlast-writer", daemon=True)
        self._thread.start()

    async def write(self, operation: Operation[T], *, durable: bool) -> T:
        """Return the operation's value once it is committed. If cancelled before it runs, it is not written."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        request = _Request(operation, durable, loop, future)
        self._accept(request)
        try:
            return await future
        except asyncio.CancelledError:
            request.operation = _do_nothing  # frees the values, which may be large, while the request still waits
            raise

    def post(self, operation: Operation[object]) -> None:
        """Write without waiting and without reporting errors."""
        self._accept(_Request(operation, durable=False, loop=None, future=None))

    def close(self) -> None:
        """Finish accepted operations, then close the connection; blocks until then. Idempotent."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._requests.put(None)
        self._thread.join()

    def _accept(self, request: _Request) -> None:
        with self._lock:
            if self._closed:
                raise StoreUnavailable("The store is closed.")
            if self._requests.qsize() >= MAX_WAITING:
                raise StoreUnavailable("Too many changes wait to be written.")
            self._requests.put(request)

    def _run(self) -> None:
        working = True
        while working:
            batch, working = self._next()
            if batch:
                self._commit(batch)
                _resolve_all(batch)
                self._checkpoints.after_commit()
        self._connection.close()

    def _next(self) -> tuple[list[_Request], bool]:
        """Wait for requests; return them and whether more may come. Without any, the writer is closed."""
        first = self._first()
        batch: list[_Request] = []
        while first is not None:
            batch.append(first)
            if len(batch) == MAX_BATCH:
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
            with_others = len(batch) > 1
            for request in batch:
                if not request.abandoned:
                    self._try(request, savepoint=with_others)
            nothing_done = not with_others and any(request.error for request in batch)
            self._connection.execute("ROLLBACK" if nothing_done else "COMMIT")
        except apsw.Error as error:
            log.warning("The writer could not commit %d operations: %s", len(batch), error)
            for request in batch:
                request.value = None
                request.error = explained(error)
                request.error.__cause__ = error
            with suppress(apsw.Error):  # there may be nothing to roll back, or the disk prevents it
                self._connection.execute("ROLLBACK")

    def _sync(self, *, full: bool) -> None:
        if full != self._syncing:
            # a pragma takes effect when it is prepared, so it must never come from the statement cache
            self._connection.pragma("synchronous", "full" if full else "normal")
            self._syncing = full

    def _try(self, request: _Request, *, savepoint: bool) -> None:
        execute = self._connection.execute
        if savepoint:
            execute("SAVEPOINT operation")
        try:
            request.value = request.operation(self._connection)
        except Exception as error:  # a service loop: the caller gets the error
            if not self._connection.in_transaction:
                raise  # SQLite itself has rolled back the whole transaction
            if savepoint:
                execute("ROLLBACK TO operation")
            request.error = explained(error) if isinstance(error, UNAVAILABLE) else error
            if isinstance(error, apsw.ConstraintError) and SHUT in str(error):
                request.error = closed_error(execute(statements(PACKAGE)["closed_reason"]).get)
        if savepoint:
            execute("RELEASE operation")


def _do_nothing(connection: Connection) -> None:
    """Replaces the operation of a cancelled caller."""


def _resolve_all(batch: list[_Request]) -> None:
    """Resolve all futures, with one wake-up for each event loop."""
    by_loop: defaultdict[asyncio.AbstractEventLoop, list[_Request]] = defaultdict(list)
    for request in batch:
        if request.loop is not None:
            by_loop[request.loop].append(request)
    for loop, requests in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, requests)
        except RuntimeError:  # the event loop was closed while callers waited
            log.debug("The writer dropped %d results, because their event loop was closed.", len(requests))


def _resolve(requests: list[_Request]) -> None:
    for request in requests:
        future = cast("asyncio.Future[Any]", request.future)
        if future.done():  # its caller was cancelled
            continue
        if request.error is None:
            future.set_result(request.value)
        else:
            future.set_exception(request.error)
