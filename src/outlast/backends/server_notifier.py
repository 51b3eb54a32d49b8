"""Wake-ups through a server that may be away: a thread with an event loop keeps the line to it."""

import asyncio
import logging
import random
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Protocol

from outlast.backends.hints import Outbox, packed, unpacked
from outlast.backends.subscribers import Subscribers
from outlast.core.running.service_loop import run_forever
from outlast.domain.retry import backoff
from outlast.ports.notifier import Listener, Subscription, Topic

log = logging.getLogger(__name__)

LOOK_EVERY = 0.2
"""Seconds after which a subscriber to a topic that is not carried is told to look."""
LOOK_JITTER = 0.05
"""Seconds more at most, so that processes do not look in step."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds between attempts to connect, at most: at first, and at last."""
HELD = 5.0
"""Seconds that a connection has to last for the pauses to begin anew."""
IDLE = 30.0
"""Seconds without anything to say after which the speaker hangs up."""
TO_OPEN = 5.0
"""Seconds that opening waits for the server."""
LAST_WORDS = 1.0
"""Seconds that closing waits for what is still to be said."""
TO_END = 3.0
"""Seconds that closing waits for the thread."""

Say = Callable[[Sequence[tuple[Topic, bytes]]], Awaitable[None]]
"""Send messages, each on its topic."""


class ServerConnection(Protocol):
    """The way to one server. Its calls are made in the notifier's own loop; each is limited in time."""

    name: str
    largest: int
    """Bytes of a message."""
    away: tuple[type[Exception], ...]
    """What its calls raise when the server cannot be reached."""

    async def listen(self, connected: Callable[[], None], hear: Callable[[bytes], None]) -> None:
        """Connect, say so, and hear messages until the connection breaks; raises then."""
        ...

    def speaking(self) -> AbstractAsyncContextManager[Say]:
        """A connection to speak through."""
        ...


class ServerNotifier:
    """`Notifier` through a server.

    `carried` topics go over the line, and are all looked at again after it was broken. Of the others, subscribers
    in this process hear at once, and everybody is told to look several times a second.
    """

    def __init__(self, line: ServerConnection, carried: Sequence[Topic]) -> None:
        self._line = line
        self._carried = tuple(carried)
        self._looked_at = tuple(topic for topic in Topic if topic not in carried)
        self._origin = secrets.token_hex(6).encode()
        self._listeners = Subscribers()
        self._outbox = Outbox()
        self._rng = random.Random()  # noqa: S311 - jitter, not secrets
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._to_say = asyncio.Event()
        self._said = asyncio.Event()
        self._sending = False
        self._closing = asyncio.Event()
        self._hearing = _Direction(f"Wake-ups are not heard through {line.name}")
        self._speaking = _Direction(f"Wake-ups are not sent through {line.name}")

    async def open(self) -> None:
        """Returns once the server was reached, or was found to be away."""
        if self._thread is not None:
            return
        self._loop = asyncio.SelectorEventLoop()
        self._thread = threading.Thread(
            target=self._serve, args=(self._loop,), name=f"wake-ups-{self._line.name}", daemon=True
        )
        self._thread.start()
        if self._carried:
            await asyncio.to_thread(self._hearing.tried.wait, TO_OPEN)

    async def close(self) -> None:
        """What was published before is still sent, if the server takes it soon."""
        self._listeners.clear()
        self._call(self._closing.set)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, TO_END)

    def publish(self, topic: Topic, keys: Sequence[str]) -> None:
        self._listeners.tell(topic, keys)
        if topic in self._carried and self._outbox.put(topic, keys):
            self._call(self._to_say.set)

    async def subscribe(self, topics: Sequence[Topic], listener: Listener) -> Subscription:
        return self._listeners.add(topics, listener)

    def _call(self, act: Callable[[], None]) -> None:
        """In the notifier's loop, if there is one."""
        if self._loop is not None:
            with suppress(RuntimeError):  # it is closed
                self._loop.call_soon_threadsafe(act)

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.run_until_complete(self._live())
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()

    async def _live(self) -> None:
        parts = [asyncio.create_task(self._look())]
        if self._carried:
            name = self._line.name
            parts.append(asyncio.create_task(run_forever(f"Listening to {name}", self._hear_until_broken)))
            parts.append(asyncio.create_task(run_forever(f"Speaking to {name}", self._speak_until_idle)))
        await self._closing.wait()
        if not self._speaking.broken:
            await self._speak_out()
        pending = set(parts)
        while pending:  # `wait_for`, which clients use, may swallow a cancellation before Python 3.12
            for part in pending:
                part.cancel()
            _, pending = await asyncio.wait(pending, timeout=0.1)

    async def _speak_out(self) -> None:
        self._said.clear()
        if self._sending or not self._outbox.empty:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS):
                    await self._said.wait()

    async def _look(self) -> None:
        while self._looked_at:
            await asyncio.sleep(LOOK_EVERY + self._rng.uniform(0, LOOK_JITTER))
            for topic in self._looked_at:
                self._listeners.tell(topic, [""])

    async def _hear_until_broken(self) -> None:
        try:
            await self._line.listen(self._connected, self._hear)
        except self._line.away as error:
            await asyncio.sleep(self._hearing.failed(error, self._rng))

    def _connected(self) -> None:
        """Something may have been missed until now."""
        self._hearing.works()
        for topic in self._carried:
            self._listeners.tell(topic, [""])

    def _hear(self, message: bytes) -> None:
        origin, _, content = message.partition(b" ")
        if origin != self._origin and (hint := unpacked(content)) is not None:
            self._listeners.tell(*hint)

    async def _speak_until_idle(self) -> None:
        await self._something_to_say()
        try:
            async with self._line.speaking() as say:
                with suppress(TimeoutError):
                    while True:
                        await self._say_all(say)
                        async with asyncio.timeout(IDLE):
                            await self._something_to_say()
        except self._line.away as error:
            await asyncio.sleep(self._speaking.failed(error, self._rng))

    async def _something_to_say(self) -> None:
        while self._outbox.empty:
            self._to_say.clear()
            if self._outbox.empty:
                await self._to_say.wait()

    async def _say_all(self, say: Say) -> None:
        """What gathers while a message is on its way goes with the next."""
        while hints := self._outbox.take():
            self._sending = True
            try:
                await say([(topic, m) for topic, keys in hints for m in self._messages(topic, keys)])
            except BaseException:
                for topic, keys in hints:
                    self._outbox.put(topic, keys)
                raise
            finally:
                self._sending = False
            self._speaking.works()
        self._said.set()

    def _messages(self, topic: Topic, keys: Sequence[str]) -> list[bytes]:
        own = self._origin + b" "
        return [own + message for message in packed(topic, keys, self._line.largest - len(own))]


class _Direction:
    """Hearing or speaking: how long it works, how often in a row it failed; says so once, and when it is over."""

    def __init__(self, trouble: str) -> None:
        self.tried = threading.Event()
        """It worked or failed once."""
        self.broken = False
        self._trouble = trouble
        self._failures = 0
        self._works_since: float | None = None

    def works(self) -> None:
        self.tried.set()
        if self._works_since is None:
            self._works_since = time.monotonic()
        if self.broken:
            self.broken = False
            log.info("%s: that is over.", self._trouble)

    def failed(self, error: Exception, rng: random.Random) -> float:
        """Seconds to pause."""
        if not self.broken:
            self.broken = True
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            log.warning("%s, so what they tell of is noticed late: %s", self._trouble, reason)
        self.tried.set()
        if self._works_since is not None and time.monotonic() - self._works_since > HELD:
            self._failures = 0
        self._works_since = None
        self._failures += 1
        return backoff(self._failures, rng, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
