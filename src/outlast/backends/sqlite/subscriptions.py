"""The subscriptions of one event loop: fed by its socket, its own process and, failing both, the database."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import apsw

from outlast.backends.hints import Outbox, decode_hint
from outlast.backends.sqlite.connection import DatabaseFile
from outlast.backends.sqlite.driver import Connection
from outlast.backends.sqlite.unix_sockets import UnixSocket, UnixSockets
from outlast.domain.errors import StoreUnavailable
from outlast.ports.notifier import Listener, Topic

POLL_INTERVAL = 0.2
"""Seconds between polls of the database."""
BUSY_TIMEOUT = 0.05
"""Seconds that a poll may block the event loop."""
MAX_BATCH = 500
"""Messages read at once."""
QUEUE_LIMIT = Path("/proc/sys/net/unix/max_dgram_qlen")
DEFAULT_QUEUE_LIMIT = 10
"""Messages that a socket queues if the system does not say."""


@dataclass(eq=False, slots=True)
class TopicListener:
    """One listener and its topics."""

    topics: frozenset[Topic]
    listener: Listener


class LoopSubscriptions:
    """All listeners of one event loop. Call its methods in that loop, except `post`."""

    def __init__(self, sockets: UnixSockets, database: DatabaseFile) -> None:
        self.loop = asyncio.get_running_loop()
        self._sockets = sockets
        self._database = database
        self._listeners: list[TopicListener] = []
        self._socket: UnixSocket | None = None
        self._connection: Connection | None = None
        self._version: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._received = False
        self._unannounced = False
        self._queue_limit = _queue_limit()
        self._own_hints = Outbox()
        self.outbox = Outbox()
        """Hints that this loop sends to other processes in its next iteration."""

    @property
    def empty(self) -> bool:
        return not self._listeners

    @property
    def socket_name(self) -> str:
        """The name of its socket's file; empty if it has no socket."""
        return "" if self._socket is None else self._socket.name

    def add(self, listener: TopicListener) -> None:
        self._listeners.append(listener)
        if self._timer is None:
            self._bind_socket()
            self._version = self._data_version()
            self._timer = self.loop.call_later(POLL_INTERVAL, self._poll)
        else:
            self._update_topics()

    def remove(self, listener: TopicListener) -> None:
        with suppress(ValueError):
            self._listeners.remove(listener)
        if self._listeners:
            self._update_topics()
        else:
            self.close()

    def close(self) -> None:
        self._listeners.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._socket is not None:
            if not self.loop.is_closed():
                self.loop.remove_reader(self._socket.socket)
            self._socket.close()
            self._socket = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def post(self, topic: Topic, keys: Sequence[str]) -> None:
        """Deliver a hint of this process, from any thread. Raises `RuntimeError` if the loop is closed."""
        if self._own_hints.put(topic, keys):
            # waking the loop costs as much as all the rest, and its own thread need not
            call_soon = self.loop.call_soon if running_loop() is self.loop else self.loop.call_soon_threadsafe
            call_soon(self._deliver_own)

    def _bind_socket(self) -> None:
        """Bind a socket; where that fails, polling the database has to do."""
        with suppress(OSError, AttributeError, NotImplementedError):
            self._socket = self._sockets.bind(self._topics())
            self.loop.add_reader(self._socket.socket, self._receive)

    def _update_topics(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.set_topics(self._topics())

    def _topics(self) -> frozenset[Topic]:
        return frozenset[Topic]().union(*(listener.topics for listener in self._listeners))

    def _receive(self) -> None:
        if self._socket is None:
            return
        messages = self._socket.receive(MAX_BATCH)
        hints: dict[Topic, dict[str, None]] = {}
        for message in messages:
            if (hint := decode_hint(message)) is not None:
                hints.setdefault(hint[0], {}).update(dict.fromkeys(hint[1]))
        if len(messages) >= self._queue_limit:  # the queue was full, so senders may have dropped hints
            hints = {topic: {"": None} for topic in self._topics()}
        self._deliver(hints)

    def _deliver_own(self) -> None:
        self._deliver({topic: dict.fromkeys(keys) for topic, keys in self._own_hints.drain()})

    def _deliver(self, hints: dict[Topic, dict[str, None]]) -> None:
        self._received = True
        for topic, keys in hints.items():
            self._notify(topic, [""] if "" in keys else keys)

    def _notify(self, topic: Topic, keys: Iterable[str]) -> None:
        listeners = [each.listener for each in self._listeners if topic in each.topics]
        for key in keys:
            for listener in listeners:
                listener(topic, key)

    def _poll(self) -> None:
        """Have everything checked if the database changed and no hint came, nor does one until the next poll."""
        self._timer = self.loop.call_later(POLL_INTERVAL, self._poll)
        version = self._data_version()
        changed = version != self._version
        self._version = version
        silent = not self._received
        self._received = False
        if silent and (self._unannounced or (changed and self._socket is None)):
            for topic in self._topics():
                self._notify(topic, [""])
            changed = changed and not silent
        self._unannounced = changed and silent

    def _data_version(self) -> int | None:
        """Return a number that changes with every commit of another connection; `None` without a database."""
        try:
            if self._connection is None:
                self._connection = self._database.connect(busy_timeout=BUSY_TIMEOUT, read_only=True)
            return self._connection.pragma("data_version")
        except (StoreUnavailable, apsw.Error):
            return None


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs in this thread, if any."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _queue_limit() -> int:
    try:
        return int(QUEUE_LIMIT.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return DEFAULT_QUEUE_LIMIT
