"""Wake-ups between processes; may lose messages, never the truth."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Protocol


class Topic(StrEnum):
    """What a wake-up is about."""

    WAITING = "waiting"
    """Sessions wait to be claimed; the key is their queue."""
    CANCEL = "cancel"
    """A running session is to be stopped; the key is its id."""
    CHANGED = "changed"
    """A session's row changed; the key is its id."""


Listener = Callable[[Topic, str], None]
"""Called in the event loop of the subscriber; must not block."""


class Subscription(Protocol):
    """An open ear."""

    async def close(self) -> None: ...


class Notifier(Protocol):
    """Carries hints between all processes of one store, and within one.

    A hint may be lost, doubled, late or for nothing; a subscriber also looks by itself from time to time. A key
    may be the empty string: "look at everything" (after an overflow, or where a backend cannot say which).
    """

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    def publish(self, topic: Topic, keys: Sequence[str]) -> None:
        """Never blocks, never raises. Safe from any thread. Also reaches subscribers of the same process."""
        ...

    async def subscribe(self, topics: Sequence[Topic], listener: Listener) -> Subscription:
        """Call `listener` in the running loop for each hint on these topics, from now on."""
        ...
