"""Wake-ups between the event loops of one process."""

from collections.abc import Sequence

from outlast.backends.subscribers import Subscribers
from outlast.ports.notifier import Listener, Subscription, Topic


class MemoryNotifier:
    """`Notifier` within this process."""

    def __init__(self) -> None:
        self._listeners = Subscribers()

    async def open(self) -> None:
        """Nothing to connect."""

    async def close(self) -> None:
        self._listeners.clear()

    def publish(self, topic: Topic, keys: Sequence[str]) -> None:
        self._listeners.tell(topic, keys)

    async def subscribe(self, topics: Sequence[Topic], listener: Listener) -> Subscription:
        return self._listeners.add(topics, listener)
