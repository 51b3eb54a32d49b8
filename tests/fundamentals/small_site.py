"""A small Outlast in memory, with one worker, for tests that read like documentation."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from outlast.backends.clock import SystemClock
from outlast.backends.memory.notifier import MemoryNotifier
from outlast.backends.memory.store import MemoryStore
from outlast.core.analyses.analysis import Analysis, Step
from outlast.core.analyses.catalogue import Catalogue
from outlast.core.session_starts import StartDefaults
from outlast.core.watch import SessionView
from outlast.ports.store import StartLimits
from outlast.running.engine import Engine
from outlast.running.maintenance import Retention
from outlast.running.worker_options import WorkerOptions

ME = "a visitor"


class SmallSite:
    """Register analyses, start them, wait for their outcomes."""

    def __init__(self, engine: Engine, catalogue: Catalogue) -> None:
        self.engine = engine
        self._catalogue = catalogue

    def add(self, work: Callable[..., Any], *steps: Step[..., Any], **options: Any) -> None:
        self._catalogue.add(Analysis(work.__name__, work, steps=steps, **options))

    def start_worker(self, **options: Any) -> None:
        self.engine.embed(1, WorkerOptions(sleep=0.05, grace=0.0, **options))

    async def start(self, analysis: str, **values: Any) -> str:
        return (await self.engine.sessions.start(analysis, values, ME)).session.id

    async def views(self, session_id: str) -> list[SessionView]:
        return [view async for view in self.engine.sessions.watch(session_id, owner=ME)]

    async def end(self, session_id: str) -> SessionView:
        return (await self.views(session_id))[-1]

    async def result(self, session_id: str) -> str | None:
        stored = await self.engine.sessions.result(session_id, owner=ME)
        return stored.result if stored else None


@asynccontextmanager
async def small_site(**defaults: Any) -> AsyncIterator[SmallSite]:
    clock, catalogue = SystemClock(), Catalogue()
    options = {"timeout": 20.0, "max_attempts": 3, **defaults}
    engine = Engine(
        MemoryStore(clock),
        MemoryNotifier(),
        catalogue,
        clock,
        StartDefaults(StartLimits(100, 1000), **options),
        Retention(24, 24, 24),
    )
    await engine.open()
    try:
        yield SmallSite(engine, catalogue)
    finally:
        await engine.close()
