"""What one process has counted in the last minute, second by second, in bounded memory."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import blake2b

from limits import RateLimitItem

MOST_KEYS = 50_000
"""Owners and addresses counted; beyond it the one that has been quiet longest is forgotten."""

Seconds = list[tuple[int, int]]
"""Second, and how often within it; the oldest first: one entry for each second of the rate at most."""


class LocalRates:
    """A moving window, by the monotonic clock, to the second."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._counts: OrderedDict[bytes, tuple[int, Seconds]] = OrderedDict()
        """Until when each matters; the one counted last at the end."""

    def room(self, rate: RateLimitItem, what: Sequence[str], cost: int = 1) -> bool:
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
        """What is over, as far as it is oldest, and what is too much."""
        while len(self._counts) > MOST_KEYS or next(iter(self._counts.values()))[0] < now:
            self._counts.popitem(last=False)


def _key(what: Sequence[str]) -> bytes:
    """As long for any name: those of a host's owners may have any length."""
    return blake2b("\0".join(what).encode(errors="surrogatepass"), digest_size=16).digest()
