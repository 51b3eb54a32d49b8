"""Sends session ids to Celery from an outbox in a thread of its own, so that no caller waits for the broker."""

import asyncio
import logging
import random
import threading
from collections.abc import Sequence
from typing import Any

from outlast.backends.celery.celery_app import TASK, broker_priority, make_app, timeouts
from outlast.ports.dispatcher import WaitingSession

log = logging.getLogger(__name__)

MAX_OUTBOX = 10_000
"""Messages that wait for the broker. Older ones are dropped, as the store offers their sessions again."""
LONGEST_PAUSE = 5.0
"""Seconds between two attempts to reach the broker, at most."""
FLUSH_TIMEOUT = 1.0
"""Seconds that `close` waits until the outbox has been sent."""


class CeleryDispatcher:
    """`Dispatcher`. Its thread starts with the first message, so that a process may fork before."""

    def __init__(self, broker_url: str) -> None:
        self._url = broker_url
        self._app = make_app(broker_url)
        self._changed = threading.Condition()
        self._outbox: dict[str, WaitingSession] = {}
        """By session id, because a second message for the same session would be redundant."""
        self._closing = False
        self._unreachable = False
        self._thread: threading.Thread | None = None

    async def open(self) -> None:
        """Do nothing: the first message connects."""

    async def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            await asyncio.to_thread(thread.join, FLUSH_TIMEOUT)

    def dispatch(self, waiting: Sequence[WaitingSession]) -> None:
        with self._changed:
            if self._closing:
                return
            for session in waiting:
                self._outbox[session.session_id] = session
            while len(self._outbox) > MAX_OUTBOX:
                del self._outbox[next(iter(self._outbox))]
            if self._thread is None and self._outbox:
                self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        """Send until closed; reconnect after an error, and log only the first one."""
        pause = 0.1
        while not self._finished():
            try:
                self._send()
            except Exception as error:  # noqa: BLE001 - a service loop
                with self._changed:
                    if self._closing:
                        return
                if not self._unreachable:
                    self._unreachable = True
                    log.warning("The broker is unreachable; workers poll the store until it is back: %s", error)
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, random.uniform(0, pause))  # noqa: S311 - jitter
                pause = min(LONGEST_PAUSE, pause * 2)
            else:
                pause = 0.1

    def _send(self) -> None:
        """Send over one connection until closed."""
        options = {**self._app.conf.broker_transport_options, **timeouts(self._url), "max_retries": 0}
        with self._app.connection_for_write(transport_options=options) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=2 * LONGEST_PAUSE)
            producer = self._app.amqp.Producer(connection, auto_declare=False)
            while (waiting := self._next()) is not None:
                try:
                    self._publish(producer, waiting)
                except BaseException:
                    self._put_back(waiting)
                    raise
                if self._unreachable:
                    self._unreachable = False
                    log.info("The broker is back.")

    def _publish(self, producer: Any, waiting: WaitingSession) -> None:
        self._app.send_task(
            TASK,
            args=[waiting.session_id],
            argsrepr=f"({waiting.analysis!r}, {waiting.session_id!r})",
            kwargsrepr="{}",
            queue=waiting.queue,
            priority=broker_priority(self._url, waiting.priority),
            producer=producer,
            ignore_result=True,
            retry=False,
        )

    def _next(self) -> WaitingSession | None:
        """Wait for the oldest message and remove it; `None` once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._outbox or self._closing)
            return self._outbox.pop(next(iter(self._outbox))) if self._outbox else None

    def _put_back(self, waiting: WaitingSession) -> None:
        with self._changed:
            self._outbox = {waiting.session_id: waiting, **self._outbox}

    def _finished(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._outbox or self._closing)
            return self._closing and not self._outbox
