"""The subscribers of one process: each listener is called in the event loop in which it subscribed."""

import asyncio
from collections.abc import Sequence
from threading import Lock

from outlast.ports.notifier import Listener, Topic


class Subscriber:
    """A `Subscription` of one event loop."""

    def __init__(self, subscribers: "Subscribers", topics: Sequence[Topic], listener: Listener) -> None:
        self.topics = frozenset(topics)
        self._subscribers = subscribers
        self._listener: Listener | None = listener
        self._loop = asyncio.get_running_loop()

    def post(self, topic: Topic, keys: Sequence[str]) -> None:
        """Schedule the listener, from any thread. Raises `RuntimeError` if the event loop is closed."""
        self._loop.call_soon_threadsafe(self._call_listener, topic, keys)

    def _call_listener(self, topic: Topic, keys: Sequence[str]) -> None:
        for key in keys:
            if self._listener is not None:
                self._listener(topic, key)

    async def close(self) -> None:
        self._listener = None
        self._subscribers.remove(self)


class Subscribers:
    """All subscribers of a process. Safe from any thread; never blocks, never raises."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._subscribers: tuple[Subscriber, ...] = ()

    def add(self, topics: Sequence[Topic], listener: Listener) -> Subscriber:
        """Call `listener` in the running event loop from now on."""
        added = Subscriber(self, topics, listener)
        with self._lock:
            self._subscribers = (*self._subscribers, added)
        return added

    def remove(self, subscriber: Subscriber) -> None:
        with self._lock:
            self._subscribers = tuple(s for s in self._subscribers if s is not subscriber)

    def clear(self) -> None:
        with self._lock:
            self._subscribers = ()

    def has(self, topic: Topic) -> bool:
        """Return whether anybody subscribes to the topic."""
        return any(topic in subscriber.topics for subscriber in self._subscribers)

    def notify(self, topic: Topic, keys: Sequence[str]) -> None:
        copied = tuple(keys)
        for subscriber in self._subscribers:
            if topic in subscriber.topics:
                try:
                    subscriber.post(topic, copied)
                except RuntimeError:  # its event loop was closed without closing the subscription
                    self.remove(subscriber)
