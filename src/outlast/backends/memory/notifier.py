"""Wake-ups between the event loops of one process."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from threading import Lock

from outlast.ports.notifier import Listener, Subscription, Topic


class MemorySubscription:
    """An open ear in one event loop."""

    def __init__(
        self,
        ears: "set[MemorySubscription]",
        lock: Lock,
        topics: Sequence[Topic],
        listener: Listener,
    ) -> None:
        self._ears = ears
        self._lock = lock
        self._topics = frozenset(topics)
        self._listener: Listener | None = listener
        self._loop = asyncio.get_running_loop()

    def post(self, topic: Topic, keys: Sequence[str]) -> None:
        if topic in self._topics:
            # A loop that has closed without closing its ear hears nothing any more.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._hear, topic, tuple(keys))

    def _hear(self, topic: Topic, keys: tuple[str, ...]) -> None:
        for key in keys:
            if self._listener is not None:
                self._listener(topic, key)

    async def close(self) -> None:
        self._listener = None
        with self._lock:
            self._ears.discard(self)


class MemoryNotifier:
    """`Notifier` within this process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._ears: set[MemorySubscription] = set()

    async def open(self) -> None:
        """Nothing to connect."""

    async def close(self) -> None:
        with self._lock:
            self._ears.clear()

    def publish(self, topic: Topic, keys: Sequence[str]) -> None:
        with self._lock:
            ears = list(self._ears)
        for ear in ears:
            ear.post(topic, keys)

    async def subscribe(self, topics: Sequence[Topic], listener: Listener) -> Subscription:
        ear = MemorySubscription(self._ears, self._lock, topics, listener)
        with self._lock:
            self._ears.add(ear)
        return ear
