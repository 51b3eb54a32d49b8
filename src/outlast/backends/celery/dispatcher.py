"""Sends session ids to the fleet, from an outbox and a thread of its own: nobody ever waits for the broker."""

import asyncio
import logging
import random
import threading
from collections.abc import Sequence
from typing import Any

from outlast.backends.celery.fleet import TASK, make_app, patient_only, urgency
from outlast.ports.dispatcher import Waiting

log = logging.getLogger(__name__)

OUTBOX = 10_000
"""Messages that wait for the broker at most. The oldest are dropped: the store offers their sessions again."""
LONGEST_PAUSE = 5.0
"""Seconds between two tries to reach the broker, at most."""
PARTING = 1.0
"""Seconds that the outbox gets to empty at the end."""


class CeleryDispatcher:
    """`Dispatcher`. Its thread begins with the first message, so that a process may fork before."""

    def __init__(self, broker_url: str) -> None:
        self._url = broker_url
        self._app = make_app(broker_url)
        self._changed = threading.Condition()
        self._outbox: dict[str, Waiting] = {}
        """By session: a second message for one that waits here would say nothing new."""
        self._closing = False
        self._away = False
        self._thread: threading.Thread | None = None

    async def open(self) -> None:
        """Connects with the first message."""

    async def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            await asyncio.to_thread(thread.join, PARTING)

    def dispatch(self, waiting: Sequence[Waiting]) -> None:
        with self._changed:
            if self._closing:
                return
            for one in waiting:
                self._outbox[one.session_id] = one
            while len(self._outbox) > OUTBOX:
                del self._outbox[next(iter(self._outbox))]
            if self._thread is None and self._outbox:
                self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        """Connect and send until the end; what goes wrong costs one line in the log and another try."""
        pause = 0.1
        while not self._over():
            try:
                self._send()
            except Exception as error:  # noqa: BLE001 - a service loop
                with self._changed:
                    if self._closing:
                        return
                if not self._away:
                    self._away = True
                    log.warning("The broker is away, workers look in the store meanwhile: %s", error)
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, random.uniform(0, pause))  # noqa: S311 - jitter
                pause = min(LONGEST_PAUSE, pause * 2)
            else:
                pause = 0.1

    def _send(self) -> None:
        """Over one connection, until the end."""
        options = {**self._app.conf.broker_transport_options, **patient_only(self._url), "max_retries": 0}
        with self._app.connection_for_write(transport_options=options) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=2 * LONGEST_PAUSE)
            producer = self._app.amqp.Producer(connection, auto_declare=False)
            while (waiting := self._next()) is not None:
                try:
                    self._publish(producer, waiting)
                except BaseException:
                    self._put_back(waiting)
                    raise
                if self._away:
                    self._away = False
                    log.info("The broker is back.")

    def _publish(self, producer: Any, waiting: Waiting) -> None:
        self._app.send_task(
            TASK,
            args=[waiting.session_id],
            argsrepr=f"({waiting.analysis!r}, {waiting.session_id!r})",
            kwargsrepr="{}",
            queue=waiting.queue,
            priority=urgency(self._url, waiting.priority),
            producer=producer,
            ignore_result=True,
            retry=False,
        )

    def _next(self) -> Waiting | None:
        """The oldest message, once there is one; `None` at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._outbox or self._closing)
            return self._outbox.pop(next(iter(self._outbox))) if self._outbox else None

    def _put_back(self, waiting: Waiting) -> None:
        with self._changed:
            self._outbox = {waiting.session_id: waiting, **self._outbox}

    def _over(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._outbox or self._closing)
            return self._closing and not self._outbox
