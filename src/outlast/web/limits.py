"""Limits by owner and address: starts per minute, streams, results being rendered; and the polling interval."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

from limits import RateLimitItemPerMinute
from starlette.types import Scope

from outlast.domain.messages import message
from outlast.settings import Settings
from outlast.web.problems import SEE_OWN, Problem
from outlast.web.rates import Rates
from outlast.web.start_queue import StartQueues

UNKNOWN_ADDRESS: Final = "unknown"
"""Stands for all clients whose address is not an IP address, as when a proxy hides it."""
LONGEST_ADDRESS: Final = 100
"""Characters of an address that is parsed."""
HOST_BITS: Final = 64
"""Low bits of an IPv6 address that a host chooses freely."""
ADDRESS_FACTOR = 10
"""Limit per address as a multiple of the limit per owner: people share addresses."""
BUSY_POLLS = 1000
"""Polls a second above which the polling interval grows."""
MAX_SLOWDOWN = 10.0
"""Largest factor by which load may stretch the polling interval."""
SMOOTHING = 4
"""Time constant with which the interval follows a change of load."""
POLICY: Final = "per-owner"
"""Name of the rate limit in the headers."""
MAX_RENDERING = 2
"""Results rendered at the same time."""
MAX_QUEUED = 32
"""Results being rendered or waiting, each in memory; beyond it requests get 503."""
TRANSPORTS = ("events", "websocket")
"""How a stream may reach its client."""
LONGEST_INTERVAL = 15_000
"""Milliseconds: the longest polling interval, unless the setting is longer."""


class VisitorLimits:
    """The limits of one process; `rates` counts the starts."""

    def __init__(self, settings: Settings, rates: Rates) -> None:
        self._settings = settings
        self._rates = rates
        self._per_owner = RateLimitItemPerMinute(settings.starts_per_minute)
        self._per_address = RateLimitItemPerMinute(settings.starts_per_minute * ADDRESS_FACTOR)
        self.start_queues = StartQueues(rates, self._per_owner, self._per_address)
        self._streams: Counter[str] = Counter()
        self.open_streams: dict[str, int] = {transport: 0 for transport in TRANSPORTS}  # noqa: C420 - its keys are any text
        """Open streams by transport."""
        self._slots = asyncio.Semaphore(MAX_RENDERING)
        self._rendering = 0
        self._second: int = 0
        self._polls: int = 0
        self._slowdown = 1.0

    async def count_or_refuse(self, owner: str, address: str) -> None:
        """Count an upload or a retry; raises 429 beyond the rate limit."""
        if not await self.allows(owner, address):
            raise await self.too_fast(owner, address)
        await self.count(owner, address)

    async def too_fast(self, owner: str, address: str) -> Problem:
        """429 with the seconds until the limit that is reached allows one more."""
        waits = [await self._rates.remaining(self._per_owner, "owner", owner)]
        if address:
            waits.append(await self._rates.remaining(self._per_address, "address", address))
        seconds = max([1, *(seconds for left, seconds in waits if not left)])
        sentence = message(
            "That was a lot in one minute. Please wait {seconds:d} s and try again.", seconds=seconds
        )
        headers = self._rate_headers(*waits[0])
        return Problem(429, sentence, retry_after=seconds, headers=headers, link=SEE_OWN)

    async def rate_headers(self, owner: str) -> dict[str, str]:
        """`RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers) for this owner's starts."""
        return self._rate_headers(*await self._rates.remaining(self._per_owner, "owner", owner))

    def _rate_headers(self, left: int, seconds: int) -> dict[str, str]:
        policy = f'"{POLICY}";q={self._per_owner.amount};w={self._per_owner.get_expiry()}'
        return {"RateLimit-Policy": policy, "RateLimit": f'"{POLICY}";r={left};t={seconds}'}

    async def allows(self, owner: str, address: str) -> bool:
        """Whether the rate limits of owner and address allow one more."""
        fine = await self._rates.allows(self._per_owner, "owner", owner)
        return fine and (not address or await self._rates.allows(self._per_address, "address", address))

    async def count(self, owner: str, address: str) -> None:
        await self._rates.count(self._per_owner, "owner", owner)
        if address:
            await self._rates.count(self._per_address, "address", address)

    @contextmanager
    def stream(self, owner: str, transport: str = "events") -> Generator[None]:
        """Count one open stream within the block; raises 429 beyond the limit."""
        if self._streams[owner] >= self._settings.streams_per_owner:
            raise Problem(
                429, message("Too many live views of yours are open. Close some of the tabs."), retry_after=5
            )
        self._streams[owner] += 1
        self.open_streams[transport] += 1
        try:
            yield
        finally:
            self.open_streams[transport] -= 1
            self._streams[owner] -= 1
            if not self._streams[owner]:
                del self._streams[owner]

    @asynccontextmanager
    async def rendering(self) -> AsyncGenerator[None]:
        """Limit how many large results are parsed and rendered at once, for threads and memory."""
        if self._rendering >= MAX_QUEUED:
            raise Problem(
                503, message("Many results are being read just now. Please try again in a moment."), retry_after=5
            )
        self._rendering += 1
        try:
            async with self._slots:
                yield
        finally:
            self._rendering -= 1

    def interval_ms(self, queue_position: int | None) -> int:
        """Milliseconds until the client should poll again: longer deep in the queue and under load."""
        base = self._settings.polling_interval
        depth = 1.0 if queue_position is None or queue_position <= 10 else min(5.0, queue_position / 10)
        return int(min(max(LONGEST_INTERVAL, base), base * depth * self._slowdown))

    def count_poll(self) -> None:
        second: int = int(time.monotonic())
        if second != self._second:
            # clients answer with a delay of one interval: a full correction would oscillate
            wanted = self._slowdown * self._polls / (second - self._second) / BUSY_POLLS
            self._slowdown = min(MAX_SLOWDOWN, max(1.0, self._slowdown + (wanted - self._slowdown) / SMOOTHING))
            self._second, self._polls = second, 0
        self._polls += 1


def client_address(scope: Scope) -> str:
    """The client's IPv4 address or IPv6 /64 network.

    Empty if it identifies nobody: loopback stands for every client behind a local proxy.
    """
    client = scope.get("client")
    if not client:
        return ""
    host: str = client[0]
    if host == "localhost":
        return ""
    if len(host) > LONGEST_ADDRESS:
        return UNKNOWN_ADDRESS
    try:
        address = _unmapped(ip_address(host))
    except ValueError:
        return UNKNOWN_ADDRESS
    if address.is_loopback:
        return ""
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address) >> HOST_BITS << HOST_BITS, 128 - HOST_BITS)))


def _unmapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    return getattr(address, "ipv4_mapped", None) or address
