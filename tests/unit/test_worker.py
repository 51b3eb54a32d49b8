"""A worker's limits, stop, replacement, and handling of lost claims."""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from outlast import Outlast, step
from outlast.app import runtime_of
from outlast.backends.memory.notifier import MemoryNotifier
from outlast.backends.memory.store import MemoryStore
from outlast.domain.crash_policy import SUSPECT_CRASHES
from outlast.domain.progress import StepState
from outlast.domain.session import Claim
from outlast.domain.status import Status
from outlast.ports.notifier import Topic
from outlast.ports.workers import Renewal
from outlast.running import worker as worker_module
from outlast.running.recycling import RecyclingLimits
from outlast.running.worker import Worker
from outlast.running.worker_options import WorkerEnd, WorkerOptions
from outlast.testing.acts import claim_of, claim_session, crash, death_of, read, register_worker, start
from outlast.testing.clock import FakeClock
from waiting import until

INPUT = "{}"


class RecordingStore(MemoryStore):
    """A store that records the arguments of every claim."""

    def __init__(self, clock):
        super().__init__(clock)
        self.claims = []

    async def claim(self, worker_id, wanted):
        sessions = await super().claim(worker_id, wanted)
        self.claims.append((wanted.limit, wanted.most_crashes, len(sessions)))
        return sessions


class Harness:
    """One store, and an analysis whose sessions end when they are released by the test."""

    def __init__(self):
        self.clock = FakeClock()
        self.store = RecordingStore(self.clock)
        self.notifier = MemoryNotifier()
        self.begun = 0
        self.gate = asyncio.Semaphore(0)
        outlast = Outlast()

        @step("Waits")
        async def waits() -> int:
            self.begun += 1
            await self.gate.acquire()
            self.clock.advance(0.5)
            return self.begun

        @outlast.analysis("site", steps=[waits])
        async def site() -> int:
            return await waits()

        self.catalogue = runtime_of(outlast).catalogue

    async def start(self, count, **changes):
        return [await start(self.store, input=INPUT, **changes) for _ in range(count)]

    def worker(self, **options):
        options = WorkerOptions(**{"sleep": 0.01, "concurrency": 10, "grace": 60.0, **options})
        return Worker(
            self.store, self.notifier, self.catalogue, self.clock, random.Random(1), options, worker_id="w"
        )

    def let_go(self, count):
        for _ in range(count):
            self.gate.release()

    async def statuses(self):
        counted = await self.store.count()
        return {status: count for status, count in counted.items() if count}

    @asynccontextmanager
    async def running(self, worker) -> AsyncGenerator[asyncio.Task]:
        task = asyncio.create_task(worker.run())
        try:
            yield task
        finally:
            worker.stop()
            worker.stop()
            await task


async def turns(worker, store, count=3):
    """Let the worker poll this many more times."""
    seen = len(store.claims)
    worker._wake.set()
    async with asyncio.timeout(10):
        while len(store.claims) < seen + count:
            worker._wake.set()
            await asyncio.sleep(0.005)


@pytest.fixture
async def harness():
    return Harness()


async def test_no_more_sessions_are_worked_on_at_once_than_the_concurrency_says(harness):
    await harness.start(9)
    async with harness.running(harness.worker(concurrency=4)):
        await until(lambda: harness.begun == 4)
        await asyncio.sleep(0.05)
        assert harness.begun == 4
        harness.let_go(1)
        await until(lambda: harness.begun == 5)
        assert (await harness.statuses())[Status.PROCESSING] == 4


async def test_a_claim_is_limited_to_a_batch_and_the_next_follows_at_once(harness, monkeypatch):
    monkeypatch.setattr(worker_module, "BATCH", 3)
    await harness.start(8)
    async with harness.running(harness.worker(concurrency=100, sleep=60)):
        await until(lambda: harness.begun == 8)
    assert harness.store.claims[:3] == [(3, 0, 3), (3, 0, 3), (3, 0, 2)]


async def test_a_worker_claims_at_most_max_sessions_and_asks_for_a_replacement(harness):
    sessions = await harness.start(5)
    async with harness.running(harness.worker(limits=RecyclingLimits(sessions=3))) as running:
        await until(lambda: harness.begun == 3)
        assert [limit for limit, _, _ in harness.store.claims] == [3]
        harness.let_go(5)
        assert await running is WorkerEnd.REPLACED
    assert await harness.statuses() == {Status.COMPLETED: 3, Status.PENDING: 2}
    assert [(await read(harness.store, s.id)).attempt for s in sessions] == [1, 1, 1, 0, 0]


async def test_a_worker_asks_once_and_continues_until_its_replacement_starts(harness):
    asked = []
    worker = harness.worker(limits=RecyclingLimits(sessions=1), on_replacement_due=asked.append)
    await harness.start(2)
    async with harness.running(worker) as running:
        harness.let_go(2)
        await until(lambda: asked)
        await until(lambda: not worker._tasks)
        for _ in range(5):
            worker._wake.set()
            await asyncio.sleep(0.01)
        assert len(asked) == 1
        assert not running.done()
        asked[0]()
        assert await running is WorkerEnd.REPLACED
    assert await harness.statuses() == {Status.COMPLETED: 1, Status.PENDING: 1}


async def test_a_worker_asks_for_a_replacement_after_max_seconds(harness):
    worker = harness.worker(limits=RecyclingLimits(seconds=100))
    async with harness.running(worker) as running:
        await turns(worker, harness.store, 1)
        harness.clock.advance(99.9)
        await turns(worker, harness.store)
        assert not running.done()
        harness.clock.advance(0.1)
        assert await running is WorkerEnd.REPLACED


async def test_a_replaced_worker_finishes_its_sessions_and_claims_nothing(harness):
    worker = harness.worker()
    await harness.start(1)
    async with harness.running(worker) as running:
        await until(lambda: harness.begun == 1)
        worker.request_replacement()
        await until(lambda: worker._recycling.replaced)
        await harness.start(1)
        harness.notifier.publish(Topic.WAITING, ["analysis"])
        await asyncio.sleep(0.05)
        assert not running.done()
        harness.let_go(2)
        assert await running is WorkerEnd.REPLACED
    assert harness.begun == 1
    assert await harness.statuses() == {Status.COMPLETED: 1, Status.PENDING: 1}


async def test_the_first_stop_claims_nothing_and_lets_attempts_finish(harness):
    (session,) = await harness.start(1)
    worker = harness.worker()
    async with harness.running(worker) as running:
        await until(lambda: harness.begun == 1)
        worker.stop()
        await harness.start(1)
        harness.notifier.publish(Topic.WAITING, ["analysis"])
        await asyncio.sleep(0.05)
        assert not running.done()
        harness.let_go(2)
        assert await running is WorkerEnd.STOPPED
    assert (await read(harness.store, session.id)).status is Status.COMPLETED
    assert await harness.statuses() == {Status.COMPLETED: 1, Status.PENDING: 1}
    assert not await harness.store.workers()


async def test_sessions_still_running_after_the_grace_time_are_released_unspent(harness):
    (session,) = await harness.start(1)
    worker = harness.worker(grace=0.05)
    async with harness.running(worker) as running:
        await until(lambda: harness.begun == 1)
        worker.stop()
        await asyncio.sleep(0.02)
        assert not running.done()
        harness.clock.advance(0.05)
        assert await running is WorkerEnd.STOPPED
    seen = await read(harness.store, session.id)
    assert (seen.status, seen.attempt, seen.crashes) == (Status.PENDING, 0, 0)


async def test_the_second_stop_releases_everything_at_once(harness):
    (session,) = await harness.start(1)
    worker = harness.worker()
    async with harness.running(worker) as running:
        await until(lambda: harness.begun == 1)
        worker.stop()
        worker.stop()
        assert await running is WorkerEnd.STOPPED
    assert (await read(harness.store, session.id)).attempt == 0


async def test_a_cancel_hint_stops_only_its_session(harness):
    first, second = await harness.start(2)
    async with harness.running(harness.worker()):
        await until(lambda: harness.begun == 2)
        await harness.store.cancel(first.id, owner=None)
        harness.notifier.publish(Topic.CANCEL, [first.id])
        await until(lambda: harness.store._tables.sessions[first.id].status.final)
        assert (await read(harness.store, first.id)).status is Status.CANCELLED
        assert (await read(harness.store, second.id)).status is Status.PROCESSING


async def test_a_renewal_delivers_a_cancel_request_whose_hint_was_lost(harness):
    (session,) = await harness.start(1)
    worker = harness.worker()
    async with harness.running(worker):
        await until(lambda: harness.begun == 1)
        await harness.store.cancel(session.id, owner=None)
        held = frozenset(worker._attempts)
        worker.on_renewal(Renewal(held, frozenset({session.id})))
        await until(lambda: not worker._attempts)
    assert (await read(harness.store, session.id)).status is Status.CANCELLED


async def test_a_claim_missing_from_two_renewals_is_lost(harness):
    first, second = await harness.start(2)
    worker = harness.worker()
    async with harness.running(worker):
        await until(lambda: harness.begun == 2)
        known = frozenset(c for c in worker._attempts if c.session_id == second.id)
        worker.on_renewal(Renewal(known, frozenset()))
        await asyncio.sleep(0.02)
        assert len(worker._attempts) == 2, "a claim may be on its way"
        worker.on_renewal(Renewal(known, frozenset()))
        await until(lambda: len(worker._attempts) == 1)
        assert {c.session_id for c in worker._attempts} == {second.id}
    assert (await read(harness.store, first.id)).claim == 1, "nothing was written"


async def test_a_claim_that_never_arrived_is_released_after_two_renewals(harness, caplog):
    worker = harness.worker()
    async with harness.running(worker):
        await turns(worker, harness.store, 1)
        (session,) = await harness.start(1, queue="elsewhere")
        taken = await harness.store.claim_one("w", session.id)
        stray = Renewal(frozenset({claim_of(taken)}), frozenset())
        worker.on_renewal(stray)
        await asyncio.sleep(0.02)
        assert (await read(harness.store, session.id)).status is Status.PROCESSING
        worker.on_renewal(stray)
        await until(lambda: harness.store._tables.sessions[session.id].status is Status.PENDING)
    assert "claim never reached" in caplog.text
    assert (await read(harness.store, session.id)).attempt == 0


async def test_after_losing_its_lease_a_worker_writes_nothing_and_registers_under_a_new_id(harness):
    (session,) = await harness.start(1)
    worker = harness.worker()
    async with harness.running(worker):
        await until(lambda: harness.begun == 1)
        worker.on_lost()
        await until(lambda: harness.begun == 2)
        assert worker.id != "w"
        seen = await read(harness.store, session.id)
        assert (seen.claim, seen.attempt, seen.worker_id) == (2, 1, worker.id)
        harness.let_go(2)
        await until(lambda: harness.store._tables.sessions[session.id].status.final)
    assert [record.ended for record in await harness.store.history(session.id)] == ["released", "completed"]


async def test_a_claim_passes_the_highest_crash_count_of_held_sessions(harness):
    (session,) = await harness.start(1)
    await crash(harness.store, session.id)
    worker = harness.worker()
    async with harness.running(worker):
        await until(lambda: harness.begun == 1)
        await turns(worker, harness.store, 1)
    assert harness.store.claims[0][1] == 0
    assert harness.store.claims[-1][1] == 1


async def suspect_that_was_beside_others(harness, **changes):
    """Start a session whose workers died twice while it was alone, and once while another was beside it."""
    suspect, other = await harness.start(2, **changes)
    await crash(harness.store, suspect.id, SUSPECT_CRASHES)
    register_worker(harness.store, "both")
    for session in (suspect, other):
        await claim_session(harness.store, session.id, "both")
    await harness.store.rescue_worker("both", death_of("both"))
    await harness.store.cancel(other.id, owner=None)
    return suspect


async def test_a_suspect_that_was_beside_others_runs_alone(harness):
    await harness.start(2)
    suspect = await suspect_that_was_beside_others(harness, timeout=5.0)
    worker = harness.worker()
    async with harness.running(worker):
        await until(lambda: harness.begun == 2)
        assert suspect.id in {claim.session_id for claim in worker._attempts}
        (late,) = await harness.start(1)
        harness.clock.advance(5.1 + worker_module.STOP_GRACE)
        assert not worker.overdue()
        harness.let_go(1)
        await asyncio.sleep(0.05)
        assert harness.begun == 2
        harness.let_go(1)
        await until(lambda: harness.begun == 3)
        assert [claim.session_id for claim in worker._attempts] == [suspect.id]
        await asyncio.sleep(0.05)
        assert (await read(harness.store, late.id)).status is Status.PENDING
        harness.let_go(1)
        await until(lambda: harness.begun == 4)
        assert [claim.session_id for claim in worker._attempts] == [late.id]
    assert (await read(harness.store, suspect.id)).status is Status.COMPLETED


async def test_a_suspect_runs_beside_fresh_sessions_until_a_worker_dies(harness):
    (suspect,) = await harness.start(1)
    await crash(harness.store, suspect.id, SUSPECT_CRASHES)
    worker = harness.worker()
    async with harness.running(worker):
        await until(lambda: harness.begun == 1)
        await harness.start(1)
        worker._wake.set()
        await until(lambda: harness.begun == 2)


@pytest.mark.parametrize("end", ["cancel", "stop"])
async def test_a_suspect_that_waits_to_run_alone_can_be_ended(harness, end):
    await harness.start(1)
    suspect = await suspect_that_was_beside_others(harness)
    worker = harness.worker()
    async with harness.running(worker):
        await until(lambda: harness.begun == 1)
        if end == "cancel":
            await harness.store.cancel(suspect.id, owner=None)
            worker._on_hint(Topic.CANCEL, suspect.id)
            await until(lambda: harness.store._tables.sessions[suspect.id].status is Status.CANCELLED)
            await harness.start(1)
            await until(lambda: harness.begun == 2)
    row = await read(harness.store, suspect.id)
    assert (row.status, row.attempt) == ((Status.CANCELLED, 1) if end == "cancel" else (Status.PENDING, 0))
    assert harness.begun == (2 if end == "cancel" else 1)


async def test_an_attempt_is_overdue_after_its_timeout_and_grace(harness):
    (session,) = await harness.start(1, timeout=10.0)
    worker = harness.worker()
    async with harness.running(worker):
        await until(lambda: harness.begun == 1)
        harness.clock.advance(10 + worker_module.STOP_GRACE)
        assert not worker.overdue()
        harness.clock.advance(0.1)
        ((claim, end),) = worker.overdue()
        assert claim == Claim(session.id, 1)
        assert end.code == "timeout"


async def test_step_durations_weight_the_next_plan(harness):
    await harness.start(1, steps=(StepState("waits", "Waits", 1.0),))
    async with harness.running(harness.worker()):
        await until(lambda: harness.begun == 1)
        harness.let_go(1)
        await until(lambda: harness.store._tables.samples)
    assert await harness.store.durations("site") == {"waits": [500]}


async def test_a_worker_ends_after_its_progress_writer_whatever_that_is_doing(harness, monkeypatch):
    worker, ended = harness.worker(), asyncio.Event()

    async def write(*_):
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)  # as a write that is on its way to a server
            ended.set()

    monkeypatch.setattr(worker._progress_writer, "run", write)
    async with harness.running(worker):
        await turns(worker, harness.store)
    assert ended.is_set()
