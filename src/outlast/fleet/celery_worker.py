"""Connects a Celery worker to Outlast: its task blocks until the worker thread has run the attempt."""

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from outlast.backends.celery.celery_api import exceptions, pools, signals, state
from outlast.backends.celery.celery_app import TASK, is_redis
from outlast.domain.errors import OutlastError
from outlast.domain.worker_control import WorkerKind
from outlast.fleet.child_locks import ChildLocks
from outlast.fleet.stop_pipe import StopPipe
from outlast.fleet.worker_thread import Opened, SiblingProcesses, WorkerThread
from outlast.running.handoff import HandoffResult
from outlast.running.supervisor_link import silence_standard_input
from outlast.running.threads import STOP_GRACE
from outlast.running.worker_options import WorkerEnd, WorkerOptions

POLL_AFTER_SILENCE = 10.0
"""Seconds without a message from the broker after which a worker polls the store."""
POOLS = {"celery.concurrency.prefork": True, "celery.concurrency.thread": False}
"""The supported pools, and whether each of their slots is a process."""

Options = Callable[[int, tuple[str, ...]], WorkerOptions]


class CeleryWorkers:
    """Runs a worker thread in each process of a Celery worker: in its own, or with prefork in each child.

    `options` makes a worker's options from its concurrency and queues. `opened` opens the engine, in the process
    that uses it. `check` opens it once before any process is forked, so that an error is reported only once. A
    supervisor passes `worker_id`, which it has assigned, and `once`, because it replaces a worn worker itself.
    """

    def __init__(
        self,
        app: Any,
        opened: Opened,
        options: Options,
        *,
        check: Callable[[], None] = lambda: None,
        worker_id: str | None = None,
        once: bool = False,
    ) -> None:
        if is_redis(app.conf.broker_url):
            from outlast.backends.celery import redis_transport  # noqa: PLC0415 - it needs the package redis

            redis_transport.install()
        self._app = app
        self._opened = opened
        self._options = options
        self._check = check
        self._worker_id = worker_id
        self._once = once
        self._controller: Any = None
        self._siblings: SiblingProcesses | None = None
        self._thread: WorkerThread | None = None
        self.end = WorkerEnd.STOPPED
        """Why the worker thread of this process ended."""
        app.task(self._session, name=TASK, shared=False)
        for signal, handler in (
            (signals.worker_init, self._on_init),
            (signals.celeryd_after_setup, self._start_in_main),
            (signals.worker_process_init, self._start_in_child),
            (signals.worker_shutting_down, self._on_shutting_down),
            (signals.worker_process_shutdown, self._on_child_shutdown),
            (signals.worker_shutdown, self._on_shutdown),
        ):
            signal.connect(handler, weak=False)

    def stop(self) -> None:
        """Stop as a signal would, from any thread."""
        _stop_celery()
        if self._thread is not None:
            self._thread.stop()

    def drain(self) -> None:
        """End after the last session, from any thread."""
        if self._thread is not None:
            self._thread.drain()

    def _session(self, session_id: str) -> HandoffResult:
        """Run the task. Only Flower shows its return value."""
        if self._thread is None:
            raise exceptions.Reject("This process has no worker thread.", requeue=True)
        result = self._thread.take(session_id).result()
        if result is HandoffResult.REFUSED:
            raise exceptions.Reject("This worker is stopping.", requeue=True)
        return result

    def _on_init(self, sender: Any, **_: Any) -> None:
        if sender.app is not self._app:
            return
        pool: str = pools.get_implementation(sender.pool_cls).__module__
        # Celery logs other exceptions of a signal handler and continues
        if pool not in POOLS:
            raise SystemExit(f"Outlast supports the pools prefork and threads, not {pool}.")
        try:
            self._check()
        except OutlastError as error:
            raise SystemExit(str(error)) from None
        self._controller = sender
        self._siblings = SiblingProcesses(ChildLocks(), StopPipe()) if POOLS[pool] else None

    def _start_in_main(self, instance: Any, **_: Any) -> None:
        if instance is self._controller and self._siblings is None:
            self._start(instance.concurrency, self._on_end, once=self._once)

    def _start_in_child(self, **_: Any) -> None:
        if self._siblings is not None:
            silence_standard_input()
            self._start(1, self._on_child_end, once=True)

    def _start(self, concurrency: int, on_end: Callable[[WorkerEnd], None], *, once: bool) -> None:
        options = self._options(concurrency, tuple(self._app.amqp.queues.consume_from))
        if self._siblings is not None:
            options = replace(options, kind=WorkerKind.CELERY_CHILD)
        self._thread = WorkerThread(
            self._opened,
            options,
            worker_id=self._worker_id,
            siblings=self._siblings,
            once=once,
            on_end=on_end,
            on_retire=_stop_celery if once and self._siblings is None else lambda: None,
        )
        self._thread.start()

    def _on_shutting_down(self, **_: Any) -> None:
        """Forward each stop signal to the child processes: Celery itself only waits for them."""
        if self._siblings is not None:
            self._siblings.stop_pipe.request_stop()
        elif self._thread is not None and self._once:
            # the supervisor stops workers by other means, so the signal may have come from the analysis
            threading.Thread(target=self._thread.request_replacement, daemon=True).start()
        elif self._thread is not None:
            # a signal handler must not wait for a lock that the interrupted thread may hold
            threading.Thread(target=self._thread.stop, daemon=True).start()

    def _on_child_shutdown(self, **_: Any) -> None:
        self._stop_thread()

    def _on_shutdown(self, sender: Any, **_: Any) -> None:
        if sender is self._controller:
            self._stop_thread()
            if self._siblings is not None:
                self._siblings.close()
                self._siblings = None

    def _stop_thread(self) -> None:
        """Let the attempts of the worker thread finish within the grace time."""
        if self._thread is not None:
            self._thread.stop()
            self._thread.join(self._options(1, ()).grace + 2 * STOP_GRACE)

    def _on_end(self, end: WorkerEnd) -> None:
        self.end = end
        _stop_celery()

    def _on_child_end(self, end: WorkerEnd) -> None:
        """End a child whose worker is worn: Celery starts another one, unless it is stopping."""
        if end is WorkerEnd.REPLACED:
            os._exit(1)


def _stop_celery() -> None:
    """Stop Celery as its own signal handler does."""
    state.should_stop = 0
