"""Workers inside the program that mounts Outlast: each in a thread with an event loop of its own."""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress

from outlast.core.worker import Worker, WorkerEnd

log = logging.getLogger(__name__)


class EmbeddedWorker:
    """Keeps one worker going in a thread, so that analysis code never holds up the host's event loop."""

    def __init__(self, make: Callable[[], Worker]) -> None:
        self._make = make
        self._worker: Worker | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outlast-worker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    async def stop(self, patience: float) -> None:
        """Let it drain; give it `patience` seconds, then have it release what is left at once."""
        self._stopping = True
        self._tell()
        if not await asyncio.to_thread(self._ended.wait, patience):
            self._tell()
            await asyncio.to_thread(self._ended.wait, 10.0)

    def _tell(self) -> None:
        if self._loop is not None and self._worker is not None:
            with suppress(RuntimeError):  # the loop has just closed
                self._loop.call_soon_threadsafe(self._worker.stop)

    def _run(self) -> None:
        try:
            asyncio.run(self._keep())
        finally:
            self._ended.set()

    async def _keep(self) -> None:
        self._loop = asyncio.get_running_loop()
        while not self._stopping:
            self._worker = self._make()
            if self._stopping:  # told before there was anybody to hear it
                self._worker.stop()
            if await self._worker.run() is WorkerEnd.STOPPED:
                return
            log.warning("A worker thread was worn out by code that would not stop; a fresh one takes over.")
