"""Embedded workers: each runs in a thread of the host program, with its own event loop."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from outlast.running.event_loop import run_worker_loop
from outlast.running.worker import Worker
from outlast.running.worker_options import WorkerEnd, WorkerOptions

log = logging.getLogger(__name__)

RESTART_DELAY = 1.0
"""Seconds before a crashed worker is restarted."""
RELEASE_WITHIN = 1.5
"""Seconds that a worker gets to release its sessions after the second stop request."""
JOIN_EVERY = 0.05
"""Seconds between checks for a second stop request while joining threads."""

WorkerFactory = Callable[[WorkerOptions], Worker]


class EmbeddedWorker:
    """Keeps one worker running in a thread, so that analysis code never blocks the host's event loop.

    A worker that is due for replacement, or whose event loop is blocked for good, gets a successor in a new thread
    and ends after its last session.
    """

    def __init__(self, make_worker: WorkerFactory, options: WorkerOptions) -> None:
        self._make_worker = make_worker
        self._options = options
        self._lock = threading.Lock()
        self._threads: list[_EmbeddedThread] = []
        self._stop_requests = 0
        self.ended_as_asked = False

    @property
    def alive(self) -> bool:
        """Whether a worker runs or is about to start, or has ended because an operator asked for that."""
        with self._lock:
            return self.ended_as_asked or any(thread.accepting for thread in self._threads)

    def start(self) -> None:
        with self._lock:
            if self._stop_requests == 0:
                thread = _EmbeddedThread(self, self._make_worker, self._options)
                self._threads.append(thread)
                thread.start()

    def request_stop(self) -> None:
        """First call: drain. Second call: release everything now. Thread-safe; does not wait."""
        with self._lock:
            self._stop_requests += 1
            threads = list(self._threads)
        for thread in threads:
            thread.stop()

    async def stop(self, grace: float) -> None:
        """Let the worker drain for `grace` seconds, then release the rest at once."""
        for requests, within in ((1, grace), (2, RELEASE_WITHIN)):
            if self._stop_requests < requests:
                self.request_stop()
            with self._lock:
                threads = list(self._threads)
            await asyncio.to_thread(self._join, threads, within, requests)

    def _join(self, threads: "list[_EmbeddedThread]", within: float, requests: int) -> None:
        """Join the threads, or return early once another caller has requested a quicker stop."""
        end = time.monotonic() + within
        for thread in threads:
            while thread.alive and (remaining := end - time.monotonic()) > 0 and self._stop_requests <= requests:
                thread.join(min(JOIN_EVERY, remaining))

    def replace(self, old: "_EmbeddedThread", retire: Callable[[], None]) -> None:
        """Start a new worker and call `retire`, unless another worker is retiring already."""
        with self._lock:
            others = [thread for thread in self._threads if thread is not old and not thread.accepting]
            if others or not old.accepting:
                return
            old.accepting = False
        log.info("An embedded worker is due for replacement; a new one takes its place.")
        self.start()
        retire()

    def replace_blocked(self, blocked: "_EmbeddedThread") -> None:
        """Start a new worker in place of one whose event loop is blocked for good."""
        with self._lock:
            if blocked not in self._threads:
                return
            self._threads.remove(blocked)
        log.warning("Analysis code blocks the event loop of an embedded worker; a new one takes its place.")
        self.start()

    def on_thread_end(self, thread: "_EmbeddedThread") -> None:
        """Remove an ended thread; start another worker unless it was asked to end, here or through the store."""
        with self._lock:
            if thread not in self._threads:
                return
            self._threads.remove(thread)
            needed = thread.accepting and self._stop_requests == 0
        if needed:
            time.sleep(RESTART_DELAY)
            self.start()


class _EmbeddedThread:
    """The thread of one worker, from its start to its end."""

    def __init__(self, parent: EmbeddedWorker, make_worker: WorkerFactory, options: WorkerOptions) -> None:
        self.accepting = True
        """False once a replacement claims sessions instead."""
        self._parent = parent
        self._make_worker = make_worker
        self._options = replace(options, on_replacement_due=self._on_replacement_due, on_stuck=self._on_stuck)
        self._worker: Worker | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_requests = 0
        self._thread = threading.Thread(target=self._run, name="outlast-worker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def join(self, timeout: float) -> None:
        self._thread.join(timeout)

    def stop(self) -> None:
        """Like `Worker.stop`, but thread-safe."""
        self._stop_requests += 1
        if self._loop is not None and self._worker is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._worker.stop)

    def _run(self) -> None:
        try:
            if run_worker_loop(self._work()) is WorkerEnd.STOPPED:
                self.accepting = False
                self._parent.ended_as_asked = True
        except BaseException:
            log.exception("An embedded worker crashed; another one takes its place.")
        finally:
            self._parent.on_thread_end(self)

    async def _work(self) -> WorkerEnd:
        worker = self._make_worker(self._options)
        self._loop = asyncio.get_running_loop()
        self._worker = worker
        for _ in range(self._stop_requests):  # requested before the worker existed
            worker.stop()
        return await worker.run()

    def _on_replacement_due(self, retire: Callable[[], None]) -> None:
        self._parent.replace(self, retire)

    def _on_stuck(self) -> None:
        self._parent.replace_blocked(self)
