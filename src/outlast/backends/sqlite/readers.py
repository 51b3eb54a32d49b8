"""Reading without a hop to another thread, or aside when it takes long."""

import asyncio
import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from outlast.backends.sqlite.connection import UNAVAILABLE, DatabaseFile, explained
from outlast.backends.sqlite.driver import Connection, Cursor
from outlast.backends.sqlite.writer import Operation

T = TypeVar("T")

THREADS = 2
"""Long reads at once."""
PATIENCE = 2.0
"""Seconds that a read may wait: only for the recovery of a log after a crash, as readers wait for nobody else."""


class Readers:
    """A read connection for each thread that asks, and a few threads for long reads."""

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file
        self._own = threading.local()
        self._lock = threading.Lock()
        self._all: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._aside = ThreadPoolExecutor(THREADS, thread_name_prefix="outlast-reader")

    def read(self, operation: Operation[T]) -> T:
        """The operation's value, here and now. Raises `StoreUnavailable`."""
        try:
            return operation(self.connection())
        except UNAVAILABLE as error:
            raise explained(error) from error

    def value(self, statement: str, values: Sequence[str]) -> Any:
        """The one value of one row; in a cursor that is kept, as making one takes a fifth of it."""
        try:
            cursor: Cursor = self._own.cursor
        except AttributeError:
            cursor = self._own.cursor = self.connection().cursor()
        try:
            return cursor.execute(statement, values).get
        except UNAVAILABLE as error:
            raise explained(error) from error

    async def read_aside(self, operation: Operation[T]) -> T:
        """The same in another thread."""
        return await asyncio.get_running_loop().run_in_executor(self._aside, self.read, operation)

    def connection(self) -> Connection:
        """This thread's own."""
        try:
            return self._own.connection
        except AttributeError:
            connection = self._own.connection = self._file.connect(patience=PATIENCE, read_only=True)
            with self._lock:
                self._all.add(connection)
            return connection

    def close(self) -> None:
        """Blocks until the long reads have ended."""
        self._aside.shutdown()
        with self._lock:
            for connection in self._all:
                connection.close()
