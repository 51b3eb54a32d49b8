"""Wake-ups between the processes of one machine: a doorbell for each, and looks at the database below it."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

from outlast.backends.sqlite.connection import DatabaseFile
from outlast.backends.sqlite.subscriptions import LoopSubscriptions, Wakeups, running_loop
from outlast.backends.sqlite.unix_sockets import UnixSockets
from outlast.ports.notifier import Listener, Subscription, Topic


class UnixSocketSubscription:
    """An open ear; close it in the loop that opened it."""

    def __init__(self, notifier: "UnixSocketNotifier", ear: LoopSubscriptions, attention: Wakeups) -> None:
        self._notifier = notifier
        self._ear = ear
        self._attention = attention

    async def close(self) -> None:
        self._ear.stop_listening(self._attention)
        if self._ear.deaf:
            self._notifier.forget(self._ear)


class UnixSocketNotifier:
    """`Notifier` for all processes that share a database file. `folder` is the doorbells' own."""

    def __init__(self, folder: Path, database: Path) -> None:
        self._doorbells = UnixSockets(folder)
        self._database = DatabaseFile(database)
        self._lock = threading.Lock()
        self._ears: dict[asyncio.AbstractEventLoop, LoopSubscriptions] = {}

    async def open(self) -> None:
        await asyncio.to_thread(self._doorbells.open)

    async def close(self) -> None:
        with self._lock:
            ears = list(self._ears.values())
            self._ears.clear()
        here = asyncio.get_running_loop()
        for ear in ears:
            self._ring_for(ear)
            if ear.loop is here or ear.loop.is_closed():
                ear.close()
            else:
                ear.loop.call_soon_threadsafe(ear.close)
        self._doorbells.close()

    def publish(self, topic: Topic, keys: Sequence[str]) -> None:
        loop = running_loop()
        with self._lock:
            ears = list(self._ears.values())
            here = self._ears.get(loop) if loop is not None else None
        for ear in ears:
            try:
                ear.post(topic, keys)
            except RuntimeError:  # its loop was closed without a word
                self.forget(ear)
                ear.close()
        if here is None:
            self._ring(topic, keys)
        elif here.outgoing.put(topic, keys):  # many sessions end within one turn of the loop: they share a message
            here.loop.call_soon(self._ring_for, here)

    async def subscribe(self, topics: Sequence[Topic], listener: Listener) -> Subscription:
        loop = asyncio.get_running_loop()
        attention = Wakeups(frozenset(topics), listener)
        with self._lock:
            ear = self._ears.get(loop)
            if ear is None:
                ear = self._ears[loop] = LoopSubscriptions(self._doorbells, self._database)
        ear.listen(attention)
        return UnixSocketSubscription(self, ear, attention)

    def _ring_for(self, ear: LoopSubscriptions) -> None:
        for topic, keys in ear.outgoing.take():
            self._ring(topic, keys)

    def _ring(self, topic: Topic, keys: Sequence[str]) -> None:
        with self._lock:
            own = {ear.bell_name for ear in self._ears.values()}
        self._doorbells.ring(topic, keys, own)

    def forget(self, ear: LoopSubscriptions) -> None:
        with self._lock:
            if self._ears.get(ear.loop) is ear:
                del self._ears[ear.loop]
