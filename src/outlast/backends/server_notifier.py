"""A notifier through a server that may be unreachable, with connections in a thread of its own."""

import asyncio
import logging
import random
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Protocol

from outlast.backends.hints import Outbox, decode_hint, encode_hint
from outlast.backends.subscribers import Subscribers
from outlast.core.service_loop import run_forever
from outlast.domain.backoff import backoff
from outlast.ports.notifier import Listener, Subscription, Topic

log = logging.getLogger(__name__)

POLL_INTERVAL = 0.2
"""Seconds after which subscribers to a topic that the server does not carry are woken to poll."""
POLL_JITTER = 0.05
"""Additional seconds at most, so that processes do not poll in step."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds between attempts to connect, at most: after the first failure, and after many."""
STABLE_AFTER = 5.0
"""Seconds that a connection has to last for the backoff to start over."""
IDLE_TIMEOUT = 30.0
"""Seconds without a message after which the sending connection is closed."""
OPEN_TIMEOUT = 5.0
"""Seconds that `open` waits for the server."""
FLUSH_TIMEOUT = 1.0
"""Seconds that `close` waits until the outbox has been sent."""
JOIN_TIMEOUT = 3.0
"""Seconds that `close` waits for the thread."""

Send = Callable[[Sequence[tuple[Topic, bytes]]], Awaitable[None]]
"""Sends messages, each on its topic."""


class ServerConnection(Protocol):
    """Connects to one server. The notifier calls it in its own event loop; each call has a timeout."""

    name: str
    max_bytes: int
    """Of one message."""
    connection_errors: tuple[type[Exception], ...]
    """What its methods raise if the server is unreachable."""

    async def receive(self, on_connect: Callable[[], None], on_message: Callable[[bytes], None]) -> None:
        """Connect, call `on_connect`, and call `on_message` with each message; raises if the connection breaks."""
        ...

    def sender(self) -> AbstractAsyncContextManager[Send]:
        """Open a connection to send through."""
        ...


class ServerNotifier:
    """`Notifier` through a server.

    The server carries hints of the `carried` topics; after a lost connection their subscribers check everything.
    Hints of other topics reach the subscribers of this process at once; all others poll several times a second.
    """

    def __init__(self, connection: ServerConnection, carried: Sequence[Topic]) -> None:
        self._connection = connection
        self._carried = tuple(carried)
        self._polled = tuple(topic for topic in Topic if topic not in carried)
        self._origin = secrets.token_hex(6).encode()
        self._subscribers = Subscribers()
        self._outbox = Outbox()
        self._rng = random.Random()  # noqa: S311 - jitter, not secrets
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._queued = asyncio.Event()
        self._flushed = asyncio.Event()
        self._sending = False
        self._closing = asyncio.Event()
        self._receive_health = _Health(f"Receiving wake-ups through {connection.name}")
        self._send_health = _Health(f"Sending wake-ups through {connection.name}")

    async def open(self) -> None:
        """Return once the first connection was made or has failed."""
        if self._thread is not None:
            return
        self._loop = asyncio.SelectorEventLoop()
        self._thread = threading.Thread(
            target=self._run_loop, args=(self._loop,), name=f"wake-ups-{self._connection.name}", daemon=True
        )
        self._thread.start()
        if self._carried:
            await asyncio.to_thread(self._receive_health.tried.wait, OPEN_TIMEOUT)

    async def close(self) -> None:
        """Send what was published before, unless the server takes too long."""
        self._subscribers.clear()
        self._call(self._closing.set)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, JOIN_TIMEOUT)

    def publish(self, topic: Topic, keys: Sequence[str]) -> None:
        self._subscribers.notify(topic, keys)
        if topic in self._carried and self._outbox.put(topic, keys):
            self._call(self._queued.set)

    async def subscribe(self, topics: Sequence[Topic], listener: Listener) -> Subscription:
        return self._subscribers.add(topics, listener)

    def _call(self, callback: Callable[[], None]) -> None:
        """Call it in the notifier's event loop, if that is running."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(callback)

    def _run_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.run_until_complete(self._run())
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()

    async def _run(self) -> None:
        tasks = [asyncio.create_task(self._poll())]
        if self._carried:
            name = self._connection.name
            tasks.append(asyncio.create_task(run_forever(f"Receiving from {name}", self._receive_until_broken)))
            tasks.append(asyncio.create_task(run_forever(f"Sending to {name}", self._send_until_idle)))
        await self._closing.wait()
        if not self._send_health.broken:
            await self._flush()
        pending = set(tasks)
        while pending:  # `wait_for`, which clients use, may swallow a cancellation before Python 3.12
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=0.1)

    async def _flush(self) -> None:
        self._flushed.clear()
        if self._sending or not self._outbox.empty:
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_TIMEOUT):
                    await self._flushed.wait()

    async def _poll(self) -> None:
        while self._polled:
            await asyncio.sleep(POLL_INTERVAL + self._rng.uniform(0, POLL_JITTER))
            for topic in self._polled:
                self._subscribers.notify(topic, [""])

    async def _receive_until_broken(self) -> None:
        try:
            await self._connection.receive(self._on_connect, self._on_message)
        except self._connection.connection_errors as error:
            await asyncio.sleep(self._receive_health.failed(error, self._rng))

    def _on_connect(self) -> None:
        """Have everything checked: hints may have been lost until now."""
        self._receive_health.works()
        for topic in self._carried:
            self._subscribers.notify(topic, [""])

    def _on_message(self, message: bytes) -> None:
        origin, _, content = message.partition(b" ")
        if origin != self._origin and (hint := decode_hint(content)) is not None:
            self._subscribers.notify(*hint)

    async def _send_until_idle(self) -> None:
        await self._wait_for_hints()
        try:
            async with self._connection.sender() as send:
                with suppress(TimeoutError):
                    while True:
                        await self._send_all(send)
                        async with asyncio.timeout(IDLE_TIMEOUT):
                            await self._wait_for_hints()
        except self._connection.connection_errors as error:
            await asyncio.sleep(self._send_health.failed(error, self._rng))

    async def _wait_for_hints(self) -> None:
        while self._outbox.empty:
            self._queued.clear()
            if self._outbox.empty:
                await self._queued.wait()

    async def _send_all(self, send: Send) -> None:
        """Send until the outbox is empty: hints that are published meanwhile go out together."""
        while hints := self._outbox.drain():
            self._sending = True
            try:
                await send([(topic, m) for topic, keys in hints for m in self._messages(topic, keys)])
            except BaseException:
                for topic, keys in hints:
                    self._outbox.put(topic, keys)
                raise
            finally:
                self._sending = False
            self._send_health.works()
        self._flushed.set()

    def _messages(self, topic: Topic, keys: Sequence[str]) -> list[bytes]:
        prefix = self._origin + b" "
        max_bytes = self._connection.max_bytes - len(prefix)
        return [prefix + message for message in encode_hint(topic, keys, max_bytes)]


class _Health:
    """How long one direction has worked or failed; logs once when it breaks and once when it recovers."""

    def __init__(self, activity: str) -> None:
        self.tried = threading.Event()
        """Set once it has worked or failed."""
        self.broken = False
        self._activity = activity
        self._failures = 0
        self._works_since: float | None = None

    def works(self) -> None:
        self.tried.set()
        if self._works_since is None:
            self._works_since = time.monotonic()
        if self.broken:
            self.broken = False
            log.info("%s works again.", self._activity)

    def failed(self, error: Exception, rng: random.Random) -> float:
        """Return the seconds to wait before the next attempt."""
        if not self.broken:
            self.broken = True
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            log.warning("%s failed; until it works again, changes are noticed late: %s", self._activity, reason)
        self.tried.set()
        if self._works_since is not None and time.monotonic() - self._works_since > STABLE_AFTER:
            self._failures = 0
        self._works_since = None
        self._failures += 1
        return backoff(self._failures, rng, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
