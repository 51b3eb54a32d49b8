"""What a Celery worker does with us: its task blocks until the crew of its process has made the attempt."""

import os
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

from outlast.backends.celery.celery_api import exceptions, pools, signals, state
from outlast.backends.celery.child_locks import ChildLocks
from outlast.backends.celery.fleet import TASK, is_redis
from outlast.backends.celery.stop_pipe import StopPipe
from outlast.backends.celery.worker_thread import Opened, SiblingProcesses, WorkerThread
from outlast.core.running.daemon_threads import STOP_GRACE
from outlast.core.running.handoff import HandoffResult
from outlast.core.running.supervisor_link import silence_standard_input
from outlast.core.running.worker import WorkerEnd
from outlast.core.running.worker_options import WorkerOptions
from outlast.domain.errors import OutlastError

SLOW_LOOK = 10.0
"""Seconds of silence of the broker after which a worker looks in the store."""
POOLS = {"celery.concurrency.prefork": True, "celery.concurrency.thread": False}
"""Those that fit, and whether each of their slots is a process."""

Options = Callable[[int, tuple[str, ...]], WorkerOptions]


class CeleryWorkers:
    """Puts a crew into each process of one Celery worker: into its own, or with prefork into each child.

    `options` says what a worker may do, from its concurrency and queues; `opened` opens the store and all around
    it, in the process that needs it; `check` does so for a moment before any process is forked, so that what is
    wrong is said once. `worker_id` and `once` are for a supervisor: it knows its worker, and replaces a worn one.
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
            import_module("outlast.backends.celery.redis_transport").install()
        self._app = app
        self._opened = opened
        self._options = options
        self._check = check
        self._worker_id = worker_id
        self._once = once
        self._controller: Any = None
        self._siblings: SiblingProcesses | None = None
        self._crew: WorkerThread | None = None
        self.end = WorkerEnd.STOPPED
        """Of the crew of this process."""
        app.task(self._session, name=TASK, shared=False)
        for moment, what in (
            (signals.worker_init, self._begin),
            (signals.celeryd_after_setup, self._start_here),
            (signals.worker_process_init, self._start_in_child),
            (signals.worker_shutting_down, self._shutting_down),
            (signals.worker_process_shutdown, self._child_ends),
            (signals.worker_shutdown, self._over),
        ):
            moment.connect(what, weak=False)

    def stop(self) -> None:
        """As a signal would, from any thread."""
        _stop_celery()
        if self._crew is not None:
            self._crew.stop()

    def _session(self, session_id: str) -> HandoffResult:
        """The task. Whatever it says is for Flower alone."""
        if self._crew is None:
            raise exceptions.Reject("This process has no crew.", requeue=True)
        taken = self._crew.take(session_id).result()
        if taken is HandoffResult.REFUSED:
            raise exceptions.Reject("This worker is stopping.", requeue=True)
        return taken

    def _begin(self, sender: Any, **_: Any) -> None:
        if sender.app is not self._app:
            return
        pool: str = pools.get_implementation(sender.pool_cls).__module__
        # Celery logs what a listener raises and goes on, but for this
        if pool not in POOLS:
            raise SystemExit(f"The pools for Outlast are prefork and threads, not {pool}.")
        try:
            self._check()
        except OutlastError as error:
            raise SystemExit(str(error)) from None
        self._controller = sender
        self._siblings = SiblingProcesses(ChildLocks(), StopPipe()) if POOLS[pool] else None

    def _start_here(self, instance: Any, **_: Any) -> None:
        if instance is self._controller and self._siblings is None:
            self._start(instance.concurrency, self._crew_ended, once=self._once)

    def _start_in_child(self, **_: Any) -> None:
        if self._siblings is not None:
            silence_standard_input()
            self._start(1, self._crew_of_child_ended, once=True)

    def _start(self, concurrency: int, on_end: Callable[[WorkerEnd], None], *, once: bool) -> None:
        queues = tuple(self._app.amqp.queues.consume_from)
        self._crew = WorkerThread(
            self._opened,
            self._options(concurrency, queues),
            worker_id=self._worker_id,
            siblings=self._siblings,
            once=once,
            on_end=on_end,
            on_retire=_stop_celery if once and self._siblings is None else lambda: None,
        )
        self._crew.start()

    def _shutting_down(self, **_: Any) -> None:
        """At each signal that asks Celery to stop. It would only wait for its children: they are told."""
        if self._siblings is not None:
            self._siblings.whistle.blow()
        elif self._crew is not None and self._once:
            # the supervisor has a line of its own to stop us: this was sent by somebody else, the analysis maybe
            threading.Thread(target=self._crew.request_replacement, daemon=True).start()
        elif self._crew is not None:
            # from a signal handler, which must not wait for a lock that the thread below it may hold
            threading.Thread(target=self._crew.stop, daemon=True).start()

    def _child_ends(self, **_: Any) -> None:
        self._let_go()

    def _over(self, sender: Any, **_: Any) -> None:
        if sender is self._controller:
            self._let_go()
            if self._siblings is not None:
                self._siblings.close()
                self._siblings = None

    def _let_go(self) -> None:
        """Let what the crew still holds finish for the grace time."""
        if self._crew is not None:
            self._crew.stop()
            self._crew.join(self._options(1, ()).grace + 2 * STOP_GRACE)

    def _crew_ended(self, end: WorkerEnd) -> None:
        self.end = end
        _stop_celery()

    def _crew_of_child_ended(self, end: WorkerEnd) -> None:
        """Without its crew a child is of no use: Celery makes another, or is about to end it."""
        if end is WorkerEnd.REPLACED:
            os._exit(1)


def _stop_celery() -> None:
    """As its own signal handler does."""
    state.should_stop = 0
