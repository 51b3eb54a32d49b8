"""Kombu's transport for Redis, patched for attempts that outlast a connection to the broker.

In kombu 5.7 an acknowledgement over a lost connection raises `AttributeError`, not the connection error that
Celery expects, and ends the whole worker. The broker redelivers the message, which then changes nothing.
"""

from typing import Any, cast

from kombu import transport
from kombu.transport import redis

kombu_redis = cast("Any", redis)


class Channel(kombu_redis.Channel):
    """Raises `ConnectionError`, which Celery handles, if its connection was lost."""

    def _connparams(self, asynchronous: bool = False) -> Any:
        if self.connection is None or self.connection.client is None:
            raise ConnectionError("The connection to the broker was lost.")
        return kombu_redis.Channel._connparams(self, asynchronous)  # noqa: SLF001 - as `super()`, which has no type


class Transport(kombu_redis.Transport):
    """Kombu's transport with the patched channel."""

    Channel = Channel


def install() -> None:
    """Patch the transport of the whole process. Call it in a worker before it first connects."""
    patched = f"{__name__}:Transport"
    transport.TRANSPORT_ALIASES.update(redis=patched, rediss=patched)
