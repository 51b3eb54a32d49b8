"""A worker's limits, stop, replacement, and handling of lost claims."""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from outlast import Outlast, step
from outlast.backends.memory.notifier import MemoryNotifier
from outlast.backends.memory.store import MemoryStore
from outlast.domain.progress import StepState
from outlast.domain.session import Claim
from outlast.domain.status import Status
from outlast.ports.notifier import Topic
from outlast.ports.workers import Beat
from outlast.running import worker as worker_module
from outlast.running.worker import Worker, WorkerEnd, WorkerOptions
from outlast.testing.acts import crash, read, right, start
from outlast.testing.clock import FakeClock
from waiting import until

INPUT = "{}"


class RecordingStore(MemoryStore):
    """A store that records the arguments of every claim."""

    def __init__(self, clock):
        super().__init__(clock)
        self.claims = []

    async def claim(self, worker_id, *, limit, beside, **wanted):
        sessions = await super().claim(worker_id, limit=limit, beside=beside, **wanted)
        self.claims.append((limit, beside, len(sessions)))
        return sessions


class House:
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

        self.catalogue = outlast.catalogue

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
async def house():
    return House()


async def test_no_more_sessions_are_worked_on_at_once_than_the_concurrency_says(house):
    await house.start(9)
    async with house.running(house.worker(concurrency=4)):
        await until(lambda: house.begun == 4)
        await asyncio.sleep(0.05)
        assert house.begun == 4
        house.let_go(1)
        await until(lambda: house.begun == 5)
        assert (await house.statuses())[Status.PROCESSING] == 4


async def test_a_claim_takes_a_batch_at_most_and_the_next_one_follows_at_once(house, monkeypatch):
    monkeypatch.setattr(worker_module, "BATCH", 3)
    await house.start(8)
    async with house.running(house.worker(concurrency=100, sleep=60)):
        await until(lambda: house.begun == 8)
    assert house.store.claims[:3] == [(3, 0, 3), (3, 0, 3), (3, 0, 2)]


async def test_a_worker_that_has_taken_its_sessions_takes_no_more_and_is_worn(house):
    sessions = await house.start(5)
    async with house.running(house.worker(max_sessions=3)) as running:
        await until(lambda: house.begun == 3)
        assert [limit for limit, _, _ in house.store.claims] == [3]
        house.let_go(5)
        assert await running is WorkerEnd.REPLACED
    assert await house.statuses() == {Status.COMPLETED: 3, Status.PENDING: 2}
    assert [(await read(house.store, s.id)).attempt for s in sessions] == [1, 1, 1, 0, 0]


async def test_it_waits_for_its_replacement_before_it_leaves_and_asks_once(house):
    asked = []
    worker = house.worker(max_sessions=1, on_replacement_due=asked.append)
    await house.start(2)
    async with house.running(worker) as running:
        house.let_go(2)
        await until(lambda: asked)
        await until(lambda: not worker._tasks)
        for _ in range(5):
            worker._wake.set()
            await asyncio.sleep(0.01)
        assert len(asked) == 1
        assert not running.done()
        asked[0]()
        assert await running is WorkerEnd.REPLACED
    assert await house.statuses() == {Status.COMPLETED: 1, Status.PENDING: 1}


async def test_a_worker_is_worn_once_its_time_has_passed_and_not_before(house):
    worker = house.worker(max_seconds=100)
    async with house.running(worker) as running:
        await turns(worker, house.store, 1)
        house.clock.advance(99.9)
        await turns(worker, house.store)
        assert not running.done()
        house.clock.advance(0.1)
        assert await running is WorkerEnd.REPLACED


async def test_one_that_is_worn_finishes_what_it_works_on_and_claims_nothing(house):
    worker = house.worker()
    await house.start(1)
    async with house.running(worker) as running:
        await until(lambda: house.begun == 1)
        worker.request_replacement()
        await until(lambda: worker._recycling.replaced)
        await house.start(1)
        house.notifier.publish(Topic.WAITING, ["analysis"])
        await asyncio.sleep(0.05)
        assert not running.done()
        house.let_go(2)
        assert await running is WorkerEnd.REPLACED
    assert house.begun == 1
    assert await house.statuses() == {Status.COMPLETED: 1, Status.PENDING: 1}


async def test_the_first_stop_claims_nothing_and_lets_attempts_finish(house):
    (session,) = await house.start(1)
    worker = house.worker()
    async with house.running(worker) as running:
        await until(lambda: house.begun == 1)
        worker.stop()
        await house.start(1)
        house.notifier.publish(Topic.WAITING, ["analysis"])
        await asyncio.sleep(0.05)
        assert not running.done()
        house.let_go(2)
        assert await running is WorkerEnd.STOPPED
    assert (await read(house.store, session.id)).status is Status.COMPLETED
    assert await house.statuses() == {Status.COMPLETED: 1, Status.PENDING: 1}
    assert not await house.store.workers()


async def test_when_the_grace_time_is_over_the_rest_is_given_back_unspent(house):
    (session,) = await house.start(1)
    worker = house.worker(grace=0.05)
    async with house.running(worker) as running:
        await until(lambda: house.begun == 1)
        worker.stop()
        await asyncio.sleep(0.02)
        assert not running.done()
        house.clock.advance(0.05)
        assert await running is WorkerEnd.STOPPED
    seen = await read(house.store, session.id)
    assert (seen.status, seen.attempt, seen.crashes) == (Status.PENDING, 0, 0)


async def test_the_second_stop_gives_everything_back_at_once(house):
    (session,) = await house.start(1)
    worker = house.worker()
    async with house.running(worker) as running:
        await until(lambda: house.begun == 1)
        worker.stop()
        worker.stop()
        assert await running is WorkerEnd.STOPPED
    assert (await read(house.store, session.id)).attempt == 0


async def test_a_cancel_stops_its_session_and_no_other(house):
    first, second = await house.start(2)
    async with house.running(house.worker()):
        await until(lambda: house.begun == 2)
        await house.store.cancel(first.id, owner=None)
        house.notifier.publish(Topic.CANCEL, [first.id])
        await until(lambda: house.store._tables.sessions[first.id].status.final)
        assert (await read(house.store, first.id)).status is Status.CANCELLED
        assert (await read(house.store, second.id)).status is Status.PROCESSING


async def test_a_renewal_tells_of_a_cancel_whose_hint_was_lost(house):
    (session,) = await house.start(1)
    worker = house.worker()
    async with house.running(worker):
        await until(lambda: house.begun == 1)
        await house.store.cancel(session.id, owner=None)
        held = frozenset(worker._attempts)
        worker.on_beat(Beat(held, frozenset({session.id})))
        await until(lambda: not worker._attempts)
    assert (await read(house.store, session.id)).status is Status.CANCELLED


async def test_a_claim_is_lost_when_two_renewals_do_not_know_it(house):
    first, second = await house.start(2)
    worker = house.worker()
    async with house.running(worker):
        await until(lambda: house.begun == 2)
        known = frozenset(c for c in worker._attempts if c.session_id == second.id)
        worker.on_beat(Beat(known, frozenset()))
        await asyncio.sleep(0.02)
        assert len(worker._attempts) == 2, "a claim may be on its way"
        worker.on_beat(Beat(known, frozenset()))
        await until(lambda: len(worker._attempts) == 1)
        assert {c.session_id for c in worker._attempts} == {second.id}
    assert (await read(house.store, first.id)).claim == 1, "nothing was written"


async def test_a_claim_that_never_arrived_is_given_back_after_two_renewals(house, caplog):
    worker = house.worker()
    async with house.running(worker):
        await turns(worker, house.store, 1)
        (session,) = await house.start(1, queue="elsewhere")
        taken = await house.store.claim_one("w", session.id)
        stray = Beat(frozenset({right(taken)}), frozenset())
        worker.on_beat(stray)
        await asyncio.sleep(0.02)
        assert (await read(house.store, session.id)).status is Status.PROCESSING
        worker.on_beat(stray)
        await until(lambda: house.store._tables.sessions[session.id].status is Status.PENDING)
    assert "claim never reached" in caplog.text
    assert (await read(house.store, session.id)).attempt == 0


async def test_after_its_lease_is_lost_it_writes_nothing_and_goes_on_under_a_new_name(house):
    (session,) = await house.start(1)
    worker = house.worker()
    async with house.running(worker):
        await until(lambda: house.begun == 1)
        worker.on_lost()
        await until(lambda: house.begun == 2)
        assert worker.id != "w"
        seen = await read(house.store, session.id)
        assert (seen.claim, seen.attempt, seen.worker_id) == (2, 1, worker.id)
        house.let_go(2)
        await until(lambda: house.store._tables.sessions[session.id].status.final)
    assert [record.ended for record in await house.store.history(session.id)] == ["released", "completed"]


async def test_a_claim_says_how_often_what_is_held_has_fallen(house):
    (session,) = await house.start(1)
    await crash(house.store, session.id)
    worker = house.worker()
    async with house.running(worker):
        await until(lambda: house.begun == 1)
        await turns(worker, house.store, 1)
    assert house.store.claims[0][1] == 0
    assert house.store.claims[-1][1] == 1


async def test_what_is_overdue_is_past_its_timeout_and_its_grace(house):
    (session,) = await house.start(1, timeout=10.0)
    worker = house.worker()
    async with house.running(worker):
        await until(lambda: house.begun == 1)
        house.clock.advance(10 + worker_module.STOP_GRACE)
        assert not worker.overdue()
        house.clock.advance(0.1)
        ((claim, end),) = worker.overdue()
        assert claim == Claim(session.id, 1)
        assert end.code == "timeout"


async def test_what_a_step_took_teaches_the_next_plan(house):
    await house.start(1, steps=(StepState("waits", "Waits", 1.0),))
    async with house.running(house.worker()):
        await until(lambda: house.begun == 1)
        house.let_go(1)
        await until(lambda: house.store._tables.samples)
    assert await house.store.durations("site") == {"waits": [500]}


async def test_a_worker_ends_after_its_progress_writer_whatever_that_is_doing(house, monkeypatch):
    worker, ended = house.worker(), asyncio.Event()

    async def write(*_):
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)  # as a write that is on its way to a server
            ended.set()

    monkeypatch.setattr(worker._progress_writer, "run", write)
    async with house.running(worker):
        await turns(worker, house.store)
    assert ended.is_set()
