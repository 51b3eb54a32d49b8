"""What one event loop hears: its doorbell, its own process, and, when both are silent, the database itself."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import apsw

from outlast.backends.hints import Outbox, unpacked
from outlast.backends.sqlite.connection import DatabaseFile
from outlast.backends.sqlite.driver import Connection
from outlast.backends.sqlite.unix_sockets import UnixSocket, UnixSockets
from outlast.domain.errors import StoreUnavailable
from outlast.ports.notifier import Listener, Topic

LOOK_EVERY = 0.2
"""Seconds between looks at the database."""
PATIENCE = 0.05
"""Seconds that such a look may wait, in the event loop."""
BURST = 500
"""Messages read at once."""
QUEUE_LIMIT = Path("/proc/sys/net/unix/max_dgram_qlen")
SMALLEST_QUEUE = 10
"""Messages that a socket holds, where the system does not say."""


@dataclass(eq=False, slots=True)
class Wakeups:
    """One listener and what it listens for."""

    topics: frozenset[Topic]
    listener: Listener


class LoopSubscriptions:
    """All listeners of one event loop. Called in that loop, but for `post`."""

    def __init__(self, doorbells: UnixSockets, database: DatabaseFile) -> None:
        self.loop = asyncio.get_running_loop()
        self._doorbells = doorbells
        self._database = database
        self._listening: list[Wakeups] = []
        self._bell: UnixSocket | None = None
        self._connection: Connection | None = None
        self._seen: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._heard = False
        self._unexplained = False
        self._queue_limit = _queue_limit()
        self._incoming = Outbox()
        self.outgoing = Outbox()
        """What this loop is to tell other processes in its next turn."""

    @property
    def deaf(self) -> bool:
        """Nobody listens."""
        return not self._listening

    @property
    def bell_name(self) -> str:
        """The name of its doorbell; empty where it could not have one."""
        return "" if self._bell is None else self._bell.name

    def listen(self, attention: Wakeups) -> None:
        self._listening.append(attention)
        if self._timer is None:
            self._hang_bell()
            self._seen = self._look()
            self._timer = self.loop.call_later(LOOK_EVERY, self._tick)
        else:
            self._rename_bell()

    def stop_listening(self, attention: Wakeups) -> None:
        with suppress(ValueError):
            self._listening.remove(attention)
        if self._listening:
            self._rename_bell()
        else:
            self.close()

    def close(self) -> None:
        self._listening.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._bell is not None:
            if not self.loop.is_closed():
                self.loop.remove_reader(self._bell.socket)
            self._bell.close()
            self._bell = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def post(self, topic: Topic, keys: Sequence[str]) -> None:
        """Hear it from this process; from any thread. Raises `RuntimeError` when the loop is closed."""
        if self._incoming.put(topic, keys):
            # in its own thread the loop need not be woken, which costs as much as all the rest
            call_soon = self.loop.call_soon if running_loop() is self.loop else self.loop.call_soon_threadsafe
            call_soon(self._hear_own)

    def _hang_bell(self) -> None:
        """Without a bell the looks at the database must do."""
        with suppress(OSError, AttributeError, NotImplementedError):
            self._bell = self._doorbells.hang_up(self._topics())
            self.loop.add_reader(self._bell.socket, self._answer)

    def _rename_bell(self) -> None:
        if self._bell is not None:
            with suppress(OSError):
                self._bell.listen_for(self._topics())

    def _topics(self) -> frozenset[Topic]:
        return frozenset[Topic]().union(*(a.topics for a in self._listening))

    def _answer(self) -> None:
        if self._bell is None:
            return
        messages = self._bell.received(BURST)
        hints: dict[Topic, dict[str, None]] = {}
        for message in messages:
            if (hint := unpacked(message)) is not None:
                hints.setdefault(hint[0], {}).update(dict.fromkeys(hint[1]))
        if len(messages) >= self._queue_limit:  # more may have been turned away
            hints = {topic: {"": None} for topic in self._topics()}
        self._hear(hints)

    def _hear_own(self) -> None:
        self._hear({topic: dict.fromkeys(keys) for topic, keys in self._incoming.take()})

    def _hear(self, hints: dict[Topic, dict[str, None]]) -> None:
        self._heard = True
        for topic, keys in hints.items():
            self._tell(topic, [""] if "" in keys else keys)

    def _tell(self, topic: Topic, keys: Iterable[str]) -> None:
        listeners = [a.listener for a in self._listening if topic in a.topics]
        for key in keys:
            for listener in listeners:
                listener(topic, key)

    def _tick(self) -> None:
        """The safety net: the database changed and no bell has rung, nor does one until the next look."""
        self._timer = self.loop.call_later(LOOK_EVERY, self._tick)
        seen = self._look()
        changed = seen != self._seen
        self._seen = seen
        silent = not self._heard
        self._heard = False
        if silent and (self._unexplained or (changed and self._bell is None)):
            for topic in self._topics():
                self._tell(topic, [""])
            changed = changed and not silent
        self._unexplained = changed and silent

    def _look(self) -> int | None:
        """A number that changes with every commit of anybody else's; `None` while there is no database."""
        try:
            if self._connection is None:
                self._connection = self._database.connect(patience=PATIENCE, read_only=True)
            return self._connection.pragma("data_version")
        except (StoreUnavailable, apsw.Error):
            return None


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop of this thread; `None` where there is none."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _queue_limit() -> int:
    try:
        return int(QUEUE_LIMIT.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return SMALLEST_QUEUE
