"""The supervisor: starts worker processes, replaces dead ones, rescues their sessions at once, stops them."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress

from outlast.core.ids import new_worker_id
from outlast.domain.crash_policy import Death
from outlast.domain.errors import StoreUnavailable
from outlast.ports.store import Store
from outlast.running.maintenance import Maintenance
from outlast.running.process_tree import MARK, OrphanReaper, kill_session
from outlast.running.supervisor_link import PING, RETIRE, STOP

log = logging.getLogger(__name__)

QUICK_DEATH = 5.0
"""A worker that dies within this many seconds counts as a quick death."""
MAX_RESTART_DELAY = 30.0
"""Maximum delay in seconds before a restart, when workers keep dying quickly."""
STORE_TIMEOUT = 1.0
"""Seconds that a replacement waits for the store to rescue the dead worker's sessions."""
IMMEDIATE_RESTARTS = 4
"""After this many quick deaths in a row, restarts are delayed."""
PING_EVERY = 1.0
"""Seconds between pings."""
FROZEN_AFTER = 45.0
"""Seconds without an answer after which a worker counts as frozen and is killed."""
KILL_AFTER = 1.2
"""Seconds after its grace time, or after a second stop request, until a worker is killed."""


class WorkerProcess:
    """One child process and the socket to it."""

    def __init__(self, worker_id: str, process: asyncio.subprocess.Process, link: socket.socket) -> None:
        self.id = worker_id
        self.process = process
        self.started_at = asyncio.get_running_loop().time()
        self.retire_requested = asyncio.Event()
        self.killed: str | None = None
        """Why the supervisor killed it."""
        self.retiring = False
        """It has been replaced and exits after its last session."""
        self._link = link
        self._answered_at = self._pinged_at = self.started_at

    def send(self, message: bytes) -> None:
        with suppress(OSError):
            self._link.send(message)

    def kill(self, why: str) -> None:
        self.killed = self.killed or why
        with suppress(ProcessLookupError):
            self.process.kill()

    async def wait(self) -> int:
        """Wait for the exit status; ping the worker meanwhile and kill it if it does not answer for long."""
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
                self._answered_at = loop.time()
            if RETIRE in received:
                self.retire_requested.set()

    async def _ping(self) -> None:
        time = asyncio.get_running_loop().time
        while True:
            now = time()
            if now - self._pinged_at > 3 * PING_EVERY:  # the supervisor itself was suspended
                self._answered_at = now
            self._pinged_at = now
            if now - self._answered_at > FROZEN_AFTER:
                self.kill(f"did not answer for {FROZEN_AFTER:.0f} s and was killed")
            self.send(PING)
            await asyncio.sleep(PING_EVERY)


class Supervisor:
    """Keeps `count` worker processes alive. Each is started by `command` with `--worker-id ID` appended.

    A worker has one end of a socket as its standard input and exits when that closes, so no worker outlives its
    supervisor. A worker that asks to retire is replaced first and may then finish its sessions.
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
        self._death_records: set[asyncio.Task[bool]] = set()
        self._workers: set[WorkerProcess] = set()
        self._stop_requests = 0
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """First call: let the workers drain. Second call: stop them now. Kill those that do not exit in time."""
        self._stop_requests += 1
        self._stopping.set()
        for worker in self._workers:
            worker.send(STOP)
        within = self._grace if self._stop_requests == 1 else 0.0
        asyncio.get_running_loop().call_later(within + KILL_AFTER, self._kill_all)

    async def run(self) -> None:
        """Run until stopped and every worker has exited."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._count):
                group.create_task(self._keep_worker_running(group))
            if os.getpid() == 1 and self._count:
                reaping = group.create_task(self._reap())
                group.create_task(self._cancel_on_stop(reaping))
        await self._finish_recording()

    async def _keep_worker_running(self, group: asyncio.TaskGroup) -> None:
        """Keep one worker running; an earlier one may be retiring beside it."""
        quick_deaths = 0
        retiring: asyncio.Task[bool] | None = None
        worker = await self._start()
        supervision = group.create_task(self._supervise(worker))
        while True:
            retire_request = asyncio.create_task(worker.retire_requested.wait())
            await asyncio.wait({supervision, retire_request}, return_when=asyncio.FIRST_COMPLETED)
            retire_request.cancel()
            if not supervision.done() and retiring is not None and not retiring.done():
                await asyncio.wait({supervision, retiring}, return_when=asyncio.FIRST_COMPLETED)
                continue
            if self._stopping.is_set():
                return
            if supervision.done():
                quick_deaths = quick_deaths + 1 if supervision.result() else 0
                await self._delay_restart(quick_deaths)
                if self._stopping.is_set():
                    return
                worker = await self._start()
            else:
                replacement = await self._start()
                log.warning("Worker %s retires; %s replaces it.", worker.id, replacement.id)
                worker.retiring = True
                worker.send(RETIRE)
                worker, retiring = replacement, supervision
            supervision = group.create_task(self._supervise(worker))

    async def _start(self) -> WorkerProcess:
        while True:
            try:
                worker = await self._spawn()
                break
            except OSError as error:
                log.warning("The supervisor cannot start a worker and will retry: %s", error)
                await asyncio.sleep(PING_EVERY)
        self._workers.add(worker)
        for _ in range(self._stop_requests):
            worker.send(STOP)
        return worker

    async def _spawn(self) -> WorkerProcess:
        worker_id = new_worker_id()
        parent_end, child_end = socket.socketpair()
        parent_end.setblocking(False)
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                "--worker-id",
                worker_id,
                stdin=child_end.fileno(),
                start_new_session=True,
                env={**os.environ, MARK: worker_id},
            )
        except BaseException:
            parent_end.close()
            raise
        finally:
            child_end.close()
        return WorkerProcess(worker_id, process, parent_end)

    async def _supervise(self, worker: WorkerProcess) -> bool:
        """Wait for the worker to exit and rescue its sessions; return whether it was a quick death without any."""
        code = await worker.wait()
        self._workers.discard(worker)
        if leftover := kill_session(worker.process.pid, worker.id):
            log.warning("Worker %s left %d process(es) behind; they were killed.", worker.id, leftover)
        if self._stopping.is_set() and (worker.killed or not code):
            await self._release(worker)
            return False
        death = Death(worker.id, worker.killed or cause_of(code), self._host, worker.process.pid)
        held_sessions = await self._record_death(death)
        if self._stopping.is_set() or not code or (worker.retiring and not held_sessions):
            return False
        log.error("%s It is being replaced.", death.sentence)
        # the sessions of a worker that held some bound its deaths by their crash counts: restart without delay
        return not held_sessions and asyncio.get_running_loop().time() - worker.started_at < QUICK_DEATH

    async def _release(self, worker: WorkerProcess) -> None:
        """Release a stopped worker's sessions: this is no crash, even while the store is unavailable."""
        try:
            async with asyncio.timeout(STORE_TIMEOUT):
                await self._store.release_worker(worker.id)
        except (StoreUnavailable, TimeoutError):
            log.warning("The store is unavailable; sessions of worker %s wait until its lease lapses.", worker.id)

    async def _record_death(self, death: Death) -> bool:
        """Record the death in the background, and return whether the worker is known to have held sessions."""
        record = asyncio.create_task(self._maintenance.record_death(death))
        self._death_records.add(record)
        record.add_done_callback(self._death_records.discard)
        await asyncio.wait({record}, timeout=STORE_TIMEOUT)
        if not record.done():
            log.warning("The store is unavailable; this death will be recorded later: %s", death.sentence)
        return record.done() and record.result()

    async def _finish_recording(self) -> None:
        """Give pending death records a last chance to be written at shutdown."""
        if self._death_records:
            await asyncio.wait(set(self._death_records), timeout=STORE_TIMEOUT)
        for record in self._death_records:
            record.cancel()

    async def _delay_restart(self, quick_deaths: int) -> None:
        if quick_deaths > IMMEDIATE_RESTARTS:
            pause = min(MAX_RESTART_DELAY, 2.0 ** (quick_deaths - IMMEDIATE_RESTARTS))
            log.error("Workers die as soon as they start; the next one starts in %.0f s.", pause)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()

    def _kill_all(self) -> None:
        for worker in self._workers:
            log.error("Worker %s (pid %d) did not stop in time and is killed.", worker.id, worker.process.pid)
            worker.kill("did not stop in time and was killed")

    async def _reap(self) -> None:
        reaper = OrphanReaper()
        while True:
            await asyncio.sleep(PING_EVERY)
            reaper.reap()

    async def _cancel_on_stop(self, task: "asyncio.Task[None]") -> None:
        await self._stopping.wait()
        task.cancel()


def cause_of(code: int) -> str:
    """Describe an exit code as the predicate of a sentence, such as "was killed by SIGKILL"."""
    if code >= 0:
        return f"exited with code {code}"
    with suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"
