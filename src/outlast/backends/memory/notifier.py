"""A notifier between the event loops of one process."""

from collections.abc import Sequence

from outlast.backends.subscribers import Subscribers
from outlast.ports.notifier import Listener, Subscription, Topic


class MemoryNotifier:
    """`Notifier` within this process."""

    def __init__(self) -> None:
        self._subscribers = Subscribers()

    async def open(self) -> None:
        """Do nothing: there is nothing to connect to."""

    async def close(self) -> None:
        self._subscribers.clear()

    def publish(self, topic: Topic, keys: Sequence[str]) -> None:
        self._subscribers.notify(topic, keys)

    async def subscribe(self, topics: Sequence[Topic], listener: Listener) -> Subscription:
        return self._subscribers.add(topics, listener)
