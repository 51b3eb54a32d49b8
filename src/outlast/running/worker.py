"""The worker: claims sessions in batches, runs their attempts concurrently, and writes their outcomes."""

import asyncio
import logging
import os
import random
from collections import Counter
from collections.abc import Coroutine, Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from outlast.core.analyses.catalogue import Catalogue
from outlast.core.ids import new_worker_id
from outlast.core.metric_counts import MetricCounts
from outlast.core.service_loop import retry_until_available
from outlast.core.store_outage import StoreOutage
from outlast.domain.crash_policy import SUSPECT_CRASHES, must_run_alone
from outlast.domain.errors import StoreUnavailable
from outlast.domain.outcome import Completed, End, Failed, Released, Unreadable
from outlast.domain.queue_weights import QueueShares
from outlast.domain.scrubbing import Scrubber
from outlast.domain.session import AnalysisSession, Claim
from outlast.domain.worker_control import WorkerState
from outlast.ports.clock import Clock
from outlast.ports.dispatcher import Dispatcher
from outlast.ports.notifier import Notifier, Topic
from outlast.ports.store import ClaimRequest, Store
from outlast.ports.tracing import Tracing
from outlast.ports.workers import Renewal, WorkerReport
from outlast.running.attempt import RELEASE_GRACE, Attempt, AttemptServices, StopReason
from outlast.running.event_loop import conceal, conceal_all
from outlast.running.foreign_sessions import ForeignSessions
from outlast.running.handoff import HandedSession, Handoff, HandoffClaims, HandoffResult
from outlast.running.interpreter_state import InterpreterState
from outlast.running.lease import LeaseKeeper
from outlast.running.memory_use import resident_bytes
from outlast.running.outcome_writer import OutcomeWriter
from outlast.running.progress_writer import ProgressWriter
from outlast.running.recycling import Recycling
from outlast.running.session_log import log_end
from outlast.running.step_journal import StoreJournal
from outlast.running.threads import STOP_GRACE, ContextThreadPool
from outlast.running.worker_control import WorkerControl
from outlast.running.worker_options import WorkerEnd, WorkerOptions, with_limits, worker_info

log = logging.getLogger(__name__)

BATCH = 250
"""Maximum number of sessions per claim."""
CLAIMS = "A worker's claim"
"""What waits for the store, for the log."""
RELEASE_TIMEOUT = 1.0
"""Seconds that a stopping worker may spend on releasing its lease in the store; after that the lease lapses."""


class Worker:
    """One worker. `run` returns after `stop` or once a replacement took over; the worker then holds no claims.

    With a `handoff`, the worker claims the sessions submitted there and polls the store only after the handoff
    has been idle for a while, so a message lost by the broker costs only latency.
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
        handoff: Handoff | None = None,
        dispatcher: Dispatcher | None = None,
        scrubber: Scrubber | None = None,
        outage: StoreOutage | None = None,
        metric_counts: MetricCounts | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        scrubber, outage = scrubber or Scrubber(), outage or StoreOutage()
        self._outage = outage
        self._store = store
        self._notifier = notifier
        self._catalogue = catalogue
        self._clock = clock
        self._rng = rng
        self._options = options
        self._shares = QueueShares(options.queue_weights)
        self._foreign = ForeignSessions(store, clock)
        self._claim_requests: set[asyncio.Future[None]] = set()
        """Claim requests that the store has not answered yet."""
        self._handoff_claims = (
            HandoffClaims(store, catalogue, clock, handoff, self._foreign, outage) if handoff else None
        )
        self.id = worker_id or new_worker_id()
        self._attempts: dict[Claim, Attempt] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._alone: Attempt | None = None
        """An attempt at a suspect that runs alone, or waits until it can; the worker claims nothing meanwhile."""
        self._wake = asyncio.Event()
        self._mismatched: set[Claim] = set()
        self._lost = False
        self._releasing = False
        self._stop_requests = 0
        self._interpreter = InterpreterState.capture()
        self._recycling = Recycling(self.id, options.limits, options.on_replacement_due, clock, self._wake.set)
        self._control = WorkerControl(self, options.kind, paused=options.paused)
        self._drain_requested = False
        self._told = self.state
        self._ends: Counter[type[object]] = Counter()
        self._progress_writer = ProgressWriter(store, notifier, clock, outage)
        self._metric_counts = metric_counts or MetricCounts()
        self._outcome_writer = OutcomeWriter(
            store,
            notifier,
            self._progress_writer,
            dispatcher,
            clock,
            rng,
            self._metric_counts,
            scrubber=scrubber,
            outage=outage,
        )
        self._lease_keeper: LeaseKeeper | None = None
        self._services = AttemptServices(
            lambda s: StoreJournal(store, s, clock, rng, self._lease_lapsed), clock, rng, scrubber, tracing
        )

    def stop(self) -> None:
        """First call: stop claiming, give attempts the grace time, release the rest. Second call: release now."""
        self._stop_requests += 1
        self._wake.set()

    def request_replacement(self, why: str = "it was sent a signal") -> None:
        """Ask for a replacement; running attempts may finish first. `why` is for the log."""
        self._recycling.request(why)

    def drain(self) -> None:
        """Claim no more, and end after the last session, however long that takes."""
        self._drain_requested = True
        self._wake.set()

    def on_control_change(self) -> None:
        """Called in the event loop when a request has changed what the worker does."""
        self._wake.set()
        self._on_state_change()

    @property
    def state(self) -> WorkerState:
        """What it does with new sessions."""
        if self._stop_requests:
            return WorkerState.STOPPING
        if self._drain_requested or self._recycling.replaced:
            return WorkerState.DRAINING
        return WorkerState.PAUSED if self._control.paused else WorkerState.RUNNING

    async def run(self) -> WorkerEnd:
        asyncio.get_running_loop().set_default_executor(ContextThreadPool(thread_name_prefix="worker"))
        topics = [Topic.CANCEL, Topic.CONTROL]
        topics += [] if self._handoff_claims else [Topic.WAITING]
        subscription = await self._notifier.subscribe(topics, self._on_hint)
        progress_writing = asyncio.create_task(self._progress_writer.run(self._attempts, self._stop_lost))
        conceal_all()
        try:
            self._lease_keeper = await self._register()
            log.info(
                "Worker %s (pid %d) has started, for queue %s.",
                self.id,
                os.getpid(),
                ", ".join(self._options.queues),
            )
            self._options.on_state(self.state)
            if self._handoff_claims:
                self._handoff_claims.handoff.attach(self._wake.set)
            end = await self._work_until_end()
            log.info(
                "Worker %s has ended: %d completed, %d failed, %d released.",
                self.id,
                self._ends[Completed],
                self._ends[Failed],
                self._ends[Released],
            )
            return end
        finally:
            if self._lease_keeper:
                self._lease_keeper.stop()
            progress_writing.cancel()
            await subscription.close()
            with suppress(StoreUnavailable, TimeoutError):
                async with asyncio.timeout(RELEASE_TIMEOUT):
                    await self._store.release_worker(self.id)
            self._notifier.publish(Topic.WAITING, list(self._options.queues))
            # a task that is destroyed in the middle of a write leaves its connection in an unknown state
            await asyncio.wait({progress_writing}, timeout=RELEASE_TIMEOUT)

    async def _work_until_end(self) -> WorkerEnd:
        while True:
            if self._lost:
                self._lease_keeper = await self._register_anew()
            if self._stop_requests > 0:
                self._on_state_change()
                await self._finish_attempts()
                return WorkerEnd.STOPPED
            self._recycling.request_when_due()
            if self._options.once and self._recycling.claimed:
                self._drain_requested = True
            if self._drain_requested or self._recycling.replaced:
                self._on_state_change()
                if not self._tasks:
                    return WorkerEnd.STOPPED if self._drain_requested else WorkerEnd.REPLACED
                self._wake.clear()
                await self._wait_for_wake(self._options.sleep)
            elif self._control.paused or self._recycling.full:
                self._wake.clear()
                await self._wait_for_wake(self._options.sleep)
            elif not await self._claim():
                if self._options.once:
                    self.drain()
                    continue
                await self._wait_for_wake(self._options.sleep)

    def on_renewal(self, renewal: Renewal) -> None:
        if renewal.request is not None:
            self._control.follow(renewal.request)
        for claim, attempt in self._attempts.items():
            if claim.session_id in renewal.cancel_requested:
                attempt.stop(StopReason.CANCEL)
        # a claim in transit to or from the store mismatches briefly: only two mismatches in a row are an error
        missing = self._attempts.keys() - renewal.held
        stray = renewal.held - self._attempts.keys()
        self._stop_lost(missing & self._mismatched)
        for claim in stray & self._mismatched:
            log.warning("Releasing session %s: its claim never reached this worker.", claim.session_id)
            self._spawn(self._store.finish(claim, Released()))
        self._mismatched = missing | stray

    def on_lost(self) -> None:
        self._lost = True
        for attempt in self._attempts.values():
            attempt.stop(StopReason.LOST)
        self._wake.set()

    def overdue(self) -> Sequence[tuple[Claim, End]]:
        return [(attempt.claim, attempt.timed_out()) for attempt in self._overdue()]

    def _overdue(self) -> Sequence[Attempt]:
        limit = self._clock.monotonic() - STOP_GRACE
        return [a for a in list(self._attempts.values()) if a.began + a.session.timeout < limit]

    def on_stuck(self) -> None:
        for attempt in self._overdue():
            worked, end = self._clock.monotonic() - attempt.began, attempt.timed_out()
            log_end(attempt.session, end, self.id, worked, None)
            self._metric_counts.ended(attempt.session, end, worked)
        self._options.on_stuck()

    def on_check(self) -> None:
        if self._recycling.measures_memory:
            self._recycling.note_memory(resident_bytes())

    def report(self) -> WorkerReport:
        return WorkerReport(
            state=self.state,
            memory=resident_bytes(),
            completed=self._ends[Completed],
            failed=self._ends[Failed],
            followed=self._control.followed,
        )

    def _on_state_change(self) -> None:
        """Tell the store and the supervisor, if the state has changed since they were told."""
        if self._told is not self.state:
            self._told = self.state
            log.info("Worker %s is %s; %d session(s) are running.", self.id, self._told, len(self._attempts))
            self._options.on_state(self._told)
            if self._lease_keeper is not None:
                self._lease_keeper.renew_soon()

    def _on_hint(self, topic: Topic, key: str) -> None:
        if topic is Topic.CONTROL:
            if key == self.id and self._lease_keeper is not None:
                self._lease_keeper.renew_soon()
        elif topic is Topic.CANCEL:
            for claim, attempt in self._attempts.items():
                if claim.session_id == key:
                    attempt.stop(StopReason.CANCEL)
        else:
            self._wake.set()

    def _lease_lapsed(self) -> bool:
        return self._lost or (self._lease_keeper is not None and self._lease_keeper.has_lapsed())

    def _stop_lost(self, claims: set[Claim]) -> None:
        for claim in claims:
            if claim in self._attempts:
                self._attempts[claim].stop(StopReason.LOST)

    async def _register(self, previous_id: str | None = None) -> LeaseKeeper:
        info = worker_info(self.id, self._options, self._catalogue.names, self.state, self._clock.now())
        return await retry_until_available(
            lambda: LeaseKeeper(
                self._store, info, self, self._clock, self._outage, previous_id=previous_id
            ).start(),
            self._clock,
            self._rng,
            self._outage,
        )

    async def _register_anew(self) -> LeaseKeeper:
        """Wait for all attempts to stop after the lease was lost, then register under a new id.

        Sessions still claimed under the old id are released unspent, so that nobody has to wait for the lapse.
        """
        if self._tasks:
            await asyncio.wait(set(self._tasks))
        previous_id, self.id = self.id, new_worker_id()
        self._control.forget_requests()
        await retry_until_available(lambda: self._store.release_worker(previous_id), self._clock, self._rng)
        keeper = await self._register(previous_id=previous_id)
        self._lost = False
        log.warning("Worker %s continues as %s.", previous_id, self.id)
        return keeper

    async def _claim(self) -> bool:
        """Claim up to the free capacity; return True if more sessions may be claimable right away."""
        self._wake.clear()
        if self._handoff_claims:
            while self._capacity() > 0 and (handed := self._handoff_claims.next()):
                self._spawn(self._claim_handed(self._handoff_claims, handed))
            if not self._handoff_claims.handoff.idle_for(self._options.sleep):
                return False
        limit = min(self._capacity(), BATCH)
        if limit <= 0:
            return False
        try:
            return await self._claim_up_to(limit) == limit
        except StoreUnavailable as error:
            self._outage.failed(CLAIMS, error)
            return False

    async def _claim_up_to(self, limit: int) -> int:
        """Claim sessions, by the weights of the queues if they have any; return how many."""
        if not self._options.queue_weights:
            return await self._claim_from(self._options.queues, limit)
        left, queues = limit, list(self._options.queues)
        while shares := self._shares.shares(left, queues):
            for queue, share in shares.items():
                claimed = await self._claim_from([queue], share)
                self._shares.record(queue, asked=share, claimed=claimed)
                left -= claimed
                if claimed < share:
                    queues.remove(queue)
                if self._lost or self._stop_requests > 0:
                    return limit - left
        return limit - left

    async def _claim_from(self, queues: Sequence[str], limit: int) -> int:
        with self._claiming():
            analyses = self._catalogue.names
            wanted = ClaimRequest(queues, analyses, limit, self._most_crashes(), self._foreign.ids)
            sessions = await self._store.claim(self.id, wanted)
        self._outage.answered(CLAIMS)
        self._recycling.claimed += len(sessions)
        for session in sessions:
            self._start_attempt(session)
        return len(sessions)

    def _capacity(self) -> int:
        """Return how many more sessions the worker may claim."""
        if self._alone:
            return 0
        claiming = self._handoff_claims.in_flight if self._handoff_claims else 0
        capacity = self._options.concurrency - len(self._attempts) - claiming
        remaining = 1 - self._recycling.claimed if self._options.once else self._recycling.remaining_sessions()
        return capacity if remaining is None else min(capacity, remaining - claiming)

    def _most_crashes(self) -> int:
        return max((a.session.crashes for a in self._attempts.values()), default=0)

    async def _claim_handed(self, handoff_claims: HandoffClaims, handed: HandedSession) -> None:
        """Claim a session from the handoff, if it is claimable, and start its attempt."""
        with self._claiming():
            session = await handoff_claims.claim(
                handed, self.id, self._most_crashes, lambda: self._lost or self._stop_requests > 0
            )
        if session is not None:
            self._recycling.claimed += 1
            self._start_attempt(session, handed)

    @contextmanager
    def _claiming(self) -> Generator[None]:
        claim = asyncio.get_running_loop().create_future()
        self._claim_requests.add(claim)
        try:
            yield
        finally:
            self._claim_requests.remove(claim)
            claim.set_result(None)

    def _start_attempt(self, session: AnalysisSession, handed: HandedSession | None = None) -> None:
        self._metric_counts.claimed(session)
        analysis = self._catalogue[session.analysis]
        limited = with_limits(session, analysis, self._options)
        if limited.max_attempts != session.max_attempts:
            self._spawn(self._store_limit(limited))
        attempt = Attempt(limited, analysis, self._services, self._progress_writer)
        self._attempts[attempt.claim] = attempt
        if session.crashes >= SUSPECT_CRASHES:
            if self._alone:  # two would wait for each other
                attempt.stop(StopReason.RELEASE)
            else:
                self._alone = attempt
        if session.cancel_requested_at is not None:
            attempt.stop(StopReason.CANCEL)
        if self._releasing:
            attempt.stop(StopReason.RELEASE)
        ended = self._spawn(self._run_attempt(attempt))
        if handed:
            ended.add_done_callback(lambda _: handed.resolve(HandoffResult.WORKED))

    async def _store_limit(self, session: AnalysisSession) -> None:
        with suppress(StoreUnavailable):  # the attempt counts by it all the same
            await self._store.limit_attempts(Claim(session.id, session.claim), session.max_attempts)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        conceal(task)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)
        return task

    def _on_task_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self._wake.set()

    async def _run_attempt(self, attempt: Attempt) -> None:
        if attempt is self._alone:
            await self._wait_until_alone(attempt)
        outcome = await attempt.run()
        self._interpreter.restore()
        self._progress_writer.forget(attempt.claim)
        if isinstance(outcome, Unreadable):
            outcome = await self._foreign.end_of(attempt.session, self.id, outcome.fault)
            if self._claim_requests:  # these requests do not exclude the session yet and would claim it again
                await asyncio.wait(set(self._claim_requests))
        try:
            await self._outcome_writer.write(attempt, outcome)
            self._ends[type(outcome)] += 1
        finally:
            del self._attempts[attempt.claim]
            if self._alone is attempt:
                self._alone = None
            if attempt.abandoned:
                self._recycling.abandoned += 1

    async def _wait_until_alone(self, attempt: Attempt) -> None:
        """Wait for all other attempts to end if this one must run alone; claim others meanwhile if it need not."""
        session = attempt.session
        try:
            history = await self._store.history(session.id)
            alone = must_run_alone(session.crashes, sum(record.ended == "crashed" for record in history))
        except StoreUnavailable:
            alone = True
        if not alone:
            self._alone = None
            self._wake.set()
            return
        log.info("Session %s runs alone, because workers died while it ran beside others.", session.id)
        own_task = asyncio.current_task()
        while not attempt.stop_requested.done():
            others = {task for task in self._tasks if task is not own_task} | self._claim_requests
            if not others:
                return
            await asyncio.wait({*others, attempt.stop_requested}, return_when=asyncio.FIRST_COMPLETED)

    async def _wait_for_wake(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    async def _finish_attempts(self) -> None:
        """Let attempts finish; after the grace time, or at a second stop request, release the rest unspent."""
        end = self._clock.monotonic() + self._options.grace
        while self._tasks and self._stop_requests < 2 and not self._lost:
            remaining = end - self._clock.monotonic()
            if remaining <= 0:
                break
            self._wake.clear()
            await self._wait_for_wake(remaining)
        self._releasing = True
        for attempt in self._attempts.values():
            attempt.stop(StopReason.RELEASE)
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=RELEASE_GRACE + RELEASE_TIMEOUT)
