"""A notifier between machines through Redis pub/sub, with one channel per topic."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from outlast.backends.server_notifier import Send, ServerNotifier
from outlast.ports.notifier import Topic

RESPONSE_TIMEOUT = 2.0
"""Seconds that connecting, and each response, may take."""
PING_AFTER = 5.0
"""Seconds without a message after which a PING checks the connection."""
MAX_MESSAGE_BYTES = 64_000


class RedisNotifier(ServerNotifier):
    """`Notifier` for all processes of one `namespace`. Redis may be unreachable or lose its data."""

    def __init__(self, url: str, namespace: str) -> None:
        super().__init__(_RedisConnection(url, namespace), carried=tuple(Topic))


class _RedisConnection:
    name = "Redis"
    max_bytes = MAX_MESSAGE_BYTES
    connection_errors: tuple[type[Exception], ...] = (RedisError, OSError)

    def __init__(self, url: str, namespace: str) -> None:
        self._url = url
        self._channels = {topic: f"outlast:{namespace}:{topic.value}" for topic in Topic}

    async def receive(self, on_connect: Callable[[], None], on_message: Callable[[bytes], None]) -> None:
        async with self._client() as redis, redis.pubsub() as pubsub:
            await pubsub.subscribe(*self._channels.values())
            for _ in self._channels:
                await _next(pubsub, RESPONSE_TIMEOUT)
            on_connect()
            while True:
                message = await _next(pubsub, PING_AFTER, ping=True)
                if message["type"] == "message":
                    on_message(message["data"])

    @asynccontextmanager
    async def sender(self) -> AsyncGenerator[Send]:
        async with self._client() as redis:

            async def send(messages: Sequence[tuple[Topic, bytes]]) -> None:
                async with redis.pipeline(transaction=False) as batch:
                    for topic, message in messages:
                        batch.publish(self._channels[topic], message)
                    await batch.execute()

            yield send

    def _client(self) -> Any:
        """Return a client without retries, as the notifier reconnects by itself. Its types are incomplete."""
        options: dict[str, Any] = {
            "socket_connect_timeout": RESPONSE_TIMEOUT,
            "socket_timeout": RESPONSE_TIMEOUT,
            "retry": Retry(NoBackoff(), 0),
        }
        if not self._url.startswith("unix:"):
            options["socket_keepalive"] = True
        return cast("Any", Redis).from_url(self._url, **options)


async def _next(pubsub: Any, within: float, *, ping: bool = False) -> dict[str, Any]:
    """Return the next message, or the response to a `ping` if none comes. Raises `TimeoutError`."""
    message = await pubsub.get_message(timeout=within)
    if message is None and ping:
        await pubsub.ping()
        message = await pubsub.get_message(timeout=RESPONSE_TIMEOUT)
    if message is None:
        raise TimeoutError("it does not respond")
    return message
