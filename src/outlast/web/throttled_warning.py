"""A warning of what strangers can cause at any rate: logged at once, then once a minute with a count."""

import logging
import time
from collections.abc import Callable

EVERY = 60.0
"""Seconds between two lines."""


class ThrottledWarning:
    """One kind of event. `text` is the line to log, without a count."""

    def __init__(self, log: logging.Logger, text: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._text = text
        self._clock = clock
        self._quiet_until = -1.0
        self._count = 0

    def note(self) -> None:
        """Count one event, and log it unless a line was logged within the last minute."""
        self._count += 1
        self.flush()

    def flush(self) -> None:
        """Log what has been counted since the last line, once a minute is over. Call it now and then."""
        now = self._clock()
        if not self._count or now < self._quiet_until:
            return
        self._log.warning("%s%s", self._text, "" if self._count == 1 else f" ({self._count} times)")
        self._count, self._quiet_until = 0, now + EVERY


class WarningFilter(logging.Filter):
    """Keeps a logger's own lines with these texts out of the log, and counts them instead."""

    def __init__(self, counted: dict[str, ThrottledWarning]) -> None:
        super().__init__()
        self._counted = counted

    def filter(self, record: logging.LogRecord) -> bool:
        warning = self._counted.get(str(record.msg))
        if warning is None:
            return True
        warning.note()
        return False
