"""Who listens in this process: each listener is called in the event loop that it was registered in."""

import asyncio
from collections.abc import Sequence
from threading import Lock

from outlast.ports.notifier import Listener, Topic


class Subscriber:
    """An open ear in one event loop."""

    def __init__(self, listeners: "Subscribers", topics: Sequence[Topic], listener: Listener) -> None:
        self.topics = frozenset(topics)
        self._listeners = listeners
        self._listener: Listener | None = listener
        self._loop = asyncio.get_running_loop()

    def post(self, topic: Topic, keys: Sequence[str]) -> None:
        """From any thread; raises `RuntimeError` when its loop is closed."""
        self._loop.call_soon_threadsafe(self._hear, topic, keys)

    def _hear(self, topic: Topic, keys: Sequence[str]) -> None:
        for key in keys:
            if self._listener is not None:
                self._listener(topic, key)

    async def close(self) -> None:
        self._listener = None
        self._listeners.forget(self)


class Subscribers:
    """All of them. Safe from any thread; never blocks, never raises."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._ears: tuple[Subscriber, ...] = ()

    def add(self, topics: Sequence[Topic], listener: Listener) -> Subscriber:
        """Call `listener` in the running loop from now on."""
        ear = Subscriber(self, topics, listener)
        with self._lock:
            self._ears = (*self._ears, ear)
        return ear

    def forget(self, ear: Subscriber) -> None:
        with self._lock:
            self._ears = tuple(e for e in self._ears if e is not ear)

    def clear(self) -> None:
        with self._lock:
            self._ears = ()

    def want(self, topic: Topic) -> bool:
        """Whether anybody listens for it."""
        return any(topic in ear.topics for ear in self._ears)

    def tell(self, topic: Topic, keys: Sequence[str]) -> None:
        heard = tuple(keys)
        for ear in self._ears:
            if topic in ear.topics:
                try:
                    ear.post(topic, heard)
                except RuntimeError:  # its loop was closed without a word
                    self.forget(ear)
