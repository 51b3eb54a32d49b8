"""The composition root: `Outlast`, the application object that registers analyses and is served or mounted."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from outlast.backends.clock import SystemClock
from outlast.core.analyses.analysis import Analysis, AnalysisOptions, Catalogue
from outlast.core.analyses.facts import Facts
from outlast.core.analyses.keyword_options import options_as_keywords
from outlast.core.analyses.upload import Upload
from outlast.core.circuit_breaker import ANSWER_WITHIN
from outlast.core.sessions import Started
from outlast.core.watch import SessionView
from outlast.domain.errors import StoreRefused, StoreUnavailable
from outlast.ports.clock import Clock
from outlast.ports.facts import FactStore
from outlast.ports.results import StoredResult
from outlast.ports.store import CancelAnswer, RetryAnswer
from outlast.running.engine import Engine
from outlast.running.worker import WorkerOptions
from outlast.settings import Settings, load_settings
from outlast.web.keys import KeyRing, require_safe_key
from outlast.wiring import enrol, make_engine

if TYPE_CHECKING:  # imported only where pages are served, not in workers
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from outlast.web.access import OwnerOf
    from outlast.web.operators import Operators
    from outlast.web.rates import Rates

log = logging.getLogger(__name__)

MIN_BACKOFF = 0.1
MAX_BACKOFF = 5.0
"""Seconds between attempts to open an unavailable store."""

Work = TypeVar("Work", bound=Callable[..., Any])


class Outlast:
    """An application: settings, analyses, store, workers and site. A process may have several.

    `owner` maps a request to its owner, for a host with its own logins; `None`: an anonymous visitor.
    `title` is the site's title; every page loads the style sheets and modules in the folder `assets`.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        owner: "OwnerOf | None" = None,
        title: str = "Outlast",
        assets: Path | None = None,
    ) -> None:
        self._settings = settings
        self._owner = owner
        self._title = title
        self._assets = assets
        self._engine: Engine | None = None
        self._closed = False
        self._rates: Rates | None = None
        self._operators: Operators | None = None
        self._open_lock = asyncio.Lock()
        self._opening: asyncio.Task[Engine] | None = None
        self.catalogue = Catalogue()

    @property
    def settings(self) -> Settings:
        """The settings, loaded lazily, so that an import has no side effects; raises `SettingsError`."""
        if self._settings is None:
            self._settings = load_settings()
        return self._settings

    def configure(self, **changes: Any) -> None:
        """Override settings by field name before the engine is open, as command-line flags do."""
        if self._engine is not None:
            raise RuntimeError("Outlast is already open; call configure() before.")
        base = self._settings.model_dump(exclude_unset=True) if self._settings is not None else {}
        self._settings = load_settings(**{**base, **{k: v for k, v in changes.items() if v is not None}})

    @options_as_keywords(AnalysisOptions)
    def analysis(self, name: str, options: AnalysisOptions) -> "Registration":
        """Register the typed function that follows as the analysis `name`, with any of the options below.

        `@outlast.analysis("site", steps=[read, count], timeout=300)`.
        """
        return Registration(self.catalogue, name, options)

    def asgi(self) -> "ASGIApp":
        """The whole site as an ASGI application, to serve or to mount."""
        from outlast.web.site import Site, make_site  # noqa: PLC0415 - see above

        return make_site(
            Site(
                settings=lambda: self.settings,
                engine=self.engine,
                keys=lambda: KeyRing.of(self.settings),
                rates=self._make_rates,
                operators=self.operators,
                catalogue=self.catalogue,
                owner=self._owner,
                title=self._title,
                assets=self._assets,
                lifespan=self.lifespan,
            )
        )

    def lifespan(self, workers: int = 0) -> "Lifespan":
        """A lifespan for the host that opens the engine, with `workers` worker threads in this process.

        `Starlette(lifespan=outlast.lifespan(workers=1))`, or `async with outlast.lifespan(workers=1):`.
        """
        return Lifespan(self, workers)

    async def engine(self) -> Engine:
        """The engine; opened on first use, with a log line, if no lifespan has opened it."""
        if self._engine is None:
            if self._closed:  # nothing would close an engine opened now
                raise StoreUnavailable("Outlast was closed in this process; open it again with lifespan().")
            return await self._open_on_first_use()
        return self._engine

    async def _open_on_first_use(self) -> Engine:
        """Open once for all concurrent callers; each waits no longer than for a response of the store."""
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
        async with self._open_lock:
            if self._engine is None:
                if maintain:  # servers and workers must not sign with a key that others can read
                    require_safe_key(self.settings)
                self._engine = engine = await self._open_engine(maintain, migrate, patient)
                self._closed = False
                inline = 1 if self.settings.inline and maintain else 0
                if embed:
                    engine.embed(workers or inline, self.worker_options())
        return self._engine

    async def _open_engine(self, maintain: bool, migrate: bool, patient: bool) -> Engine:
        pause = MIN_BACKOFF
        while True:
            engine = make_engine(self.settings, self.catalogue)
            try:
                await engine.open(maintain=maintain, migrate=migrate)
                try:
                    await enrol(engine.store, self.settings)
                except BaseException:
                    await engine.close()
                    raise
            except StoreRefused:
                raise
            except StoreUnavailable as error:
                if not patient:
                    raise
                if pause == MIN_BACKOFF:
                    log.warning("Waiting for the store %s: %s", self.settings.shown_store, error)
                await asyncio.sleep(pause * engine.rng.uniform(0.5, 1))
                pause = min(MAX_BACKOFF, pause * 2)
            else:
                if pause > MIN_BACKOFF:
                    log.warning("The store is available.")
                return engine

    async def close(self) -> None:
        """Let workers drain, then close the engine. Only `open` and `lifespan` open it again."""
        self._closed = True
        if self._opening is not None:
            self._opening.cancel()
        if self._engine is not None:  # draining workers still use it
            try:
                await self._engine.close(self.settings.shutdown_grace)
            finally:
                self._engine = None
        if self._rates is not None:
            await self._rates.close()

    def worker_options(self, **changes: Any) -> WorkerOptions:
        """The options of a worker, from the settings and `changes`."""
        settings = self.settings
        queues = tuple(dict.fromkeys(a.queue for a in self.catalogue)) or ("analysis",)
        options = WorkerOptions(
            settings.concurrency, queues, sleep=settings.worker_sleep, grace=settings.shutdown_grace
        )
        return replace(options, **{k: v for k, v in changes.items() if v is not None})

    async def start(self, analysis: str, /, *, owner: str, **values: Any) -> Started:
        """Start an analysis with these input values, or return the session in flight for the same subject.

        Raises `UnknownAnalysis`, `InvalidInput`, `TooManyActive`, `QueueFull`, `StoreUnavailable`.
        """
        return await (await self.engine()).sessions.start(analysis, values, owner)

    async def upload(self, file: BinaryIO, name: str, *, owner: str) -> Upload:
        """Store a file for its owner; pass it to `start` as the value of an `Upload` parameter."""
        stored = await (await self.engine()).sessions.store_upload(owner, name, file)
        return Upload(stored.sha256)

    async def get(self, session_id: str, *, owner: str | None = None) -> SessionView | None:
        """The current view of a session; `None`: this owner has no such session (`owner=None`: any owner's)."""
        return await (await self.engine()).sessions.get(session_id, owner=owner)

    async def watch(self, session_id: str, *, owner: str | None = None) -> AsyncIterator[SessionView]:
        """Yield the session's view now and after each change, the final one last."""
        async for view in (await self.engine()).sessions.watch(session_id, owner=owner):
            yield view

    async def result(self, session_id: str, *, owner: str | None = None) -> StoredResult | None:
        """The result of a completed session, until its retention ends, even after the session's clean-up."""
        return await (await self.engine()).sessions.result(session_id, owner=owner)

    async def share(self, session_id: str, *, owner: str | None = None) -> str | None:
        """Share its result at `/shared/{link}`; returns the link, which stays until revoked. `None`: no result."""
        return await (await self.engine()).sessions.share(session_id, owner=owner)

    async def unshare(self, session_id: str, *, owner: str | None = None) -> bool:
        """Revoke the shared link. `False`: this owner has no such result."""
        return await (await self.engine()).sessions.unshare(session_id, owner=owner)

    async def cancel(self, session_id: str, *, owner: str | None = None) -> CancelAnswer | None:
        """Cancel a session. `None`: this owner has no such session."""
        return await (await self.engine()).sessions.cancel(session_id, owner=owner)

    async def retry(self, session_id: str, *, owner: str | None = None) -> RetryAnswer | None:
        """Retry a failed or cancelled session with fresh attempts, resuming after its completed steps."""
        return await (await self.engine()).sessions.retry(session_id, owner=owner)

    def facts(self, space: str) -> Facts:
        """A key-value store that outlives sessions and that all sessions of this installation share."""

        async def opened() -> tuple[FactStore, Clock]:
            return (engine := await self.engine()).store, engine.clock

        return Facts(space, opened)

    def visitor(self, request: "Request") -> str | None:
        """The anonymous owner in this request's cookie, to pass to `adopt` on login."""
        from outlast.web.access import Access  # noqa: PLC0415 - see above

        cookie = request.headers.get("cookie")
        access = Access(self.settings, KeyRing.of(self.settings), None, self.operators())
        return access.anonymous(cookie.encode("latin-1")) if cookie else None

    async def adopt(self, anonymous: str, owner: str) -> int:
        """On login, transfer everything of the anonymous visitor to `owner`; returns the number of sessions."""
        return await (await self.engine()).sessions.adopt(anonymous, owner)

    def operators(self) -> "Operators":
        """The logins of the dashboard."""
        from outlast.web.operators import Operators  # noqa: PLC0415 - see above

        if self._operators is None:
            self._operators = Operators(self.settings, KeyRing.of(self.settings), SystemClock())
        return self._operators

    def _make_rates(self) -> "Rates":
        from outlast.web.rates import Rates  # noqa: PLC0415 - see above

        if self._rates is None:
            url = self.settings.redis_url
            self._rates = Rates() if url is None else Rates(url, KeyRing.of(self.settings).namespace)
        return self._rates


class Registration:
    """The decorator that `Outlast.analysis` returns."""

    def __init__(self, catalogue: Catalogue, name: str, options: AnalysisOptions) -> None:
        self._catalogue = catalogue
        self._name = name
        self._options = options

    def __call__(self, work: Work) -> Work:
        """Register `work` and return it."""
        self._catalogue.add(Analysis.of(self._name, work, self._options))
        return work


class Lifespan(AbstractAsyncContextManager["Mapping[str, Any] | None"]):
    """Opens an `Outlast` object on entry and closes it on exit; ASGI hosts may call it with the application."""

    def __init__(self, outlast: Outlast, workers: int) -> None:
        self._outlast = outlast
        self._workers = workers

    def __call__(self, app: object) -> "Lifespan":  # noqa: ARG002 - ASGI hosts pass it
        return self

    async def __aenter__(self) -> None:
        await self._outlast.open(workers=self._workers)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._outlast.close()
