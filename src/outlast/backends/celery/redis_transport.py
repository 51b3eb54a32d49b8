"""Kombu's transport for Redis, mended for workers whose attempts outlast a connection to the broker.

An acknowledgement over a connection that was lost raises `AttributeError` in kombu 5.7, not the connection error
that Celery expects, and ends the whole worker. The message comes again, and then changes nothing.
"""

from typing import Any, cast

from kombu import transport
from kombu.transport import redis

theirs = cast("Any", redis)


class Channel(theirs.Channel):
    """Says in words that Celery understands that its connection is gone."""

    def _connparams(self, asynchronous: bool = False) -> Any:
        if self.connection is None or self.connection.client is None:
            raise ConnectionError("The connection to the broker was lost.")
        return theirs.Channel._connparams(self, asynchronous)  # noqa: SLF001 - as `super()`, which has no type


class Transport(theirs.Transport):
    """As kombu's, with that channel."""

    Channel = Channel


def install() -> None:
    """For all of this process, which is a worker; before its first connection."""
    ours = f"{__name__}:Transport"
    transport.TRANSPORT_ALIASES.update(redis=ours, rediss=ours)
