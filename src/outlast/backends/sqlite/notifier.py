"""A notifier between the processes of one machine: Unix sockets, with polling of the database as a fallback."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

from outlast.backends.sqlite.connection import DatabaseFile
from outlast.backends.sqlite.subscriptions import LoopSubscriptions, TopicListener, running_loop
from outlast.backends.sqlite.unix_sockets import UnixSockets
from outlast.ports.notifier import Listener, Subscription, Topic


class UnixSocketSubscription:
    """A `Subscription`. Close it in the event loop that opened it."""

    def __init__(
        self, notifier: "UnixSocketNotifier", subscriptions: LoopSubscriptions, listener: TopicListener
    ) -> None:
        self._notifier = notifier
        self._subscriptions = subscriptions
        self._listener = listener

    async def close(self) -> None:
        self._subscriptions.remove(self._listener)
        if self._subscriptions.empty:
            self._notifier.remove(self._subscriptions)


class UnixSocketNotifier:
    """`Notifier` for all processes that share a database file. `folder` holds their sockets and nothing else."""

    def __init__(self, folder: Path, database: Path) -> None:
        self._sockets = UnixSockets(folder)
        self._database = DatabaseFile(database)
        self._lock = threading.Lock()
        self._by_loop: dict[asyncio.AbstractEventLoop, LoopSubscriptions] = {}

    async def open(self) -> None:
        await asyncio.to_thread(self._sockets.open)

    async def close(self) -> None:
        with self._lock:
            closing = list(self._by_loop.values())
            self._by_loop.clear()
        current = asyncio.get_running_loop()
        for subscriptions in closing:
            self._flush(subscriptions)
            if subscriptions.loop is current or subscriptions.loop.is_closed():
                subscriptions.close()
            else:
                subscriptions.loop.call_soon_threadsafe(subscriptions.close)
        self._sockets.close()

    def publish(self, topic: Topic, keys: Sequence[str]) -> None:
        loop = running_loop()
        with self._lock:
            everywhere = list(self._by_loop.values())
            current = self._by_loop.get(loop) if loop is not None else None
        for subscriptions in everywhere:
            try:
                subscriptions.post(topic, keys)
            except RuntimeError:  # its event loop was closed without closing the subscriptions
                self.remove(subscriptions)
                subscriptions.close()
        if current is None:
            self._send(topic, keys)
        elif current.outbox.put(topic, keys):  # many sessions end in one iteration of the loop: send them together
            current.loop.call_soon(self._flush, current)

    async def subscribe(self, topics: Sequence[Topic], listener: Listener) -> Subscription:
        loop = asyncio.get_running_loop()
        added = TopicListener(frozenset(topics), listener)
        with self._lock:
            subscriptions = self._by_loop.get(loop)
            if subscriptions is None:
                subscriptions = self._by_loop[loop] = LoopSubscriptions(self._sockets, self._database)
        subscriptions.add(added)
        return UnixSocketSubscription(self, subscriptions, added)

    def _flush(self, subscriptions: LoopSubscriptions) -> None:
        for topic, keys in subscriptions.outbox.drain():
            self._send(topic, keys)

    def _send(self, topic: Topic, keys: Sequence[str]) -> None:
        with self._lock:
            own = {subscriptions.socket_name for subscriptions in self._by_loop.values()}
        self._sockets.send(topic, keys, own)

    def remove(self, subscriptions: LoopSubscriptions) -> None:
        with self._lock:
            if self._by_loop.get(subscriptions.loop) is subscriptions:
                del self._by_loop[subscriptions.loop]
