"""A worker: claims sessions in batches, runs hundreds of attempts at once, settles their ends."""

import asyncio
import logging
import os
import random
import socket
from collections.abc import Coroutine, Generator, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import Any

from outlast.core.analysis import Catalogue
from outlast.core.ids import new_worker_id
from outlast.core.running.attempt import RELEASE_GRACE, Attempt, AttemptServices, StopReason
from outlast.core.running.daemon_threads import STOP_GRACE
from outlast.core.running.event_loop import conceal, conceal_all
from outlast.core.running.foreign_sessions import ForeignSessions
from outlast.core.running.handoff import HandedSession, Handoff, HandoffResult
from outlast.core.running.handoff_claims import HandoffClaims
from outlast.core.running.interpreter_state import InterpreterState
from outlast.core.running.lease import LeaseKeeper
from outlast.core.running.outcome_writer import OutcomeWriter
from outlast.core.running.progress_writer import ProgressWriter
from outlast.core.running.recycling import Recycling
from outlast.core.running.step_journal import Store, StoreJournal, patiently
from outlast.core.running.thread_pool import ContextThreadPool
from outlast.core.running.worker_options import WorkerOptions
from outlast.domain.errors import StoreUnavailable
from outlast.domain.outcome import End, Released
from outlast.domain.session import AnalysisSession, Claim
from outlast.ports.clock import Clock
from outlast.ports.dispatcher import Dispatcher
from outlast.ports.notifier import Notifier, Topic
from outlast.ports.workers import Beat, WorkerInfo

log = logging.getLogger(__name__)

BATCH = 250
"""Sessions per claim at most."""
LEAVE_WITHIN = 1.0
"""Seconds in which a worker that ends writes that it holds nothing any more; otherwise its lease lapses."""


class WorkerEnd(StrEnum):
    """Why a worker's run ended."""

    STOPPED = "stopped"
    """It was told to."""
    WORN = "worn"
    """It has been replaced, and its last session has ended."""


class Worker:
    """One worker. `run` returns when it was told to stop or is worn; nothing is left claimed then.

    With an `inbox` it works on what is handed over there, and looks in the store by itself only when nothing was
    for a while: whatever a fleet's broker loses costs latency alone.
    """

    def __init__(
        self,
        store: Store,
        notifier: Notifier,
        catalogue: Catalogue,
        clock: Clock,
        rng: random.Random,
        options: WorkerOptions,
        *,
        worker_id: str | None = None,
        inbox: Handoff | None = None,
        dispatcher: Dispatcher | None = None,
    ) -> None:
        self._store = store
        self._notifier = notifier
        self._catalogue = catalogue
        self._clock = clock
        self._rng = rng
        self._options = options
        self._foreign = ForeignSessions()
        self._claims: set[asyncio.Future[None]] = set()
        """Claims that the store has not answered yet."""
        self._intake = HandoffClaims(store, catalogue, clock, inbox, self._foreign) if inbox else None
        self.id = worker_id or new_worker_id()
        self._host = socket.gethostname()
        self._attempts: dict[Claim, Attempt] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._wake = asyncio.Event()
        self._differed: set[Claim] = set()
        self._lost = False
        self._releasing = False
        self._stop_requests = 0
        self._interpreter = InterpreterState.capture()
        self._retirement = Recycling(options, clock, self._wake.set)
        self._reporter = ProgressWriter(store, notifier, clock)
        self._settling = OutcomeWriter(store, notifier, self._reporter, dispatcher, clock, rng)
        self._keeper: LeaseKeeper | None = None
        self._surroundings = AttemptServices(
            lambda s: StoreJournal(store, s, clock, rng, self._lapsed), clock, rng
        )

    def stop(self) -> None:
        """First: claim no more, let attempts finish for the grace time, release the rest. Second: release now."""
        self._stop_requests += 1
        self._wake.set()

    def wear_out(self) -> None:
        """Be replaced by a fresh worker; what runs here may end first."""
        self._retirement.want()

    async def run(self) -> WorkerEnd:
        asyncio.get_running_loop().set_default_executor(ContextThreadPool(thread_name_prefix="worker"))
        topics = [Topic.CANCEL] if self._intake else [Topic.WAITING, Topic.CANCEL]
        ears = await self._notifier.subscribe(topics, self._hear)
        reporting = asyncio.create_task(self._reporter.run(self._attempts, self._lose))
        conceal_all()
        try:
            self._keeper = await self._register()
            if self._intake:
                self._intake.inbox.attach(self._wake.set)
            while True:
                if self._lost:
                    self._keeper = await self._start_anew()
                if self._stop_requests > 0:
                    await self._drain()
                    return WorkerEnd.STOPPED
                self._retirement.ask_when_due()
                if self._retirement.agreed:
                    if not self._tasks:
                        return WorkerEnd.WORN
                    self._wake.clear()
                    await self._pause(self._options.sleep)
                elif not await self._claim():
                    await self._pause(self._options.sleep)
        finally:
            if self._keeper:
                self._keeper.stop()
            reporting.cancel()
            await ears.close()
            with suppress(StoreUnavailable, TimeoutError):
                async with asyncio.timeout(LEAVE_WITHIN):
                    await self._store.release_worker(self.id)
            self._notifier.publish(Topic.WAITING, list(self._options.queues))
            # a task that is destroyed in the middle of a write leaves its connection in an unknown state
            await asyncio.wait({reporting}, timeout=LEAVE_WITHIN)

    def on_beat(self, beat: Beat) -> None:
        for claim, attempt in self._attempts.items():
            if claim.session_id in beat.cancel_requested:
                attempt.stop(StopReason.CANCEL)
        # a claim on its way to or from the store differs for a moment: only what differs twice is wrong
        missing = self._attempts.keys() - beat.held
        stray = beat.held - self._attempts.keys()
        self._lose(missing & self._differed)
        for claim in stray & self._differed:
            log.warning("Giving back session %s, whose claim never arrived here.", claim.session_id)
            self._spawn(self._store.finish(claim, Released()))
        self._differed = missing | stray

    def on_lost(self) -> None:
        self._lost = True
        for attempt in self._attempts.values():
            attempt.stop(StopReason.LOST)
        self._wake.set()

    def overdue(self) -> Sequence[tuple[Claim, End]]:
        limit = self._clock.monotonic() - STOP_GRACE
        late = [a for a in list(self._attempts.values()) if a.began + a.session.timeout < limit]
        return [(attempt.claim, attempt.timed_out()) for attempt in late]

    def on_stuck(self) -> None:
        self._options.on_stuck()

    def _hear(self, topic: Topic, key: str) -> None:
        if topic is Topic.CANCEL:
            for claim, attempt in self._attempts.items():
                if claim.session_id == key:
                    attempt.stop(StopReason.CANCEL)
        else:
            self._wake.set()

    def _lapsed(self) -> bool:
        return self._lost or (self._keeper is not None and self._keeper.lapsed())

    def _lose(self, claims: set[Claim]) -> None:
        for claim in claims:
            if claim in self._attempts:
                self._attempts[claim].stop(StopReason.LOST)

    async def _register(self, formerly: str | None = None) -> LeaseKeeper:
        info = WorkerInfo(
            id=self.id,
            host=self._host,
            pid=os.getpid(),
            queues=tuple(self._options.queues),
            analyses=tuple(self._catalogue.names),
            concurrency=self._options.concurrency,
            started_at=self._clock.now(),
            beat_at=self._clock.now(),
            process=self._options.process,
        )
        return await patiently(
            lambda: LeaseKeeper(self._store, info, self, self._clock, formerly=formerly).start(),
            self._clock,
            self._rng,
        )

    async def _start_anew(self) -> LeaseKeeper:
        """After its lease was lost: let go of everything, then register as a new worker.

        What the store still holds in its old name goes back unspent at once: nobody has to wait for its lapse.
        """
        if self._tasks:
            await asyncio.wait(set(self._tasks))
        former, self.id = self.id, new_worker_id()
        await patiently(lambda: self._store.release_worker(former), self._clock, self._rng)
        keeper = await self._register(formerly=former)
        self._lost = False
        log.warning("The worker goes on as %s.", self.id)
        return keeper

    async def _claim(self) -> bool:
        """Take what fits; True when there may be more at once."""
        self._wake.clear()
        if self._intake:
            while self._room() > 0 and (handed := self._intake.next()):
                self._spawn(self._take(self._intake, handed))
            if not self._intake.inbox.silent_for(self._options.sleep):
                return False
        limit = min(self._room(), BATCH)
        if limit <= 0:
            return False
        try:
            with self._claiming():
                sessions = await self._store.claim(
                    self.id,
                    queues=self._options.queues,
                    analyses=self._catalogue.names,
                    limit=limit,
                    beside=self._most_crashes(),
                    passing_over=self._foreign.ids,
                )
        except StoreUnavailable as error:
            log.warning("Cannot claim: %s", error)
            return False
        self._retirement.taken += len(sessions)
        for session in sessions:
            self._begin(session)
        return len(sessions) == limit

    def _room(self) -> int:
        """How many more it may claim."""
        claiming = self._intake.claiming if self._intake else 0
        room = self._options.concurrency - len(self._attempts) - claiming
        if self._options.max_sessions is not None:
            room = min(room, self._options.max_sessions - self._retirement.taken - claiming)
        return room

    def _most_crashes(self) -> int:
        return max((a.session.crashes for a in self._attempts.values()), default=0)

    async def _take(self, intake: HandoffClaims, handed: HandedSession) -> None:
        """Claim what was handed over, if it is to be claimed, and work on it."""
        with self._claiming():
            session = await intake.claim(
                handed, self.id, self._most_crashes, lambda: self._lost or self._stop_requests > 0
            )
        if session is not None:
            self._retirement.taken += 1
            self._begin(session, handed)

    @contextmanager
    def _claiming(self) -> Generator[None]:
        claim = asyncio.get_running_loop().create_future()
        self._claims.add(claim)
        try:
            yield
        finally:
            self._claims.remove(claim)
            claim.set_result(None)

    def _begin(self, session: AnalysisSession, handed: HandedSession | None = None) -> None:
        attempt = Attempt(session, self._catalogue[session.analysis], self._surroundings, self._reporter)
        self._attempts[attempt.claim] = attempt
        if session.cancel_requested_at is not None:
            attempt.stop(StopReason.CANCEL)
        if self._releasing:
            attempt.stop(StopReason.RELEASE)
        ended = self._spawn(self._attempt(attempt))
        if handed:
            ended.add_done_callback(lambda _: handed.answer(HandoffResult.WORKED))

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        conceal(task)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self._wake.set()

    async def _attempt(self, attempt: Attempt) -> None:
        outcome = await attempt.run()
        self._interpreter.restore()
        self._reporter.forget(attempt.claim)
        if isinstance(outcome, Released) and outcome.why is not None:
            self._foreign.add(attempt.session, outcome.why)
            if self._claims:  # they do not know of it yet, and would bring it back
                await asyncio.wait(set(self._claims))
        try:
            await self._settling.settle(attempt, outcome)
        finally:
            del self._attempts[attempt.claim]
            if attempt.abandoned:
                self._retirement.abandoned += 1

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    async def _drain(self) -> None:
        """Let attempts finish; when the grace time is over, or at a second request, give the rest back unspent."""
        end = self._clock.monotonic() + self._options.grace
        while self._tasks and self._stop_requests < 2 and not self._lost:
            left = end - self._clock.monotonic()
            if left <= 0:
                break
            self._wake.clear()
            await self._pause(left)
        self._releasing = True
        for attempt in self._attempts.values():
            attempt.stop(StopReason.RELEASE)
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=RELEASE_GRACE + LEAVE_WITHIN)
