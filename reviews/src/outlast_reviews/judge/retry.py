"""Retries busy servers with Retry-After or exponential backoff and full jitter."""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from outlast_reviews.judge.errors import ServerBusyError, ServerUnusableError
from outlast_reviews.judge.model_client import Reply

TRIES = 4
"""Attempts for one request."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""Seconds; a longer Retry-After gives up at once."""


class ChatClient(Protocol):
    """A `ModelClient` or a test double."""

    async def ask(self, body: Mapping[str, Any]) -> Reply: ...


def _ignore_wait(_reason: str, _seconds: float) -> None:
    pass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`sleep` waits for seconds; `jitter` returns a random number from 0 to 1."""

    sleep: Callable[[float], Awaitable[None]]
    jitter: Callable[[], float] = random.random
    waiting: Callable[[str, float], None] = _ignore_wait
    """Called with the reason and the seconds before each wait."""

    async def ask(self, client: ChatClient, body: Mapping[str, Any]) -> Reply:
        """Send with retries. Raises `ModelError`; `ServerBusyError` only after all attempts."""
        for tried in range(1, TRIES + 1):
            try:
                return await client.ask(body)
            except ServerBusyError as busy:
                if tried == TRIES:
                    raise
                seconds = self._wait(tried, busy)
                self.waiting(busy.reason, seconds)
            await self.sleep(seconds)
        raise AssertionError  # pragma: no cover

    def _wait(self, tried: int, busy: ServerBusyError) -> float:
        """Full jitter, so that clients do not retry together; never earlier than Retry-After."""
        if busy.after is None:
            return self.jitter() * min(LONGEST_WAIT, FIRST_WAIT * 2 ** (tried - 1))
        if busy.after > LONGEST_WAIT:
            raise ServerUnusableError(f"{busy.reason}, and to come back in {busy.after:,.0f} seconds")
        return busy.after + self.jitter() * FIRST_WAIT
