"""The composition root: `Outlast`, the one object to register analyses with, to serve or to mount."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TypeVar

from outlast.backends.clock import SystemClock
from outlast.core.analysis import Analysis, Catalogue, Check, Export, Render, Step
from outlast.core.circuit_breaker import ANSWER_WITHIN
from outlast.core.engine import Engine
from outlast.core.facts import Facts
from outlast.core.running.worker_options import WorkerOptions
from outlast.core.sessions import Started
from outlast.core.upload import Upload
from outlast.core.watch import SessionView
from outlast.domain.errors import StoreRefused, StoreUnavailable
from outlast.domain.retry_after import DAY
from outlast.ports.clock import Clock
from outlast.ports.facts import FactStore
from outlast.ports.results import StoredResult
from outlast.ports.store import CancelAnswer, RetryAnswer
from outlast.settings import Settings, load_settings
from outlast.web.keys import KeyRing, require_safe_key
from outlast.wiring import enrol, make_engine

if TYPE_CHECKING:  # loaded where pages are served: a worker serves none
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from outlast.web.access import OwnerOf
    from outlast.web.operators import Operators
    from outlast.web.rates import Rates

log = logging.getLogger(__name__)

SHORTEST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
"""Seconds between two tries to open a store that is away."""

Work = TypeVar("Work", bound=Callable[..., Any])


class Outlast:
    """Settings, analyses and everything around them. Several may live in one process.

    `owner` says who a request is from, for a site with logins of its own; `None`: a visitor known by a cookie.
    `title` names the site on its pages; style sheets and modules in the folder `assets` are added to all.
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
        self._opening = asyncio.Lock()
        self._first: asyncio.Task[Engine] | None = None
        self.catalogue = Catalogue()

    @property
    def settings(self) -> Settings:
        """Read when first needed, so that importing an application does nothing; raises `SettingsError`."""
        if self._settings is None:
            self._settings = load_settings()
        return self._settings

    def configure(self, **changes: Any) -> None:
        """Change settings by field name before anything is open, as the flags of commands do."""
        if self._engine is not None:
            raise RuntimeError("It is open already: configure it before.")
        base = self._settings.model_dump(exclude_unset=True) if self._settings is not None else {}
        self._settings = load_settings(**{**base, **{k: v for k, v in changes.items() if v is not None}})

    def analysis(
        self,
        name: str,
        *,
        title: str | None = None,
        steps: Sequence[Step[..., Any]] = (),
        timeout: float | None = None,
        max_attempts: int | None = None,
        queue: str = "analysis",
        priority: int = 0,
        isolation: Literal["process"] | None = None,
        subject: Callable[..., str] | None = None,
        intro: str | None = None,
        render: Render | None = None,
        page_title: Callable[[Any], str] | None = None,
        exports: Mapping[str, Export] | None = None,
        check: Check | None = None,
        longest_wait: float = DAY,
        short_forms: Mapping[str, str] | None = None,
    ) -> Callable[[Work], Work]:
        """Register a typed function as the analysis `name`.

        `steps` is its plan, in order. `timeout` (seconds per attempt) and `max_attempts` win over the settings.
        `isolation="process"` gives each attempt a process that can be killed. `subject` names what is analysed,
        from the validated input, and may raise `InvalidInput`. `render` makes the result page's HTML from the
        result and a `PageView`, `page_title` names that page; `exports` are files to download, by name; `intro` is
        safe HTML above the form. `check` is `async` and looks at the input before a start is accepted: it may read
        the beginning of an upload (`Upload.head`) and raise `InvalidInput`, with `questions` for the visitor.
        `longest_wait` (seconds) caps every `RetryAfter`. `short_forms={"url": "source"}` lets `{"url": …}` alone
        start this analysis over HTTP, with its input field `source`.
        """

        def register(work: Work) -> Work:
            self.catalogue.add(
                Analysis(
                    name,
                    title or name.replace("_", " ").capitalize(),
                    work,
                    tuple(steps),
                    timeout,
                    max_attempts,
                    queue,
                    priority,
                    isolation,
                    subject,
                    intro,
                    render,
                    page_title,
                    exports or {},
                    check,
                    longest_wait,
                    short_forms or {},
                )
            )
            return work

        return register

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
        """For the host's lifespan: opens everything, with `workers` worker threads in this process.

        `Starlette(lifespan=outlast.lifespan(workers=1))`, or `async with outlast.lifespan(workers=1):`.
        """
        return Lifespan(self, workers)

    async def engine(self) -> Engine:
        """What runs; opened now, with one log line, when no lifespan has opened it."""
        if self._engine is None:
            if self._closed:  # whoever still runs must not open what nobody would close
                raise StoreUnavailable("Outlast was closed in this process; open it again with lifespan().")
            return await self._opened_by_a_request()
        return self._engine

    async def _opened_by_a_request(self) -> Engine:
        """All who come meanwhile wait for the same opening, and none longer than for an answer of the store."""
        opening = self._first
        if opening is None or opening.done() or opening.get_loop() is not asyncio.get_running_loop():
            log.info("Outlast opens with its first request; use outlast.lifespan() to open it with your program.")
            opening = self._first = asyncio.create_task(self.open())
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
        """Open the store and all that watches it, in this event loop. Idempotent.

        `workers` threads of this process do work; in sync mode there is one, unless `embed` is false. Without
        `maintain` nothing is rescued or cleaned up from here: for a short look. `migrate=False` raises
        `SchemaOutdated` where the schema is not current. `patient` waits for a store that is away, and logs so
        once; a store that refuses us (`StoreRefused`), or is another's, is an error all the same.
        """
        async with self._opening:  # two first requests at once open it once
            if self._engine is None:
                if maintain:  # what serves or works is not to be let in with a key that anybody has
                    require_safe_key(self.settings)
                self._engine = engine = await self._opened_engine(maintain, migrate, patient)
                self._closed = False
                inline = 1 if self.settings.inline and maintain else 0
                if embed:
                    engine.embed(workers or inline, self.worker_options())
        return self._engine

    async def _opened_engine(self, maintain: bool, migrate: bool, patient: bool) -> Engine:
        pause = SHORTEST_PAUSE
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
                if pause == SHORTEST_PAUSE:
                    log.warning("Waiting for the store %s: %s", self.settings.shown_store, error)
                await asyncio.sleep(pause * engine.rng.uniform(0.5, 1))
                pause = min(LONGEST_PAUSE, pause * 2)
            else:
                if pause > SHORTEST_PAUSE:
                    log.warning("The store is there.")
                return engine

    async def close(self) -> None:
        """Let workers drain, then close everything. Use opens it no more; `open` and `lifespan` do."""
        self._closed = True
        if self._first is not None:
            self._first.cancel()
        if self._engine is not None:  # what drains still uses it
            try:
                await self._engine.close(self.settings.shutdown_grace)
            finally:
                self._engine = None
        if self._rates is not None:
            await self._rates.close()

    def worker_options(self, **changes: Any) -> WorkerOptions:
        """What a worker of this installation may do."""
        settings = self.settings
        queues = tuple(dict.fromkeys(a.queue for a in self.catalogue)) or ("analysis",)
        options = WorkerOptions(
            settings.concurrency, queues, sleep=settings.worker_sleep, grace=settings.shutdown_grace
        )
        return replace(options, **{k: v for k, v in changes.items() if v is not None})

    async def start(self, analysis: str, /, *, owner: str, **values: Any) -> Started:
        """Start an analysis with these input values; the one in flight for the same subject answers if there is.

        Raises `UnknownAnalysis`, `InvalidInput`, `TooManyActive`, `QueueFull`, `StoreUnavailable`.
        """
        return await (await self.engine()).sessions.start(analysis, values, owner)

    async def upload(self, file: BinaryIO, name: str, *, owner: str) -> Upload:
        """Keep a file for its owner, to be given to `start` as the value of an `Upload` parameter."""
        stored = await (await self.engine()).sessions.store_upload(owner, name, file)
        return Upload(stored.sha256)

    async def get(self, session_id: str, *, owner: str | None = None) -> SessionView | None:
        """A session as it stands; `None`: no such session of this owner (`owner=None` asks as an operator)."""
        return await (await self.engine()).sessions.get(session_id, owner=owner)

    async def watch(self, session_id: str, *, owner: str | None = None) -> AsyncIterator[SessionView]:
        """Its views, now and after each change, the final one last."""
        async for view in (await self.engine()).sessions.watch(session_id, owner=owner):
            yield view

    async def result(self, session_id: str, *, owner: str | None = None) -> StoredResult | None:
        """The result of a completed session, also after its clean-up, while results are kept."""
        return await (await self.engine()).sessions.result(session_id, owner=owner)

    async def share(self, session_id: str, *, owner: str | None = None) -> str | None:
        """Let others read its result at `/shared/{link}`: the link, the same until revoked. `None`: no result."""
        return await (await self.engine()).sessions.share(session_id, owner=owner)

    async def unshare(self, session_id: str, *, owner: str | None = None) -> bool:
        """Revoke its link. `False`: no such result of this owner."""
        return await (await self.engine()).sessions.unshare(session_id, owner=owner)

    async def cancel(self, session_id: str, *, owner: str | None = None) -> CancelAnswer | None:
        """Stop it. `None`: no such session of this owner."""
        return await (await self.engine()).sessions.cancel(session_id, owner=owner)

    async def retry(self, session_id: str, *, owner: str | None = None) -> RetryAnswer | None:
        """A new round of attempts for a failed or cancelled session, resuming after its kept steps."""
        return await (await self.engine()).sessions.retry(session_id, owner=owner)

    def facts(self, space: str) -> Facts:
        """A place where analyses remember things beyond a session, shared by all sessions of this installation."""

        async def opened() -> tuple[FactStore, Clock]:
            return (engine := await self.engine()).store, engine.clock

        return Facts(space, opened)

    def visitor(self, request: "Request") -> str | None:
        """The owner that this request's anonymous cookie names, to be handed to `adopt` on login."""
        from outlast.web.access import Access  # noqa: PLC0415 - see above

        cookie = request.headers.get("cookie")
        access = Access(self.settings, KeyRing.of(self.settings), None, self.operators())
        return access.anonymous(cookie.encode("latin-1")) if cookie else None

    async def adopt(self, anonymous: str, owner: str) -> int:
        """On login: give all that the anonymous visitor has to `owner`; answers how many sessions moved."""
        return await (await self.engine()).sessions.adopt(anonymous, owner)

    def operators(self) -> "Operators":
        """Who may see the dashboard."""
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


class Lifespan(AbstractAsyncContextManager["Mapping[str, Any] | None"]):
    """Opens an `Outlast` object on entry, closes it on exit; callable with the application, as hosts want it."""

    def __init__(self, outlast: Outlast, workers: int) -> None:
        self._outlast = outlast
        self._workers = workers

    def __call__(self, app: object) -> "Lifespan":  # noqa: ARG002 - the host hands it over
        return self

    async def __aenter__(self) -> None:
        await self._outlast.open(workers=self._workers)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._outlast.close()
