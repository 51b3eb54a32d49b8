"""Notices clients that do not read what is sent to them."""

import asyncio


class SlowReaderWatch:
    """Watches how much one transport has not sent yet."""

    def __init__(self, seconds: float) -> None:
        """`seconds` is how long a client may read nothing of what is pending."""
        self._seconds = seconds
        self._unsent = 0
        self._since = 0.0

    @property
    def pending(self) -> bool:
        """Whether anything was pending at the last check."""
        return self._unsent > 0

    def has_expired(self, transport: asyncio.WriteTransport, now: float) -> bool:
        """Check once a second; `now` is the event loop's time."""
        unsent = transport.get_write_buffer_size()
        if not unsent or not self._unsent or unsent < self._unsent:
            self._since = now
        self._unsent = unsent
        return now - self._since >= self._seconds
