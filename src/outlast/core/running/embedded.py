"""Workers inside the program that mounts Outlast: each in a thread with an event loop of its own."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from outlast.core.running.event_loop import run_to_end
from outlast.core.running.worker import Worker
from outlast.core.running.worker_options import WorkerOptions

log = logging.getLogger(__name__)

PAUSE = 1.0
"""Seconds before a worker is started again after one that broke."""
RELEASE_WITHIN = 1.5
"""Seconds that a worker gets to give back what it holds once it was asked to stop at once."""
LOOK_EVERY = 0.05
"""Seconds between looks for a more urgent stop, while threads end."""

Make = Callable[[WorkerOptions], Worker]


class EmbeddedWorker:
    """Keeps one worker going in a thread, so that analysis code never holds up the host's event loop.

    A worker that should be replaced, or whose event loop is blocked for good, gets a successor in a thread of its
    own, and ends with its last session.
    """

    def __init__(self, make: Make, options: WorkerOptions) -> None:
        self._make = make
        self._options = options
        self._lock = threading.Lock()
        self._threads: list[_WorkerThread] = []
        self._stop_requests = 0

    @property
    def alive(self) -> bool:
        """Whether there is a worker, or one is about to start."""
        with self._lock:
            return any(thread.claims for thread in self._threads)

    def start(self) -> None:
        with self._lock:
            if self._stop_requests == 0:
                thread = _WorkerThread(self, self._make, self._options)
                self._threads.append(thread)
                thread.start()

    def request_stop(self) -> None:
        """First: let it drain. Second: have it release what it holds at once. From any thread, without waiting."""
        with self._lock:
            self._stop_requests += 1
            threads = list(self._threads)
        for thread in threads:
            thread.stop()

    async def stop(self, patience: float) -> None:
        """Let it drain; give it `patience` seconds, then have it release what is left at once."""
        for requests, within in ((1, patience), (2, RELEASE_WITHIN)):
            if self._stop_requests < requests:
                self.request_stop()
            with self._lock:
                threads = list(self._threads)
            await asyncio.to_thread(self._join, threads, within, requests)

    def _join(self, threads: "list[_WorkerThread]", within: float, requests: int) -> None:
        """Wait for the threads, but not on once somebody asks for a quicker stop than this one."""
        end = time.monotonic() + within
        for thread in threads:
            while thread.alive and (left := end - time.monotonic()) > 0 and self._stop_requests <= requests:
                thread.join(min(LOOK_EVERY, left))

    def replace(self, worn: "_WorkerThread", retire: Callable[[], None]) -> None:
        """Start a fresh worker and let the worn one go, unless one goes already: then this one stays."""
        with self._lock:
            others = [thread for thread in self._threads if thread is not worn and not thread.claims]
            if others or not worn.claims:
                return
            worn.claims = False
        log.warning("Code of an analysis does not end; a fresh worker takes the place of the one it runs in.")
        self.start()
        retire()

    def give_up(self, stuck: "_WorkerThread") -> None:
        """Start a fresh worker in the place of one whose event loop is blocked for good."""
        with self._lock:
            if stuck not in self._threads:
                return
            self._threads.remove(stuck)
        log.warning("Code of an analysis blocks its event loop for good; a fresh worker takes its place.")
        self.start()

    def ended(self, thread: "_WorkerThread") -> None:
        """It has; when nobody asked it to, another takes its place."""
        with self._lock:
            if thread not in self._threads:
                return
            self._threads.remove(thread)
            wanted = thread.claims and self._stop_requests == 0
        if wanted:
            time.sleep(PAUSE)
            self.start()


class _WorkerThread:
    """One worker, from its start to its end."""

    def __init__(self, keeper: EmbeddedWorker, make: Make, options: WorkerOptions) -> None:
        self.claims = True
        """It takes sessions, or will."""
        self._keeper = keeper
        self._make = make
        self._options = replace(options, on_worn=self._worn, on_stuck=self._stuck)
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
        """As `Worker.stop`, from any thread."""
        self._stop_requests += 1
        if self._loop is not None and self._worker is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._worker.stop)

    def _run(self) -> None:
        try:
            run_to_end(self._work())
        except BaseException:  # a thread that ends must not take the host's sessions with it unseen
            log.exception("A worker broke; another takes its place.")
        finally:
            self._keeper.ended(self)

    async def _work(self) -> None:
        worker = self._make(self._options)
        self._loop = asyncio.get_running_loop()
        self._worker = worker
        for _ in range(self._stop_requests):  # told before there was anybody to hear it
            worker.stop()
        await worker.run()

    def _worn(self, retire: Callable[[], None]) -> None:
        self._keeper.replace(self, retire)

    def _stuck(self) -> None:
        self._keeper.give_up(self)
