"""A worker that gets sessions from other threads: the store decides, and every handoff gets a result."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from recorder import Recorder

from outlast import Status
from outlast.backends.clock import SystemClock
from outlast.backends.memory.notifier import MemoryNotifier
from outlast.backends.memory.store import MemoryStore
from outlast.core.analyses.analysis import Analysis
from outlast.core.analyses.catalogue import Catalogue
from outlast.core.session_starts import StartDefaults
from outlast.domain.errors import StoreUnavailable
from outlast.ports.notifier import Topic
from outlast.ports.store import StartLimits
from outlast.running.engine import Engine
from outlast.running.handoff import Handoff, HandoffResult
from outlast.running.lease import LeaseKeeper
from outlast.running.maintenance import Retention
from outlast.running.worker_options import WorkerOptions
from outlast.testing.acts import crash, new_session, read, start

SILENCE = 1_000.0


class MoodyStore(MemoryStore):
    """A store that is unavailable for the next few claims."""

    away = 0

    async def claim_one(self, worker_id, session_id):
        if self.away:
            self.away -= 1
            raise StoreUnavailable("It is away.")
        return await super().claim_one(worker_id, session_id)


class Bench:
    """One worker with a handoff, on a store in memory."""

    def __init__(self, engine, options):
        self.engine = engine
        self.store = engine.store
        self.handoff = Handoff()
        self.gate = asyncio.Event()
        self.begun = []
        self.most = self.now = 0
        engine.catalogue.add(Analysis("site", self.site))
        self.worker = engine.worker(options, handoff=self.handoff)

    async def site(self, url: str):
        self.begun.append(url)
        self.now += 1
        self.most = max(self.most, self.now)
        await self.gate.wait()
        self.now -= 1

    async def add(self, url="x", **changes):
        new = new_session(input=f'{{"url":"{url}"}}', **changes)
        return (await self.store.add(new, StartLimits(1_000, 1_000))).session.id

    async def take(self, session_id):
        """Submit a session from another thread and return the result."""
        future = await asyncio.to_thread(self.handoff.submit, session_id)
        async with asyncio.timeout(20):
            return await asyncio.wrap_future(future)

    async def until(self, condition):
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - whatever it waits for has no event
                await asyncio.sleep(0.005)


@asynccontextmanager
async def bench(*, run=True, **options):
    clock = SystemClock()
    engine = Engine(
        MoodyStore(clock),
        MemoryNotifier(),
        Catalogue(),
        clock,
        StartDefaults(StartLimits(100, 1000), 20.0, 3),
        Retention(24, 24, 24),
        dispatcher=Recorder(),
    )
    await engine.open(maintain=False)
    made = Bench(engine, WorkerOptions(**{"sleep": SILENCE, "grace": 0.0, "concurrency": 2, **options}))
    if not run:
        yield made
        return
    running = asyncio.create_task(made.worker.run())
    await made.until(lambda: made.handoff._wake is not None)
    # its first look, at a store that is empty, is over when it has taken something
    made.handoff.submit("nothing")
    try:
        yield made
    finally:
        made.worker.stop()
        made.worker.stop()
        await running
        await engine.close()


async def test_a_handed_session_resolves_when_its_attempt_has_ended():
    async with bench() as b:
        session = await b.add()
        answer = asyncio.create_task(b.take(session))
        await b.until(lambda: b.begun)
        assert not answer.done()
        b.gate.set()
        assert await answer is HandoffResult.WORKED
        assert (await read(b.store, session)).status is Status.COMPLETED


async def test_what_is_not_to_be_done_is_ignored():
    async with bench() as b:
        b.gate.set()
        done, foreign = await b.add(), await b.add(analysis="another")
        assert await b.take(done) is HandoffResult.WORKED
        for session in (done, foreign, "a" * 26, ""):
            assert await b.take(session) is HandoffResult.IGNORED
        assert len(b.begun) == 1
        assert (await read(b.store, foreign)).claim == 0


async def test_what_only_another_version_understands_is_claimed_once_and_ignored_from_then_on():
    async with bench() as b:
        foreign = (await start(b.store, input='{"url":"x","language":"en"}')).id
        await b.take(foreign)
        assert await b.take(foreign) is HandoffResult.IGNORED
        session = await read(b.store, foreign)
        assert (session.status, session.claim, session.attempt) == (Status.PENDING, 1, 0)


async def test_three_concurrent_handoffs_are_one_attempt():
    async with bench(concurrency=5) as b:
        session = await b.add()
        answers = [asyncio.create_task(b.take(session)) for _ in range(3)]
        await b.until(lambda: sum(a.done() for a in answers) == 2)
        b.gate.set()
        assert sorted(await asyncio.gather(*answers)) == [
            HandoffResult.IGNORED,
            HandoffResult.IGNORED,
            HandoffResult.WORKED,
        ]
        assert b.begun == ["x"]


async def test_at_most_concurrency_sessions_are_claimed_and_the_others_wait():
    async with bench(concurrency=2) as b:
        sessions = [await b.add(f"{n}") for n in range(5)]
        answers = [asyncio.create_task(b.take(session)) for session in sessions]
        await b.until(lambda: len(b.begun) == 2)
        held = [s for s in sessions if (await read(b.store, s)).claim]
        assert len(held) == 2
        b.gate.set()
        assert await asyncio.gather(*answers) == [HandoffResult.WORKED] * 5
        assert b.most == 2


@pytest.mark.parametrize("crashes", [1, 2])
async def test_a_suspect_is_ignored_beside_a_session_that_has_crashed(crashes: int):
    async with bench(concurrency=5) as b:
        fallen, suspect = await b.add("fallen"), await b.add("suspect")
        await crash(b.store, fallen, times=crashes)
        await crash(b.store, suspect, times=2)
        first = asyncio.create_task(b.take(fallen))
        await b.until(lambda: b.begun)
        assert await b.take(suspect) is HandoffResult.IGNORED
        b.gate.set()
        assert await first is HandoffResult.WORKED
        assert await b.take(suspect) is HandoffResult.WORKED


async def test_a_worker_that_fails_to_register_receives_no_more_hints(monkeypatch):
    async with bench(run=False) as b:
        monkeypatch.setattr(LeaseKeeper, "start", None)  # whatever goes wrong
        with pytest.raises(TypeError):
            await b.engine.worker(WorkerOptions()).run()
        assert not b.engine.notifier._subscribers.has(Topic.WAITING)


async def test_a_store_that_is_away_costs_time_and_no_session(monkeypatch):
    monkeypatch.setattr("outlast.running.handoff.RETRY_DELAY", 0.01)
    async with bench() as b:
        b.gate.set()
        session = await b.add()
        b.store.away = 3
        assert await b.take(session) is HandoffResult.WORKED
        assert b.store.away == 0


async def test_a_stopping_worker_refuses_unstarted_sessions_and_releases_the_rest():
    async with bench(concurrency=1) as b:
        running, waiting = await b.add("running"), await b.add("waiting")
        first = asyncio.create_task(b.take(running))
        await b.until(lambda: b.begun)
        second = asyncio.create_task(b.take(waiting))
        await b.until(lambda: b.handoff._waiting)
        b.handoff.close()
        b.worker.stop()
        assert await second is HandoffResult.REFUSED
        assert await first is HandoffResult.WORKED
        assert await b.take(waiting) is HandoffResult.REFUSED
        row = await read(b.store, running)
        assert (row.status, row.attempt) == (Status.PENDING, 0)
        assert b.engine.dispatcher.sent() == [running], "the fleet hears of it at once"


async def test_an_idle_handoff_makes_the_worker_poll_the_store():
    async with bench(sleep=0.05) as b:
        b.gate.set()
        session = await b.add()
        await b.until(lambda: b.begun)
        await b.until(lambda: b.store._tables.sessions[session].status.final)


async def test_an_inbox_that_is_not_silent_is_the_only_way_in():
    async with bench(sleep=SILENCE) as b:
        b.gate.set()
        other, session = await b.add("other"), await b.add("handed")
        assert await b.take(session) is HandoffResult.WORKED
        assert (await read(b.store, other)).claim == 0


async def test_a_worker_polls_the_store_when_it_starts():
    async with bench(run=False) as b:
        b.gate.set()
        await b.add()
        running = asyncio.create_task(b.worker.run())
        await b.until(lambda: b.begun)
        b.worker.stop()
        await running
        await b.engine.close()
