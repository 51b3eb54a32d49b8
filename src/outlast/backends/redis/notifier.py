"""Wake-ups between machines through Redis: a channel for each topic, and all keys."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from outlast.backends.server_notifier import Say, ServerNotifier
from outlast.ports.notifier import Topic

ANSWER_WITHIN = 2.0
"""Seconds for connecting and for each answer."""
QUIET = 5.0
"""Seconds of silence after which the server is asked whether it is there."""
LARGEST_MESSAGE = 64_000
"""Bytes."""


class RedisNotifier(ServerNotifier):
    """`Notifier` for all processes with this Redis and `namespace`. Redis may be away, or forget everything."""

    def __init__(self, url: str, namespace: str) -> None:
        super().__init__(_RedisLine(url, namespace), carried=tuple(Topic))


class _RedisLine:
    name = "Redis"
    largest = LARGEST_MESSAGE
    away: tuple[type[Exception], ...] = (RedisError, OSError)

    def __init__(self, url: str, namespace: str) -> None:
        self._url = url
        self._channels = {topic: f"outlast:{namespace}:{topic.value}" for topic in Topic}

    async def listen(self, connected: Callable[[], None], hear: Callable[[bytes], None]) -> None:
        async with self._client() as redis, redis.pubsub() as ears:
            await ears.subscribe(*self._channels.values())
            for _ in self._channels:
                await _next(ears, ANSWER_WITHIN)
            connected()
            while True:
                message = await _next(ears, QUIET, ask=True)
                if message["type"] == "message":
                    hear(message["data"])

    @asynccontextmanager
    async def speaking(self) -> AsyncGenerator[Say]:
        async with self._client() as redis:

            async def say(messages: Sequence[tuple[Topic, bytes]]) -> None:
                async with redis.pipeline(transaction=False) as batch:
                    for topic, message in messages:
                        batch.publish(self._channels[topic], message)
                    await batch.execute()

            yield say

    def _client(self) -> Any:
        """A client with no retries of its own: whoever holds the line makes it anew. Its types are incomplete."""
        options: dict[str, Any] = {
            "socket_connect_timeout": ANSWER_WITHIN,
            "socket_timeout": ANSWER_WITHIN,
            "retry": Retry(NoBackoff(), 0),
        }
        if not self._url.startswith("unix:"):
            options["socket_keepalive"] = True
        return cast("Any", Redis).from_url(self._url, **options)


async def _next(ears: Any, within: float, *, ask: bool = False) -> dict[str, Any]:
    """The next message; when none comes it is asked for one, if `ask`. Raises `TimeoutError` on silence."""
    message = await ears.get_message(timeout=within)
    if message is None and ask:
        await ears.ping()
        message = await ears.get_message(timeout=ANSWER_WITHIN)
    if message is None:
        raise TimeoutError("it does not answer")
    return message
