"""How much one visitor may ask for: body sizes, starts per minute, open streams, and the pace of polls."""

import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

from limits import RateLimitItemPerMinute
from starlette.types import Message, Receive, Scope

from outlast.settings import Settings
from outlast.web.problems import Problem
from outlast.web.rates import Rates
from outlast.web.start_queue import StartQueues

MAX_BODY = 1_000_000
"""Bytes of any body but an upload's."""
LONGEST_LENGTH = 18
"""Digits of an announced length that are read."""
UPLOAD_OVERHEAD = 64 * 1024
"""Bytes that a multipart body may have around its file."""
ADDRESS_FACTOR = 10
"""One address may start so many times what one owner may: people share addresses."""
BUSY_POLLS = 1000
"""Polls a second above which the pace is slowed."""
BUSIEST = 10.0
"""How much slower the pace may become under load."""
SMOOTHED = 4
"""Seconds within which most of a change of load is followed."""
SLOWEST = 15_000
"""Milliseconds: no slower pace is asked for."""


class VisitorLimits:
    """The limits of one process; its starts are counted in `rates`."""

    def __init__(self, settings: Settings, rates: Rates) -> None:
        self._settings = settings
        self._rates = rates
        self._per_owner = RateLimitItemPerMinute(settings.starts_per_minute)
        self._per_address = RateLimitItemPerMinute(settings.starts_per_minute * ADDRESS_FACTOR)
        self.lines = StartQueues(rates, self._per_owner, self._per_address)
        self._streams: Counter[str] = Counter()
        self._second: int = 0
        self._polls: int = 0
        self._busy = 1.0

    async def start(self, owner: str, address: str) -> None:
        """Count an upload or a retry; raises 429."""
        if not await self.room(owner, address):
            raise too_fast()
        await self.count(owner, address)

    async def room(self, owner: str, address: str) -> bool:
        """Whether the pace allows one more."""
        fine = await self._rates.room(self._per_owner, "owner", owner)
        return fine and (not address or await self._rates.room(self._per_address, "address", address))

    async def count(self, owner: str, address: str) -> None:
        await self._rates.count(self._per_owner, "owner", owner)
        if address:
            await self._rates.count(self._per_address, "address", address)

    @contextmanager
    def stream(self, owner: str) -> Generator[None]:
        """Hold one stream open; raises 429."""
        if self._streams[owner] >= self._settings.streams_per_owner:
            raise Problem(429, "Too many live views of yours are open. Close some of the tabs.", retry_after=5)
        self._streams[owner] += 1
        try:
            yield
        finally:
            self._streams[owner] -= 1
            if not self._streams[owner]:
                del self._streams[owner]

    def pace_ms(self, queue_position: int | None) -> int:
        """Milliseconds until the next poll makes sense: slower deep in the queue and under load."""
        base = self._settings.polling_interval
        depth = 1.0 if queue_position is None or queue_position <= 10 else min(5.0, queue_position / 10)
        return int(min(max(SLOWEST, base), base * depth * self._busy))

    def count_poll(self) -> None:
        second: int = int(time.monotonic())
        if second != self._second:
            # these polls came at the pace told so far; it is corrected by a part, or crowds would swing
            wanted = self._busy * self._polls / (second - self._second) / BUSY_POLLS
            self._busy = min(BUSIEST, max(1.0, self._busy + (wanted - self._busy) / SMOOTHED))
            self._second, self._polls = second, 0
        self._polls += 1

    def bounded(self, scope: Scope, receive: Receive, limit: int) -> Receive:
        """`receive`, which raises 413 beyond `limit` bytes, at once where the length is announced."""
        length = next((v for k, v in scope["headers"] if k == b"content-length"), b"")
        if length.isdigit() and (len(length) > LONGEST_LENGTH or int(length) > limit):
            raise _too_large(limit)
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > limit:
                    raise _too_large(limit)
            return message

        return counted


def too_fast() -> Problem:
    return Problem(429, "That was a lot in one minute. Please wait a little and try again.", retry_after=15)


def _too_large(limit: int) -> Problem:
    return Problem(413, f"That is too large: at most {limit / 1_000_000:g} MB are accepted.")
