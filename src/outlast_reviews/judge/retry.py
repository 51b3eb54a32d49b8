"""Asks again when a server is busy: as it says, else later and later, and not for ever."""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from outlast_reviews.judge.errors import ServerBusyError, ServerUnusableError
from outlast_reviews.judge.model_client import Reply

TRIES = 4
"""Of one question."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""Seconds; a server that asks for a longer wait than the longest is not waited for."""


class Asks(Protocol):
    """An `ModelClient`."""

    async def ask(self, body: Mapping[str, Any]) -> Reply: ...


def _unwatched(_reason: str, _seconds: float) -> None:
    pass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`sleep` waits so many seconds; `chance` is a number from 0 to 1, anew each time."""

    sleep: Callable[[float], Awaitable[None]]
    chance: Callable[[], float] = random.random
    waiting: Callable[[str, float], None] = _unwatched
    """Told why, and for how many seconds, before each wait."""

    async def ask(self, exchange: Asks, body: Mapping[str, Any]) -> Reply:
        """Raises `ModelError`; `ServerBusyError` only after all tries."""
        for tried in range(1, TRIES + 1):
            try:
                return await exchange.ask(body)
            except ServerBusyError as busy:
                if tried == TRIES:
                    raise
                seconds = self._wait(tried, busy)
                self.waiting(busy.reason, seconds)
            await self.sleep(seconds)
        raise AssertionError  # pragma: no cover

    def _wait(self, tried: int, busy: ServerBusyError) -> float:
        """Full jitter, so that many who were sent away do not come back together; never before it said."""
        if busy.after is None:
            return self.chance() * min(LONGEST_WAIT, FIRST_WAIT * 2 ** (tried - 1))
        if busy.after > LONGEST_WAIT:
            raise ServerUnusableError(f"{busy.reason}, and to come back in {busy.after:,.0f} seconds")
        return busy.after + self.chance() * FIRST_WAIT
