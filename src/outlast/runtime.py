"""The runtime of one `Outlast` object: its settings, and its engine, opened and closed in one event loop."""

import asyncio
import logging
import os
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from outlast.backends.clock import SystemClock
from outlast.core.analyses import context
from outlast.core.analyses.catalogue import Catalogue
from outlast.core.circuit_breaker import ANSWER_WITHIN
from outlast.core.sessions import Sessions
from outlast.core.store_outage import StoreOutage
from outlast.core.watch import SessionView
from outlast.domain.errors import StoreRefused, StoreUnavailable
from outlast.domain.queue_weights import parse_queues
from outlast.running.code_version import CodeVersion, code_version
from outlast.running.engine import Engine
from outlast.running.worker_options import WorkerOptions
from outlast.settings import Settings, load_settings
from outlast.unknown_settings import unknown_settings
from outlast.web.keys import KeyRing, require_safe_key
from outlast.wiring import make_engine, require_enrolled_key

if TYPE_CHECKING:  # imported only where pages are served, not in workers
    from outlast.web.operators import Operators
    from outlast.web.rates import Rates

log = logging.getLogger(__name__)

MIN_BACKOFF = 0.1
MAX_BACKOFF = 5.0
"""Seconds between attempts to open an unavailable store."""

T = TypeVar("T")


class Runtime:
    """Opens the engine of an application once, in one event loop, and closes it."""

    def __init__(self, settings: Settings | None, catalogue: Catalogue) -> None:
        self._settings = settings
        self.catalogue = catalogue
        self._engine: Engine | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._rates: Rates | None = None
        self._operators: Operators | None = None
        self._open_lock = asyncio.Lock()
        self._opening: asyncio.Task[Engine] | None = None
        self._of_parent: Engine | None = None
        self._make_engine: Callable[[Settings, Catalogue], Engine] | None = None
        self._hooked = False
        self._code: CodeVersion | None = None

    @property
    def settings(self) -> Settings:
        if self._settings is None:
            self._settings = load_settings()
        return self._settings

    def configure(self, changes: Mapping[str, Any]) -> None:
        if self._engine is not None:
            raise RuntimeError("Outlast is already open; call configure() before.")
        base = self._settings.model_dump(exclude_unset=True) if self._settings is not None else {}
        self._settings = load_settings(**{**base, **{k: v for k, v in changes.items() if v is not None}})

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop in which the engine is open, if it is."""
        return self._loop

    @contextmanager
    def replaced(
        self, settings: Settings, make_engine: Callable[[Settings, Catalogue], Engine]
    ) -> Generator[None]:
        """Use these settings and this engine within the block. Raises `RuntimeError` if an engine is open."""
        if self._engine is not None:
            raise RuntimeError("This Outlast object is open already: close it before the test opens it in memory.")
        own = self._settings, self._make_engine
        self._settings, self._make_engine = settings, make_engine
        try:
            yield
        finally:
            self._settings, self._make_engine = own

    def forget(self) -> None:
        """Forget the engine in a forked child: it is the parent's, so the child neither uses nor closes it."""
        self._of_parent = self._engine or self._of_parent
        self._engine, self._opening, self._loop = None, None, None
        self._closed, self._rates, self._open_lock = False, None, asyncio.Lock()

    async def engine(self) -> Engine:
        """Return the engine. If no lifespan has opened it, open it and log that."""
        engine = await self.engine_for_any_loop()
        self._require_own_loop()
        return engine

    async def engine_for_any_loop(self) -> Engine:
        """Like `engine`, for callers that use the store only, which works in every event loop."""
        if self._engine is None:
            if self._closed:  # nothing would close an engine opened now
                raise StoreUnavailable("Outlast was closed in this process; open it again with lifespan().")
            return await self._open_on_first_use()
        return self._engine

    async def use(self, work: Callable[[Sessions], Coroutine[Any, Any, T]]) -> T:
        """Run one use case in the engine's event loop.

        Analyses of embedded workers run in another loop; their calls are passed to the engine's loop. Raises
        `RuntimeError` for code of any other loop.
        """
        engine = await self.engine_for_any_loop()
        if self._loop is asyncio.get_running_loop():
            return await work(engine.sessions)
        self._require_attempt()
        return await self._in_own_loop(work(engine.sessions))

    async def watch(self, session_id: str, owner: str | None) -> AsyncIterator[SessionView]:
        """Like `Sessions.watch`, under the rules of `use`."""
        views = (await self.engine_for_any_loop()).sessions.watch(session_id, owner=owner)
        if self._loop is asyncio.get_running_loop():
            async for view in views:
                yield view
            return

        async def next_view() -> SessionView | None:
            return await anext(views, None)

        async def end() -> None:
            if isinstance(views, AsyncGenerator):
                await views.aclose()

        self._require_attempt()
        try:
            while (view := await self._in_own_loop(next_view())) is not None:
                yield view
        finally:
            await self._in_own_loop(end())

    def _require_attempt(self) -> None:
        """Raise `RuntimeError` unless an analysis calls, or code of the engine's own loop."""
        if context.current() is None:
            self._require_own_loop()

    async def _in_own_loop(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None or self._loop.is_closed():
            work.close()
            raise StoreUnavailable("Outlast has just been closed in this process.")
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def _require_own_loop(self) -> None:
        if self._loop is None or self._loop is asyncio.get_running_loop():
            return
        ended = " that has ended" if self._loop.is_closed() else ""
        raise RuntimeError(
            f"This Outlast object is open in another event loop{ended}, and works in one only. Use it in one "
            "asyncio.run(), within `async with outlast.lifespan():`, or `await outlast.close()` before that loop "
            "ends; make one Outlast object for each loop where there are several."
        )

    async def _open_on_first_use(self) -> Engine:
        """Open the engine once for all concurrent callers; each waits for at most `ANSWER_WITHIN` seconds."""
        opening = self._opening
        if opening is None or opening.done() or opening.get_loop() is not asyncio.get_running_loop():
            log.info("Outlast opens on its first request; use outlast.lifespan() to open it at startup.")
            opening = self._opening = asyncio.create_task(self.open())
            opening.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        await asyncio.wait((opening,), timeout=ANSWER_WITHIN)
        if not opening.done():
            raise StoreUnavailable("The store has not opened yet.")
        return opening.result()

    async def open(
        self,
        *,
        workers: int = 0,
        maintain: bool = True,
        embed: bool = True,
        migrate: bool = True,
        patient: bool = False,
    ) -> Engine:
        """Open the engine in this event loop. Idempotent.

        Starts `workers` worker threads in this process; sync mode starts one, unless `embed` is false. Without
        `maintain` the engine neither recovers nor cleans up sessions, for short-lived commands. `migrate=False`
        raises `SchemaOutdated` if the schema is not current. `patient` waits while the store is unavailable, with
        one log line; `StoreRefused` and `ForeignKey` are raised all the same.
        """
        if self._engine is not None:
            self._require_own_loop()
            return self._engine
        self._forget_in_children()
        async with self._open_lock:
            if self._engine is None:
                if maintain:  # servers and workers must not sign with a key that others can read
                    require_safe_key(self.settings)
                    for unknown in unknown_settings():
                        log.warning("%s", unknown.sentence)
                self._engine = engine = await self._open_engine(maintain, migrate, patient)
                self._loop = asyncio.get_running_loop()
                self._closed = False
                inline = 1 if self.settings.inline and maintain else 0
                if embed:
                    engine.embed(workers or inline, self.worker_options())
        return self._engine

    def _forget_in_children(self) -> None:
        """Whatever opened it: a child that asked the parent's loop would wait for ever."""
        if not self._hooked:
            self._hooked = True
            me: weakref.ref[Runtime] = weakref.ref(self)
            os.register_at_fork(after_in_child=lambda: _forget_in_child(me))

    async def _open_engine(self, maintain: bool, migrate: bool, patient: bool) -> Engine:
        pause, outage, opening = MIN_BACKOFF, StoreOutage(), f"The opening of {self.settings.shown_store}"
        while True:
            engine = (self._make_engine or make_engine)(self.settings, self.catalogue)
            try:
                await engine.open(maintain=maintain, migrate=migrate)
                try:
                    await require_enrolled_key(engine.store, self.settings)
                except BaseException:
                    await engine.close()
                    raise
            except StoreRefused:
                raise
            except StoreUnavailable as error:
                if not patient:
                    raise
                outage.failed(opening, error)
                await asyncio.sleep(pause * engine.rng.uniform(0.5, 1))
                pause = min(MAX_BACKOFF, pause * 2)
            else:
                outage.answered(opening)
                return engine

    async def close(self) -> None:
        """Let workers drain, then close the engine. Only `open` opens it again."""
        if self._engine is not None:
            self._require_own_loop()
        self._closed = True
        if self._opening is not None:
            self._opening.cancel()
        if self._engine is not None:  # draining workers still use it
            try:
                await self._engine.close(self.settings.shutdown_grace)
            finally:
                self._engine = None
                self._loop = None
        if self._rates is not None:
            await self._rates.close()

    def worker_options(self, **changes: Any) -> WorkerOptions:
        """The options of a worker, from the settings and `changes`; `queues` may have weights, as `fast=3`."""
        settings = self.settings
        every = tuple(dict.fromkeys(a.queue for a in self.catalogue)) or ("analysis",)
        queues, weights = parse_queues(changes.pop("queues", None) or settings.worker_queues or every)
        options = WorkerOptions(
            settings.concurrency,
            queues,
            weights,
            sleep=settings.worker_sleep,
            grace=settings.shutdown_grace,
            code=self.code_version(),
        )
        return replace(options, **{k: v for k, v in changes.items() if v is not None})

    def code_version(self) -> CodeVersion:
        """The version of the program's code on disk; read once, because it may change there."""
        if self._code is None:
            self._code = code_version(self.catalogue, self.settings.release)
        return self._code

    def operators(self) -> "Operators":
        """The logins of the dashboard."""
        from outlast.web.operators import Operators  # noqa: PLC0415 - see above

        if self._operators is None:
            self._operators = Operators(self.settings, KeyRing.of(self.settings), SystemClock())
        return self._operators

    def rates(self) -> "Rates":
        """The limits on requests, shared through Redis if the settings name one."""
        from outlast.web.rates import Rates  # noqa: PLC0415 - see above

        if self._rates is None:
            url = self.settings.redis_url
            self._rates = Rates() if url is None else Rates(url, KeyRing.of(self.settings).namespace)
        return self._rates


def _forget_in_child(runtime: "weakref.ref[Runtime]") -> None:
    if (there := runtime()) is not None:
        there.forget()
