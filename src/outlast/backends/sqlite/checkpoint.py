"""Keeps the write-ahead log short, whatever readers do beside it."""

import time
from collections.abc import Callable

import apsw

from outlast.backends.sqlite.connection import PATIENCE, wait_with_jitter
from outlast.backends.sqlite.driver import Connection

PAGES = 1_000
"""Pages of the log after which it is folded into the database."""
TOO_MANY_PAGES = 8_000
"""From so many on (32 MB) writers wait for readers, once in a while, so that the log can begin anew."""
SIZE_LIMIT = 16 * 1024 * 1024
"""Bytes of the log's file that are kept for reuse."""
SHORT_WAIT = 0.1
"""Seconds that writers wait for readers."""
AGAIN_AFTER = 1.0
"""Seconds until they do so again, when a reader held on."""


class Checkpoints:
    """The writer's policy. Under SQLite's own, readers that overlap let the log grow for ever."""

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
        """There is something to do when the writer has nothing else to do."""
        return self._pages > 0

    def after_commit(self) -> None:
        if self._pages >= TOO_MANY_PAGES and self._clock() >= self._not_before:
            self._restart()
        elif self._pages - self._tried_at_pages >= PAGES:
            self._fold(apsw.SQLITE_CHECKPOINT_PASSIVE)
            self._tried_at_pages = self._pages

    def when_idle(self) -> None:
        if self._pages >= TOO_MANY_PAGES:
            self._restart()
        else:
            self._fold(apsw.SQLITE_CHECKPOINT_PASSIVE)
        self._pages = self._tried_at_pages = 0

    def _committed(self, _connection: Connection, _name: str, pages: int) -> int:
        if pages < self._tried_at_pages:  # the log has begun anew
            self._tried_at_pages = 0
        self._pages = pages
        return apsw.SQLITE_OK

    def _restart(self) -> None:
        self._not_before = self._clock() + AGAIN_AFTER
        self._connection.set_busy_handler(wait_with_jitter(SHORT_WAIT))
        self._fold(apsw.SQLITE_CHECKPOINT_TRUNCATE)
        self._connection.set_busy_handler(wait_with_jitter(PATIENCE))

    def _fold(self, mode: int) -> None:
        try:
            self._connection.wal_checkpoint(mode=mode)
        except (apsw.BusyError, apsw.LockedError):
            return  # a reader or another process is at it: next time
        except (apsw.FullError, apsw.IOError):
            return  # everything is still in the log; whoever writes next is told
