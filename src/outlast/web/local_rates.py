"""Rate limits counted in one process: a moving window, in memory that is bounded."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import blake2b

from limits import RateLimitItem

MOST_KEYS = 50_000
"""Owners and addresses counted; beyond it the least recently counted one is evicted."""

Seconds = list[tuple[int, int]]
"""(second, count) in order: at most one entry for each second of the window."""


class LocalRates:
    """A moving window with a resolution of one second, by the monotonic clock."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._counts: OrderedDict[bytes, tuple[int, Seconds]] = OrderedDict()
        """Key → (expiry, seconds), the most recently counted last."""

    def allows(self, rate: RateLimitItem, what: Sequence[str], cost: int = 1) -> bool:
        """Whether the rate allows `cost` more."""
        _, seconds = self._counts.get(_key(what), (0, []))
        since = int(self._monotonic()) - rate.get_expiry()
        return sum(count for second, count in seconds if second >= since) <= rate.amount - cost

    def count(self, rate: RateLimitItem, what: Sequence[str]) -> None:
        now, key = int(self._monotonic()), _key(what)
        _, seconds = self._counts.pop(key, (0, []))
        since = now - rate.get_expiry()
        seconds = [(second, count) for second, count in seconds if second >= since]
        if seconds and seconds[-1][0] == now:
            seconds[-1] = (now, seconds[-1][1] + 1)
        else:
            seconds.append((now, 1))
        self._counts[key] = (now + rate.get_expiry(), seconds)
        self._forget(now)

    def _forget(self, now: int) -> None:
        """Drop expired entries from the front, and those beyond `MOST_KEYS`."""
        while len(self._counts) > MOST_KEYS or next(iter(self._counts.values()))[0] < now:
            self._counts.popitem(last=False)


def _key(what: Sequence[str]) -> bytes:
    """A digest of fixed length, as names of owners may be long."""
    return blake2b("\0".join(what).encode(errors="surrogatepass"), digest_size=16).digest()
