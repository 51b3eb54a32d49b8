"""Wake-ups between the processes of one machine: a doorbell for each, and looks at the database below it."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

from outlast.backends.sqlite.connection import DatabaseFile
from outlast.backends.sqlite.doorbells import Doorbells
from outlast.backends.sqlite.ear import Attention, Ear
from outlast.ports.notifier import Listener, Subscription, Topic


class DoorbellSubscription:
    """An open ear; close it in the loop that opened it."""

    def __init__(self, notifier: "DoorbellNotifier", ear: Ear, attention: Attention) -> None:
        self._notifier = notifier
        self._ear = ear
        self._attention = attention

    async def close(self) -> None:
        self._ear.stop_listening(self._attention)
        if self._ear.deaf:
            self._notifier.forget(self._ear)


class DoorbellNotifier:
    """`Notifier` for all processes that share a database file. `folder` is the doorbells' own."""

    def __init__(self, folder: Path, database: Path) -> None:
        self._doorbells = Doorbells(folder)
        self._database = DatabaseFile(database)
        self._lock = threading.Lock()
        self._ears: dict[asyncio.AbstractEventLoop, Ear] = {}

    async def open(self) -> None:
        await asyncio.to_thread(self._doorbells.open)

    async def close(self) -> None:
        with self._lock:
            ears = list(self._ears.values())
            self._ears.clear()
        here = asyncio.get_running_loop()
        for ear in ears:
            if ear.loop is here or ear.loop.is_closed():
                ear.close()
            else:
                ear.loop.call_soon_threadsafe(ear.close)
        self._doorbells.close()

    def publish(self, topic: Topic, keys: Sequence[str]) -> None:
        with self._lock:
            ears = list(self._ears.values())
        for ear in ears:
            try:
                ear.post(topic, keys)
            except RuntimeError:  # its loop was closed without a word
                self.forget(ear)
                ear.close()
        self._doorbells.ring(topic, keys, {ear.bell_name for ear in ears})

    async def subscribe(self, topics: Sequence[Topic], listener: Listener) -> Subscription:
        loop = asyncio.get_running_loop()
        attention = Attention(frozenset(topics), listener)
        with self._lock:
            ear = self._ears.get(loop)
            if ear is None:
                ear = self._ears[loop] = Ear(self._doorbells, self._database)
        ear.listen(attention)
        return DoorbellSubscription(self, ear, attention)

    def forget(self, ear: Ear) -> None:
        with self._lock:
            if self._ears.get(ear.loop) is ear:
                del self._ears[ear.loop]
