"""Wake-ups between processes. They are hints and may be lost: the store has the truth."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Protocol


class Topic(StrEnum):
    """What a wake-up is about."""

    WAITING = "waiting"
    """Sessions are pending; the key is their queue."""
    CANCEL = "cancel"
    """The cancel of a processing session was requested; the key is its id."""
    CONTROL = "control"
    """An operator asked something of a worker or a supervisor; the key is its id."""
    CHANGED = "changed"
    """A session's row changed; the key is its id."""


Listener = Callable[[Topic, str], None]
"""Called in the event loop of the subscriber; must not block."""


class Subscription(Protocol):
    """The subscription of one listener."""

    async def close(self) -> None: ...


class Notifier(Protocol):
    """Carries hints between all processes of one store, and within one.

    A hint may be lost, duplicated, late or spurious, so subscribers also poll from time to time. An empty key
    means "check everything": after an overflow, or if a backend does not know the keys.
    """

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    def publish(self, topic: Topic, keys: Sequence[str]) -> None:
        """Send a hint, also to subscribers of this process. Never blocks, never raises. Safe from any thread."""
        ...

    async def subscribe(self, topics: Sequence[Topic], listener: Listener) -> Subscription:
        """Call `listener` in the running loop for each hint on these topics, from now on."""
        ...
