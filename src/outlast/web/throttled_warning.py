"""A rate-limited warning for events that clients can cause: logged at once, then once a minute with a count."""

import logging
import time
from collections.abc import Callable

EVERY = 60.0
"""Seconds between two log lines."""


class ThrottledWarning:
    """The warning of one kind of event. `text` is the log line without the count.

    `every` is the least number of seconds between two lines; `math.inf` logs the first event alone.
    """

    def __init__(
        self,
        log: logging.Logger,
        text: str,
        clock: Callable[[], float] = time.monotonic,
        *,
        every: float = EVERY,
    ) -> None:
        self._log = log
        self._text = text
        self._clock = clock
        self._every = every
        self._quiet_until = -1.0
        self._count = 0

    def note(self) -> None:
        """Count one event; log it unless the last line is less than a minute old."""
        self._count += 1
        self.flush()

    def flush(self) -> None:
        """Log the events counted since the last line, if that is a minute old. Call it periodically."""
        now = self._clock()
        if not self._count or now < self._quiet_until:
            return
        self._log.warning("%s%s", self._text, "" if self._count == 1 else f" ({self._count} times)")
        self._count, self._quiet_until = 0, now + self._every


class WarningFilter(logging.Filter):
    """Replaces a logger's records with these messages by throttled warnings."""

    def __init__(self, counted: dict[str, ThrottledWarning]) -> None:
        super().__init__()
        self._counted = counted

    def filter(self, record: logging.LogRecord) -> bool:
        warning = self._counted.get(str(record.msg))
        if warning is None:
            return True
        warning.note()
        return False
