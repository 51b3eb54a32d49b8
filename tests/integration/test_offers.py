"""What the broker of a fleet loses is told again, by whoever keeps the installation."""

import random
from contextlib import asynccontextmanager

from recorder import Recorder

from outlast.backends.memory.notifier import MemoryNotifier
from outlast.backends.memory.store import MemoryStore
from outlast.core.analyses.analysis import Analysis
from outlast.core.analyses.catalogue import Catalogue
from outlast.core.session_starts import StartDefaults
from outlast.ports.dispatcher import OFFER_AGAIN_AFTER
from outlast.ports.store import StartLimits
from outlast.running.engine import Engine
from outlast.running.maintenance import Retention
from outlast.testing.acts import claim_next, claim_of, claim_session, death_of, postponed, register_worker
from outlast.testing.clock import FakeClock


@asynccontextmanager
async def installation():
    clock, catalogue = FakeClock(), Catalogue()

    async def site(n: int) -> int:
        return n

    catalogue.add(Analysis("site", site, queue="slow", priority=3))
    engine = Engine(
        MemoryStore(clock),
        MemoryNotifier(),
        catalogue,
        clock,
        StartDefaults(StartLimits(100, 1000), 20.0, 1),
        Retention(24, 24, 24),
        rng=random.Random(1),
        dispatcher=Recorder(),
    )
    await engine.open(maintain=False)
    yield engine, engine.dispatcher, clock
    await engine.close()


async def start(engine, n=1):
    return (await engine.sessions.start("site", {"n": n}, "me")).session.id


async def test_a_start_is_dispatched_once_it_is_in_the_store_and_one_that_exists_is_not():
    async with installation() as (engine, dispatcher, _):
        session = await start(engine)
        assert [(w.queue, w.priority, w.analysis) for w in dispatcher.messages] == [("slow", 3, "site")]
        assert dispatcher.sent() == [session]
        assert await start(engine) == session
        assert dispatcher.sent() == []


async def test_what_waits_too_long_is_dispatched_again():
    async with installation() as (engine, dispatcher, clock):
        session = await start(engine)
        dispatcher.sent()
        await engine.maintenance._offer()
        assert dispatcher.sent() == []
        clock.advance(OFFER_AGAIN_AFTER)
        await engine.maintenance._offer()
        await engine.maintenance._offer()
        assert dispatcher.sent() == [session]


async def test_what_became_available_again_is_dispatched_with_the_next_look():
    async with installation() as (engine, dispatcher, clock):
        store = engine.store
        put_off, dropped = await start(engine, 1), await start(engine, 2)
        register_worker(store, "w1")
        register_worker(store, "w2")
        await store.finish(claim_of(await claim_session(store, put_off, "w1")), postponed(5))
        await claim_session(store, dropped, "w2")
        dispatcher.sent()
        await store.rescue_worker("w2", death_of("w2"))
        await engine.maintenance._offer()
        assert dispatcher.sent() == [dropped]
        clock.advance(5)
        await engine.maintenance._offer()
        assert dispatcher.sent() == [put_off]


async def test_a_retry_is_dispatched():
    async with installation() as (engine, dispatcher, _):
        session = await start(engine)
        await engine.sessions.cancel(session, owner="me")
        dispatcher.sent()
        await engine.sessions.retry(session, owner="me")
        assert dispatcher.sent() == [session]


async def test_without_a_fleet_nothing_is_offered():
    async with installation() as (engine, dispatcher, clock):
        engine.maintenance._dispatcher = None
        session = await start(engine)
        dispatcher.sent()
        clock.advance(OFFER_AGAIN_AFTER)
        await engine.maintenance._offer()
        assert dispatcher.sent() == []
        register_worker(engine.store)
        assert [s.id for s in await claim_next(engine.store, queues=["slow"])] == [session]
