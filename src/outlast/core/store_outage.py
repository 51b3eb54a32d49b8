"""Logs an outage of the store once, as an error, and when it is over how many calls had failed."""

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)


class StoreOutage:
    """One outage at a time, as all parts of a process see it. Thread-safe.

    It begins with the first failed call, and ends once every part that had one has had an answer.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._missing: set[str] = set()
        """The parts whose last call failed."""
        self._failures = 0
        self._began = 0.0

    def failed(self, part: str, error: Exception) -> None:
        """Record that a call of this part failed because the store is unavailable; `part` names it in the log."""
        with self._lock:
            first = not self._missing
            self._missing.add(part)
            if first:
                self._failures, self._began = 0, self._now()
            self._failures += 1
        if first:
            log.error("%s is waiting for the store, which is unavailable: %s", part, error)

    def answered(self, part: str) -> None:
        """Record that the store answered this part."""
        if part not in self._missing:
            return
        with self._lock:
            if part not in self._missing:
                return
            self._missing.discard(part)
            over, failures, seconds = not self._missing, self._failures, self._now() - self._began
        if over:
            log.warning("The store is available again after %.1f s; %d call(s) had failed.", seconds, failures)

    def forget(self, part: str) -> None:
        """Forget a part that has ended."""
        with self._lock:
            self._missing.discard(part)
