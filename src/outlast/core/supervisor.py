"""Worker processes: start them, replace the dead, give their sessions back at once, stop them in order."""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress

from outlast.core.identity import new_worker_id
from outlast.core.maintenance import Maintenance
from outlast.domain.crash_policy import Death

log = logging.getLogger(__name__)

QUICK_DEATH = 5.0
"""Seconds of life below which a death counts as quick."""
LONGEST_PAUSE = 30.0
"""Seconds before another start, at most, when one worker after the other dies quickly."""
STORE_SLOW = 1.0
"""Seconds that a replacement waits for the store to take back what the dead worker held."""
FREE_DEATHS = 4
"""So many quick deaths in a row are replaced at once."""


class Supervisor:
    """Keeps `count` worker processes alive. `command` starts one; `--worker-id ID` is added to it.

    A worker holds the reading end of a pipe as its standard input and ends when it closes, so that none
    outlives its supervisor.
    """

    def __init__(self, command: Sequence[str], count: int, maintenance: Maintenance) -> None:
        self._command = command
        self._count = count
        self._maintenance = maintenance
        self._host = socket.gethostname()
        self._burials: set[asyncio.Task[bool]] = set()
        self._children: dict[str, asyncio.subprocess.Process] = {}
        self._stop_requests = 0
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """First: let the workers drain. Second: at once. Handed on to them as the same signal."""
        self._stop_requests += 1
        self._stopping.set()
        for child in self._children.values():
            with suppress(ProcessLookupError):
                child.send_signal(signal.SIGTERM)

    async def run(self) -> None:
        """Until stopped and every worker has ended."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._count):
                group.create_task(self._keep_one())
        await self._finish_burials()

    @property
    def pids(self) -> Sequence[int]:
        return [c.pid for c in self._children.values()]

    async def _keep_one(self) -> None:
        loop = asyncio.get_running_loop()
        quick = 0
        while not self._stopping.is_set():
            worker_id = new_worker_id()
            began = loop.time()
            child = await asyncio.create_subprocess_exec(
                *self._command, "--worker-id", worker_id, stdin=asyncio.subprocess.PIPE, start_new_session=True
            )
            self._children[worker_id] = child
            if self._stopping.is_set():
                child.send_signal(signal.SIGTERM)
            code = await child.wait()
            del self._children[worker_id]
            death = Death(worker_id, cause_of(code), self._host, child.pid)
            worked = await self._bury(death)
            if self._stopping.is_set():
                return
            if code:
                log.error("%s It is replaced.", death.sentence)
            # one that held sessions died of its work: their crash counts bound such deaths, and others wait
            quick = quick + 1 if code and not worked and loop.time() - began < QUICK_DEATH else 0
            if quick > FREE_DEATHS:
                pause = min(LONGEST_PAUSE, 2.0 ** (quick - FREE_DEATHS))
                log.error("Workers die as soon as they start; the next in %.0f s.", pause)
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._stopping.wait()

    async def _bury(self, death: Death) -> bool:
        """Whether it is known to have held sessions. The replacement does not wait for a store that is away."""
        burial = asyncio.create_task(self._maintenance.record_death(death))
        self._burials.add(burial)
        burial.add_done_callback(self._burials.discard)
        await asyncio.wait({burial}, timeout=STORE_SLOW)
        if not burial.done():
            log.warning("The store cannot be told yet: %s", death.sentence)
        return burial.done() and burial.result()

    async def _finish_burials(self) -> None:
        """What was seen is written down also when everything stops, if the store is there."""
        if self._burials:
            await asyncio.wait(set(self._burials), timeout=STORE_SLOW)
        for burial in self._burials:
            burial.cancel()


def cause_of(code: int) -> str:
    """How a process ended, by its exit code: the end of a sentence."""
    if code >= 0:
        return f"exited with code {code}"
    with suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"


def python_command(*arguments: str) -> list[str]:
    """This interpreter running the `outlast` command."""
    return [sys.executable, "-m", "outlast", *arguments]
