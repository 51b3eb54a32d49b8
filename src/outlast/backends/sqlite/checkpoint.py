"""Checkpoints, which keep the write-ahead log short despite overlapping readers."""

import time
from collections.abc import Callable

import apsw

from outlast.backends.sqlite.connection import BUSY_TIMEOUT, wait_with_jitter
from outlast.backends.sqlite.driver import Connection

PAGES = 1_000
"""Pages of the log after which a passive checkpoint follows."""
TOO_MANY_PAGES = 8_000
"""Pages of the log (32 MB) from which on a checkpoint waits for readers, to restart the log."""
SIZE_LIMIT = 16 * 1024 * 1024
"""Bytes of the log's file that are retained for reuse."""
SHORT_WAIT = 0.1
"""Seconds that such a checkpoint waits for readers."""
RETRY_AFTER = 1.0
"""Seconds until the next one if a reader did not finish."""


class Checkpoints:
    """When the writer makes checkpoints. With SQLite's own policy overlapping readers let the log grow forever."""

    def __init__(self, connection: Connection, clock: Callable[[], float] = time.monotonic) -> None:
        self._connection = connection
        self._clock = clock
        self._pages = 0
        self._tried_at_pages = 0
        self._not_before = 0.0
        connection.pragma("journal_size_limit", SIZE_LIMIT)
        connection.set_wal_hook(self._committed)

    @property
    def due(self) -> bool:
        """Whether a checkpoint is useful while the writer is idle."""
        return self._pages > 0

    def after_commit(self) -> None:
        if self._pages >= TOO_MANY_PAGES and self._clock() >= self._not_before:
            self._restart()
        elif self._pages - self._tried_at_pages >= PAGES:
            self._checkpoint(apsw.SQLITE_CHECKPOINT_PASSIVE)
            self._tried_at_pages = self._pages

    def when_idle(self) -> None:
        if self._pages >= TOO_MANY_PAGES:
            self._restart()
        else:
            self._checkpoint(apsw.SQLITE_CHECKPOINT_PASSIVE)
        self._pages = self._tried_at_pages = 0

    def _committed(self, _connection: Connection, _name: str, pages: int) -> int:
        if pages < self._tried_at_pages:  # the log was restarted
            self._tried_at_pages = 0
        self._pages = pages
        return apsw.SQLITE_OK

    def _restart(self) -> None:
        self._not_before = self._clock() + RETRY_AFTER
        self._connection.set_busy_handler(wait_with_jitter(SHORT_WAIT))
        self._checkpoint(apsw.SQLITE_CHECKPOINT_TRUNCATE)
        self._connection.set_busy_handler(wait_with_jitter(BUSY_TIMEOUT))

    def _checkpoint(self, mode: int) -> None:
        try:
            self._connection.wal_checkpoint(mode=mode)
        except (apsw.BusyError, apsw.LockedError):
            return  # a reader or another process is in the way: try again later
        except (apsw.FullError, apsw.IOError):
            return  # the log still has everything; the next write reports the error
