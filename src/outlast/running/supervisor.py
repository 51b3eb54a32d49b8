"""The supervisor: starts worker processes, replaces dead ones, rescues their sessions at once, stops them."""

import asyncio
import logging
import os
import socket
from collections.abc import Collection, Sequence
from contextlib import suppress

from outlast.core.ids import new_worker_id
from outlast.domain.crash_policy import Death
from outlast.domain.errors import StoreUnavailable
from outlast.domain.worker_control import WorkerState
from outlast.ports.store import Store
from outlast.running.maintenance import Maintenance
from outlast.running.process_tree import MARK, OrphanReaper, kill_session
from outlast.running.supervised_process import PING_EVERY, WorkerProcess, cause_of
from outlast.running.supervisor_link import REOPEN

log = logging.getLogger(__name__)

QUICK_DEATH = 5.0
"""A worker that dies within this many seconds counts as a quick death."""
MAX_RESTART_DELAY = 30.0
"""Maximum delay in seconds before a restart, when workers keep dying quickly."""
STORE_TIMEOUT = 1.0
"""Seconds that a replacement waits for the store to rescue the dead worker's sessions."""
IMMEDIATE_RESTARTS = 4
"""After this many quick deaths in a row, restarts are delayed."""
START_CHECK = 0.05
"""Seconds between two looks whether all workers have started."""
REPLACED = 75
"""Exit code of a worker that asked to be replaced."""
KILL_AFTER = 1.2
"""Seconds after its grace time, or after a second stop request, until a worker is killed."""


class Place:
    """Where a supervisor keeps one worker running; an earlier one may be retiring beside it."""

    def __init__(self) -> None:
        self.worker: WorkerProcess | None = None
        self.left = False
        """No worker starts here any more."""
        self._had_started = False

    @property
    def started(self) -> bool:
        """Whether a worker has taken sessions here."""
        return self._had_started or (self.worker is not None and self.worker.started.is_set())

    def put(self, worker: WorkerProcess) -> None:
        """Keep this worker in place of an earlier one."""
        self._had_started = self.started
        self.worker = worker


class Supervisor:
    """Keeps `count` worker processes alive. Each is started by `command` with `--worker-id ID` appended.

    A worker has one end of a socket as its standard input and exits when that closes, so no worker outlives its
    supervisor. A worker that asks to retire is replaced first and may then finish its sessions. A worker that was
    asked to end, through the store, is not replaced. The supervisor ends with its last worker, unless it `stays`.
    """

    def __init__(
        self,
        command: Sequence[str],
        count: int,
        store: Store,
        maintenance: Maintenance,
        *,
        grace: float,
        stays: bool = False,
        paused: bool = False,
    ) -> None:
        self.count = count
        """How many workers it keeps, or starts after a stop."""
        self.stays = stays
        self._command = command
        self._paused = paused
        self._store = store
        self._maintenance = maintenance
        self._grace = grace
        self._host = socket.gethostname()
        self._death_records: set[asyncio.Task[bool]] = set()
        self._workers: set[WorkerProcess] = set()
        self._places: list[Place] = []
        self._group: asyncio.TaskGroup | None = None
        self._stopping = asyncio.Event()
        self._stop_requests = 0
        self._early_ends = 0
        """How many workers have ended before they took sessions."""

    @property
    def places(self) -> Sequence[Place]:
        """The places that it keeps workers in."""
        return [place for place in self._places if not place.left]

    @property
    def state(self) -> WorkerState:
        """What it does: it is draining while workers end that it does not replace, and stopped without any."""
        if self._stopping.is_set():
            return WorkerState.STOPPING
        if self.places:
            return WorkerState.RUNNING
        return WorkerState.DRAINING if self._workers else WorkerState.STOPPED

    def stop(self) -> None:
        """First call: let the workers drain. Second call: stop them now. Kill those that do not exit in time."""
        self._stop_requests += 1
        self._stopping.set()
        self._stop_workers(self._stop_requests)

    def stop_workers(self, *, now: bool = False) -> None:
        """Stop all workers, and replace none of them."""
        for place in self._places:
            place.left = True
        self._stop_workers(2 if now else 1)

    def drain_workers(self) -> None:
        """Let each worker end after its last session, and replace none of them."""
        for place in self.places:
            self.remove(place)

    def restart_workers(self) -> None:
        """Start as many workers as before, if they were stopped."""
        if not self.places and not self._stopping.is_set():
            for _ in range(self.count):
                self.add_place()

    def add_place(self) -> None:
        """Keep one more worker running."""
        if self._group is None or self._stopping.is_set():
            return
        place = Place()
        self._places.append(place)
        self._group.create_task(self._keep_worker_running(place, self._group))

    def remove(self, place: Place) -> None:
        """Let the worker of this place end after its last session, and do not replace it."""
        place.left = True
        if place.worker is not None:
            place.worker.drain()

    async def wait_until_started(self, *, give_up_after: int | None = None) -> int:
        """Wait until every place has a worker that takes sessions; return how many, or 0 once it is stopping.

        Return 0 as well if `give_up_after` workers have ended before they started.
        """
        while not self._stopping.is_set() and (give_up_after is None or self._early_ends < give_up_after):
            if self.places and all(place.started for place in self.places):
                return len(self.places)
            await asyncio.sleep(START_CHECK)
        return 0

    def reopen_logs(self) -> None:
        """Let the workers write to the new log file."""
        for worker in self._workers:
            worker.send(REOPEN)

    async def run(self) -> None:
        """Run until stopped and every worker has exited."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for _ in range(self.count):
                self.add_place()
            if os.getpid() == 1 and self.count:
                reaping = group.create_task(self._reap())
                group.create_task(self._cancel_on_stop(reaping))
            if self.stays:
                group.create_task(self._stopping.wait())
        self._stopping.set()
        await self._finish_recording()

    def _stop_workers(self, requests: int) -> None:
        workers = set(self._workers)
        for worker in workers:
            worker.leaving = True
            while worker.stop_requests < requests:
                worker.stop()
        within = self._grace if requests == 1 else 0.0
        chosen = None if self._stopping.is_set() else workers
        asyncio.get_running_loop().call_later(within + KILL_AFTER, self._kill, chosen)

    async def _keep_worker_running(self, place: Place, group: asyncio.TaskGroup) -> None:
        try:
            await self._keep_replacing(place, group)
        finally:
            place.left = True
            self._places.remove(place)

    async def _keep_replacing(self, place: Place, group: asyncio.TaskGroup) -> None:
        quick_deaths = 0
        retiring: asyncio.Task[bool] | None = None
        worker = await self._start(place)
        supervision = group.create_task(self._supervise(worker))
        while True:
            retire_request = asyncio.create_task(worker.retire_requested.wait())
            await asyncio.wait({supervision, retire_request}, return_when=asyncio.FIRST_COMPLETED)
            retire_request.cancel()
            if not supervision.done() and retiring is not None and not retiring.done():
                await asyncio.wait({supervision, retiring}, return_when=asyncio.FIRST_COMPLETED)
                continue
            if supervision.done():
                quick_deaths = quick_deaths + 1 if supervision.result() else 0
                if not (worker.leaving or place.left):
                    await self._delay_restart(quick_deaths)
            if self._stopping.is_set() or worker.leaving or place.left:
                await asyncio.wait({supervision})
                return
            if supervision.done():
                worker = await self._start(place)
                supervision = group.create_task(self._supervise(worker))
                continue
            replacement = await self._start(place)
            its_supervision = group.create_task(self._supervise(replacement))
            if not await self._takes_over(replacement, its_supervision, supervision):
                place.put(worker)
                if self._stopping.is_set():
                    continue
                quick_deaths += 1
                await self._delay_restart(max(quick_deaths, IMMEDIATE_RESTARTS + 1))
                continue
            log.info("Worker %s retires; %s replaces it.", worker.id, replacement.id)
            worker.retiring = True
            worker.retire()
            if place.left:  # since the replacement began to start
                self.remove(place)
            worker, retiring, supervision = replacement, supervision, its_supervision

    async def _takes_over(
        self, replacement: WorkerProcess, its_supervision: asyncio.Task[bool], supervision: asyncio.Task[bool]
    ) -> bool:
        """Wait until the replacement takes sessions; return `False` if it ends before.

        A new version that cannot start leaves the old workers where they are.
        """
        started = asyncio.create_task(replacement.started.wait())
        await asyncio.wait({started, its_supervision, supervision}, return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        return not its_supervision.done()

    async def _start(self, place: Place) -> WorkerProcess:
        paused = self._paused if place.worker is None else place.worker.paused
        while True:
            try:
                worker = await self._spawn(paused=paused)
                break
            except OSError as error:
                log.warning("The supervisor cannot start a worker and will retry: %s", error)
                await asyncio.sleep(PING_EVERY)
        place.put(worker)
        self._workers.add(worker)
        if place.left:
            self.remove(place)
        for _ in range(self._stop_requests):
            worker.stop()
        return worker

    async def _spawn(self, *, paused: bool) -> WorkerProcess:
        worker_id = new_worker_id()
        parent_end, child_end = socket.socketpair()
        parent_end.setblocking(False)
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                "--worker-id",
                worker_id,
                *(["--paused"] if paused else []),
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
        self._early_ends += not worker.started.is_set()
        if leftover := kill_session(worker.process.pid, worker.id):
            log.warning("Worker %s left %d process(es) behind; they were killed.", worker.id, leftover)
        if worker.stop_requests and (worker.killed or not code):
            await self._release(worker)
            return False
        ended = not code or ((worker.retiring or worker.leaving) and code == REPLACED)
        death = Death(worker.id, worker.killed or cause_of(code), self._host, worker.process.pid)
        held_sessions = await self._record_death(death)
        if worker.stop_requests or ended or (worker.retiring and not held_sessions):
            return False
        log.error("%s%s", death.sentence, "" if worker.retiring or worker.leaving else " It is being replaced.")
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

    def _kill(self, workers: Collection[WorkerProcess] | None) -> None:
        """Kill those of the workers that are still alive; `None`: all."""
        for worker in self._workers if workers is None else self._workers.intersection(workers):
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
