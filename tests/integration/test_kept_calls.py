"""A kept result belongs to the call that made it, in every store and for every kind of analysis."""

import json
from collections import Counter
from contextlib import asynccontextmanager

import kept_analyses
import pytest

from outlast.backends.clock import SystemClock
from outlast.backends.memory.notifier import MemoryNotifier
from outlast.backends.memory.store import MemoryStore
from outlast.backends.postgres.store import PostgresStore
from outlast.backends.sqlite.store import SQLiteStore
from outlast.core.analyses.analysis import Analysis
from outlast.core.analyses.catalogue import Catalogue
from outlast.core.session_starts import StartDefaults
from outlast.domain.status import Status
from outlast.ports.store import StartLimits
from outlast.running.engine import Engine
from outlast.running.maintenance import Retention
from outlast.running.worker_options import WorkerOptions
from sqlite_template import put_store

ME = "a visitor"
KINDS = [("async", None), ("async", "process"), ("def", None), ("def", "process")]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request, tmp_path):
    clock = SystemClock()
    match request.param:
        case "sqlite":
            return SQLiteStore(put_store(tmp_path), clock)
        case "postgres":
            return PostgresStore(request.getfixturevalue("postgres_url"), clock)
        case _:
            return MemoryStore(clock)


@asynccontextmanager
async def working(store, *analyses):
    catalogue = Catalogue()
    for analysis in analyses:
        catalogue.add(analysis)
    defaults = StartDefaults(StartLimits(100, 1000), timeout=60.0, max_attempts=3)
    engine = Engine(store, MemoryNotifier(), catalogue, SystemClock(), defaults, Retention(24, 24, 24))
    await engine.open()
    engine.embed(1, WorkerOptions(sleep=0.05, grace=0.0))
    try:
        yield engine
    finally:
        await engine.close()


async def end(engine, name, **values):
    session = (await engine.sessions.start(name, values, ME)).session.id
    views = [view async for view in engine.sessions.watch(session, owner=ME)]
    return views[-1].session, await engine.sessions.result(session, owner=ME)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "isolation"), KINDS)
@pytest.mark.parametrize("case", list(kept_analyses.EXPECTED))
async def test_after_a_failure_every_call_gets_its_own_result_and_none_is_worked_twice(
    store, case, kind, isolation, tmp_path
):
    if isolation and isinstance(store, MemoryStore):
        pytest.skip("isolation meets both real stores")
    ledger = tmp_path / "ledger"
    work = getattr(kept_analyses, f"{case}_{kind}")
    analysis = Analysis(case, work, steps=kept_analyses.STEPS[kind], isolation=isolation)
    async with working(store, analysis) as engine:
        session, stored = await end(engine, case, ledger=str(ledger))
    assert (session.status, session.attempt) == (Status.COMPLETED, 2)
    assert json.loads(stored.result) == kept_analyses.EXPECTED[case]
    lines = [line for line in ledger.read_text().splitlines() if line.split()[0] not in {"trouble", "listing"}]
    # calls that were cut off before their result was kept may be worked for again
    again = {line for line, times in Counter(lines).items() if times > 1}
    assert len(again) <= (40 if case in {"fan_out", "mapped"} else 0)
