"""Worker processes: start them, replace the dead, give their sessions back at once, stop them in order."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress

from outlast.core.ids import new_worker_id
from outlast.core.running.maintenance import Maintenance
from outlast.core.running.process_tree import MARK, OrphanReaper, kill_session
from outlast.core.running.step_journal import Store
from outlast.core.running.supervisor_link import PING, RETIRE, STOP
from outlast.domain.crash_policy import Death
from outlast.domain.errors import StoreUnavailable

log = logging.getLogger(__name__)

QUICK_DEATH = 5.0
"""Seconds of life below which a death counts as quick."""
LONGEST_PAUSE = 30.0
"""Seconds before another start, at most, when one worker after the other dies quickly."""
STORE_SLOW = 1.0
"""Seconds that a replacement waits for the store to take back what the dead worker held."""
FREE_DEATHS = 4
"""So many quick deaths in a row are replaced at once."""
LOOK_EVERY = 1.0
"""Seconds between pings."""
FROZEN_AFTER = 45.0
"""Seconds without an answer after which a worker counts as frozen and is killed."""
KILL_AFTER = 1.2
"""Seconds that a worker gets beyond its grace time, or after a second request to stop, until it is killed."""


class Worker:
    """One child process, with the line to it."""

    def __init__(self, worker_id: str, process: asyncio.subprocess.Process, link: socket.socket) -> None:
        self.id = worker_id
        self.process = process
        self.began = asyncio.get_running_loop().time()
        self.wants_to_retire = asyncio.Event()
        self.killed: str | None = None
        """Why we killed it."""
        self.retires = False
        """It has been replaced, and ends with its last session."""
        self._link = link
        self._answered = self._looked = self.began

    def send(self, message: bytes) -> None:
        with suppress(OSError):
            self._link.send(message)

    def kill(self, why: str) -> None:
        self.killed = self.killed or why
        with suppress(ProcessLookupError):
            self.process.kill()

    async def ended(self) -> int:
        """Its exit status; until then it is asked to answer, and killed when it does not for a long time."""
        listening = asyncio.create_task(self._listen())
        pinging = asyncio.create_task(self._ping())
        try:
            return await self.process.wait()
        finally:
            listening.cancel()
            pinging.cancel()
            self._link.close()

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        while received := await loop.sock_recv(self._link, 1024):
            if PING in received:
                self._answered = loop.time()
            if RETIRE in received:
                self.wants_to_retire.set()

    async def _ping(self) -> None:
        time = asyncio.get_running_loop().time
        while True:
            now = time()
            if now - self._looked > 3 * LOOK_EVERY:  # it was we who stood still
                self._answered = now
            self._looked = now
            if now - self._answered > FROZEN_AFTER:
                self.kill(f"did not answer for {FROZEN_AFTER:.0f} s and was killed")
            self.send(PING)
            await asyncio.sleep(LOOK_EVERY)


class Supervisor:
    """Keeps `count` worker processes alive. `command` starts one; `--worker-id ID` is added to it.

    A worker holds one end of a socket as its standard input and ends when it closes, so that none outlives its
    supervisor. One that asks to retire gets a replacement first, and then as long as its sessions take.
    """

    def __init__(
        self, command: Sequence[str], count: int, store: Store, maintenance: Maintenance, *, grace: float
    ) -> None:
        self._command = command
        self._count = count
        self._store = store
        self._maintenance = maintenance
        self._grace = grace
        self._host = socket.gethostname()
        self._recording: set[asyncio.Task[bool]] = set()
        self._workers: set[Worker] = set()
        self._stop_requests = 0
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """First: let the workers drain. Second: at once. Whoever does not end in time is killed."""
        self._stop_requests += 1
        self._stopping.set()
        for worker in self._workers:
            worker.send(STOP)
        within = self._grace if self._stop_requests == 1 else 0.0
        asyncio.get_running_loop().call_later(within + KILL_AFTER, self._kill_all)

    async def run(self) -> None:
        """Until stopped and every worker has ended."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._count):
                group.create_task(self._keep_one(group))
            if os.getpid() == 1 and self._count:
                reaping = group.create_task(self._reap())
                group.create_task(self._end_with_stop(reaping))
        await self._finish_recording()

    async def _keep_one(self, group: asyncio.TaskGroup) -> None:
        """Keep one place filled; beside its worker there may be one that retires."""
        quick = 0
        retiring: asyncio.Task[bool] | None = None
        worker = await self._start()
        life = group.create_task(self._attend(worker))
        while True:
            wish = asyncio.create_task(worker.wants_to_retire.wait())
            await asyncio.wait({life, wish}, return_when=asyncio.FIRST_COMPLETED)
            wish.cancel()
            if not life.done() and retiring is not None and not retiring.done():
                await asyncio.wait({life, retiring}, return_when=asyncio.FIRST_COMPLETED)
                continue
            if self._stopping.is_set():
                return
            if life.done():
                quick = quick + 1 if life.result() else 0
                await self._pause(quick)
                if self._stopping.is_set():
                    return
                worker = await self._start()
            else:
                replacement = await self._start()
                log.warning("Worker %s retires; %s replaces it.", worker.id, replacement.id)
                worker.retires = True
                worker.send(RETIRE)
                worker, retiring = replacement, life
            life = group.create_task(self._attend(worker))

    async def _start(self) -> Worker:
        while True:
            try:
                worker = await self._spawn()
                break
            except OSError as error:
                log.warning("No worker can be started now: %s", error)
                await asyncio.sleep(LOOK_EVERY)
        self._workers.add(worker)
        for _ in range(self._stop_requests):
            worker.send(STOP)
        return worker

    async def _spawn(self) -> Worker:
        worker_id = new_worker_id()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                "--worker-id",
                worker_id,
                stdin=theirs.fileno(),
                start_new_session=True,
                env={**os.environ, MARK: worker_id},
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return Worker(worker_id, process, ours)

    async def _attend(self, worker: Worker) -> bool:
        """Until it has ended and its sessions are back; whether it died early without having held any."""
        code = await worker.ended()
        self._workers.discard(worker)
        if left := kill_session(worker.process.pid, worker.id):
            log.warning("Worker %s left %d process(es) behind; killed.", worker.id, left)
        if self._stopping.is_set() and (worker.killed or not code):
            await self._release(worker)
            return False
        death = Death(worker.id, worker.killed or cause_of(code), self._host, worker.process.pid)
        worked = await self._record(death)
        if self._stopping.is_set() or not code or (worker.retires and not worked):
            return False
        log.error("%s It is replaced.", death.sentence)
        # one that held sessions died of its work: their crash counts bound such deaths, and others wait
        return not worked and asyncio.get_running_loop().time() - worker.began < QUICK_DEATH

    async def _release(self, worker: Worker) -> None:
        """What ended because we stop is not to blame, even where the store was not there to take it back."""
        try:
            async with asyncio.timeout(STORE_SLOW):
                await self._store.release_worker(worker.id)
        except (StoreUnavailable, TimeoutError):
            log.warning("The sessions of worker %s go back when its lease has lapsed.", worker.id)

    async def _record(self, death: Death) -> bool:
        """Whether it is known to have held sessions. The replacement does not wait for a store that is away."""
        recording = asyncio.create_task(self._maintenance.record_death(death))
        self._recording.add(recording)
        recording.add_done_callback(self._recording.discard)
        await asyncio.wait({recording}, timeout=STORE_SLOW)
        if not recording.done():
            log.warning("The store is not there to record this yet: %s", death.sentence)
        return recording.done() and recording.result()

    async def _finish_recording(self) -> None:
        """What was seen is recorded also when everything stops, if the store is there."""
        if self._recording:
            await asyncio.wait(set(self._recording), timeout=STORE_SLOW)
        for recording in self._recording:
            recording.cancel()

    async def _pause(self, quick_deaths: int) -> None:
        if quick_deaths > FREE_DEATHS:
            pause = min(LONGEST_PAUSE, 2.0 ** (quick_deaths - FREE_DEATHS))
            log.error("Workers die as soon as they start; the next in %.0f s.", pause)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()

    def _kill_all(self) -> None:
        for worker in self._workers:
            log.error("Worker %s (pid %d) did not stop in time; killed.", worker.id, worker.process.pid)
            worker.kill("did not stop in time and was killed")

    async def _reap(self) -> None:
        reaper = OrphanReaper()
        while True:
            await asyncio.sleep(LOOK_EVERY)
            reaper.look()

    async def _end_with_stop(self, task: "asyncio.Task[None]") -> None:
        await self._stopping.wait()
        task.cancel()


def cause_of(code: int) -> str:
    """How a process ended, by its exit code: the end of a sentence."""
    if code >= 0:
        return f"exited with code {code}"
    with suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"
