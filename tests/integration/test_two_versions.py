"""Two versions of one application side by side: neither spends what only the other understands."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from outlast.backends.clock import SystemClock
from outlast.backends.memory.notifier import MemoryNotifier
from outlast.backends.memory.store import MemoryStore
from outlast.core.analyses.analysis import Analysis
from outlast.core.analyses.catalogue import Catalogue
from outlast.core.session_starts import StartDefaults
from outlast.domain.errors import InvalidInput
from outlast.domain.outcome import Failed
from outlast.domain.status import Status
from outlast.ports.store import StartLimits
from outlast.running import foreign_sessions, worker
from outlast.running.engine import Engine
from outlast.running.foreign_sessions import ForeignSessions
from outlast.running.maintenance import Retention
from outlast.running.worker_options import WorkerOptions
from outlast.testing.acts import claim_of, claim_session, register_worker, start

ME = "a visitor"


async def old_work(text: str) -> str:
    return text


async def new_work(text: str, language: str = "en") -> str:
    return f"{text} in {language}"


@asynccontextmanager
async def version(store, notifier, work):
    catalogue = Catalogue()
    catalogue.add(Analysis("judge", work))
    defaults, retention = StartDefaults(StartLimits(100, 1000), 20.0, 3), Retention(24, 24, 24)
    engine = Engine(store, notifier, catalogue, SystemClock(), defaults, retention)
    await engine.open()
    try:
        yield engine
    finally:
        await engine.close()


async def begin(engine, text):
    return (await engine.sessions.start("judge", {"text": text}, ME)).session.id


async def end_of(engine, session_id):
    return [view async for view in engine.sessions.watch(session_id, owner=ME)][-1].session


async def test_an_old_worker_releases_an_unreadable_session_once_and_a_new_one_runs_it(caplog):
    store, notifier = MemoryStore(SystemClock()), MemoryNotifier()
    options = WorkerOptions(sleep=0.01, grace=0.0)
    async with version(store, notifier, new_work) as new, version(store, notifier, old_work) as old:
        ids = [await begin(new, f"text {n}") for n in range(6)]
        last = await begin(old, "of old")
        old.embed(1, options)
        assert (await end_of(old, last)).status is Status.COMPLETED
        again = await begin(old, "of old, again")
        assert (await end_of(old, again)).status is Status.COMPLETED
        for session_id in ids:
            session = await store.get(session_id, owner=None)
            assert (session.status, session.attempt, session.claim) == (Status.PENDING, 0, 1)
            (line,) = await store.history(session_id)
            assert line.ended == "released"
            assert line.error.startswith("This worker does not understand the input: language")
        assert sum("This worker leaves session" in record.getMessage() for record in caplog.records) == 1
        new.embed(1, options)
        assert {(await end_of(new, session_id)).status for session_id in ids} == {Status.COMPLETED}


class FarStore(MemoryStore):
    """A claim is a while on its way, and says what the worker knew when it was sent."""

    async def claim(self, worker_id, wanted):
        known = replace(wanted, excluding=list(wanted.excluding))
        for _ in range(1_000):
            await asyncio.sleep(0)
        return await super().claim(worker_id, known)


async def test_a_claim_in_transit_does_not_reclaim_a_session_just_released(monkeypatch):
    monkeypatch.setattr(worker, "BATCH", 2)
    store, notifier = FarStore(SystemClock()), MemoryNotifier()
    async with version(store, notifier, new_work) as new, version(store, notifier, old_work) as old:
        ids = [await begin(new, f"text {n}") for n in range(2)]
        last = await begin(old, "of old")
        old.embed(1, WorkerOptions(sleep=0.01, grace=0.0, concurrency=20))
        assert (await end_of(old, last)).status is Status.COMPLETED
        histories = [await store.history(session_id) for session_id in ids]
        assert [[line.ended for line in history] for history in histories] == [["released"], ["released"]]


async def test_a_retry_of_what_this_version_does_not_understand_is_refused_with_a_sentence():
    store, notifier = MemoryStore(SystemClock()), MemoryNotifier()
    async with version(store, notifier, old_work) as old:
        session = await start(store, analysis="judge", input='{"text":"a","language":"en"}')
        register_worker(store)
        await store.finish(
            claim_of(await claim_session(store, session.id)), Failed("It broke.", "error", None, ())
        )
        with pytest.raises(InvalidInput, match="Another version of this site"):
            await old.sessions.retry(session.id, owner=None)


async def test_a_worker_remembers_a_bounded_number_of_what_it_leaves_to_others(monkeypatch):
    monkeypatch.setattr(foreign_sessions, "MAX_FOREIGN", 3)
    store = MemoryStore(SystemClock())
    foreign = ForeignSessions(store, SystemClock())
    sessions = [await start(store, subject=str(n)) for n in range(5)]
    for session in sessions:
        foreign.add(session, "It is new.")
    assert list(foreign.ids) == [session.id for session in sessions[2:]]
