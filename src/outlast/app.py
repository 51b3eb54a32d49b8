"""The composition root: `Outlast`, the application object that registers analyses and is served or mounted."""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, ParamSpec, TypeVar, overload

from outlast.core.analyses.analysis import Analysis, AnalysisOptions
from outlast.core.analyses.catalogue import Catalogue
from outlast.core.analyses.facts import Facts
from outlast.core.analyses.keyword_options import options_as_keywords
from outlast.core.analyses.own_pages import OwnPage, RenderPage
from outlast.core.analyses.upload import Upload
from outlast.core.handles import (
    BY_TRUSTED_CODE,
    AnalysisHandle,
    AsyncAnalysisHandle,
    BlockingAnalysisHandle,
    SessionHandle,
    StartOptions,
    checked_start_options,
    start_session,
)
from outlast.core.ids import owner_hash
from outlast.core.watch import SessionView
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.ports.clock import Clock
from outlast.ports.deletions import DeleteAnswer, Deleted
from outlast.ports.facts import FactStore
from outlast.ports.failures import Cursor
from outlast.ports.results import StoredResult
from outlast.ports.store import CancelAnswer, RetryAnswer, Selection
from outlast.runtime import Runtime
from outlast.settings import Settings
from outlast.sync import SyncOutlast
from outlast.web.keys import KeyRing
from outlast.web.login_options import LoginOptions
from outlast.web.translations import languages
from outlast.web.webhooks import webhook_analysis

if TYPE_CHECKING:  # imported only where pages are served, not in workers
    from starlette.types import ASGIApp

    from outlast.core.analyses.catalogue import OwnerPriority
    from outlast.web.host_openapi import OpenapiHost
    from outlast.web.login_options import OwnerOf
    from outlast.web.logins import HostRequest


P = ParamSpec("P")
R = TypeVar("R")


class Outlast:
    """An application: settings, analyses, store, workers and site. A process may have several.

    Without `settings`, it loads them from the environment and `.env`. `owner` maps a request to the name of its
    user, for a host with its own logins; it returns `None` for an anonymous visitor. With `anonymous=False` these
    are not let in: the API answers `401`, and pages redirect to `login_url` with the address to come back to as
    `next`. `login_url` is a path below the root of the host, or an address. `priority` maps an owner that the host
    has named to a number that is added to the priority of the analysis, for classes of owners such as premium
    customers; it may be `async def`. `title` is the site's title; every page loads the style sheets and modules in
    the folder `assets`. `translations` is a folder of gettext catalogues, `LANGUAGE/LC_MESSAGES/messages.po`, in
    whose languages the pages are too. Raises `ValueError` for options that contradict each other, and for a
    folder without catalogues.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        owner: "OwnerOf | None" = None,
        priority: "OwnerPriority | None" = None,
        anonymous: bool = True,
        login_url: str | None = None,
        title: str = "Outlast",
        assets: Path | None = None,
        translations: Path | str | None = None,
    ) -> None:
        self._logins = LoginOptions(owner, anonymous, login_url)
        self._title = title
        self._assets = assets
        self._translations = None if translations is None else Path(translations)
        if self._translations is not None and len(languages([self._translations])) == 1:
            raise ValueError(
                f"translations is {str(translations)!r}, which has no catalogue: each is a file "
                "LANGUAGE/LC_MESSAGES/messages.po in it, such as de/LC_MESSAGES/messages.po."
            )
        self._catalogue = Catalogue()
        if priority is not None and not callable(priority):
            raise TypeError(f"priority is {priority!r}; it is a function of an owner, as `lambda owner: 10`.")
        self._catalogue.owner_priority = priority
        self._runtime = Runtime(settings, self._catalogue)
        self._catalogue.add_internal(webhook_analysis(self._runtime))
        self._sync: SyncOutlast | None = None

    @property
    def settings(self) -> Settings:
        """The settings, loaded on first use, so that an import has no side effects. Raises `SettingsError`."""
        return self._runtime.settings

    def configure(self, **changes: Any) -> None:
        """Override settings by field name before the store is open, as command-line flags do.

        `changes` maps fields to values; a value of `None` changes nothing. Raises `SettingsError`, and
        `RuntimeError` if the store is open.
        """
        self._runtime.configure(changes)

    @options_as_keywords(AnalysisOptions)
    def analysis(self, name: str, options: AnalysisOptions) -> "Registration":
        """Register the typed function that follows as the analysis `name`, with any of the options.

        `@outlast.analysis("site", steps=[read, count], timeout=300)`. The function becomes an
        `AsyncAnalysisHandle` or a `BlockingAnalysisHandle`. Raises `TypeError` or `ValueError` for a mistake in
        the declaration.
        """

        def register(work: Callable[..., Any]) -> AnalysisHandle[..., Any]:
            plain = work.work if isinstance(work, AnalysisHandle) else work  # one function may be two analyses
            self._catalogue.add(Analysis.of(name, plain, options))
            return self.handle(name)

        return Registration(register)

    def page(
        self, name: str, *, title: str, linked: bool = True, takes_messages: bool = False
    ) -> Callable[[RenderPage], RenderPage]:
        """Serve the function that follows as a page of your own, at `/pages/{name}`.

        It takes a `PageView` and returns safe HTML, in a thread. `title` is its heading, unless the HTML has an
        `<h1>`, and the text of the link in the foot of every page, unless `linked` is false. With
        `takes_messages`, a page of another site that opens this one may post messages to it, which is otherwise
        prevented: treat them as input of strangers. Raises `TypeError` or `ValueError` for a mistake in the
        declaration.
        """

        def register(render: RenderPage) -> RenderPage:
            self._catalogue.add_page(OwnPage(name, title, render, linked, takes_messages))
            return render

        return register

    def asgi(self, *, prefix: str = "") -> "ASGIApp":
        """The whole site as an ASGI application, to serve or to mount.

        `prefix` is the path at which a host mounts it, such as `/slow`, whether the host or a proxy strips that
        from the paths of requests or not. Starlette and FastAPI say it themselves. Raises `ValueError` if it is no
        path. If no `lifespan` has opened the store, the first request opens it.
        """
        from outlast.web.mounting import checked_prefix  # noqa: PLC0415 - see above
        from outlast.web.site import Site, make_site  # noqa: PLC0415 - see above

        return make_site(
            Site(
                settings=lambda: self.settings,
                engine=self._runtime.engine,
                keys=lambda: KeyRing.of(self.settings),
                rates=self._runtime.rates,
                operators=self._runtime.operators,
                catalogue=self._catalogue,
                logins=self._logins,
                prefix=checked_prefix(prefix),
                title=self._title,
                assets=self._assets,
                translations=self._translations,
                lifespan=self.lifespan,
            )
        )

    def add_to_openapi(self, host: "OpenapiHost", prefix: str) -> None:
        """Add the API to the OpenAPI document of a FastAPI application, and so to its `/docs`.

        `host` is the application, and `prefix` the path at which it mounts `asgi()`, such as `/slow`. Call it once
        for each mount. Raises `ValueError` if `prefix` is no path.
        """
        from outlast.web.host_openapi import add_to_host  # noqa: PLC0415 - see above
        from outlast.web.mounting import checked_prefix  # noqa: PLC0415 - see above
        from outlast.web.openapi import openapi_document  # noqa: PLC0415 - see above
        from outlast.web.routes import ROUTES  # noqa: PLC0415 - see above

        add_to_host(host, checked_prefix(prefix), lambda: openapi_document(self._catalogue, self._title, ROUTES))

    def lifespan(self, workers: int = 0) -> "Lifespan":
        """Return a lifespan that opens the store, with `workers` worker threads in this process.

        `Starlette(lifespan=outlast.lifespan(workers=1))`, or `async with outlast.lifespan(workers=1):`.
        """
        return Lifespan(self, workers)

    async def close(self) -> None:
        """Let the workers of this process finish, then close the store; only `lifespan` opens it again.

        For scripts that use no `lifespan`. Call it in the event loop in which Outlast was first used.
        """
        await self._runtime.close()

    @property
    def sync(self) -> SyncOutlast:
        """The use cases for code without an event loop: `outlast.sync.start("site", owner="ann", url=url)`."""
        if self._sync is None:
            self._sync = SyncOutlast(self, lambda: self._runtime.loop)
        return self._sync

    def handle(self, analysis: str) -> AnalysisHandle[..., Any]:
        """The handle of the analysis that is registered as `analysis`. Raises `UnknownAnalysis`."""
        registered = self._catalogue[analysis]
        if registered.is_async:
            return AsyncAnalysisHandle(registered, self._runtime)
        return BlockingAnalysisHandle(registered, self._runtime)

    async def start(self, analysis: str, /, *, owner: str = BY_TRUSTED_CODE, **values: Any) -> SessionHandle[Any]:
        """Start the analysis that is registered as `analysis`, with the input `values` by name.

        With an `owner`, it returns the session that this owner has in flight for the same subject, if there is
        one, or else a fresh result: see `fresh_for` of the analysis. Without, the caller is trusted code: no limit
        per owner applies, and every start is a session of its own. If the input has a field `owner`, call
        `outlast.handle(name).options(owner=…).start(owner=…)`.

        Raises `UnknownAnalysis`, `InvalidInput`, `QueueFull`, `StoreUnavailable`, `DiskAlmostFull`, and, with an
        owner, `TooManyActive`.
        """
        options = StartOptions() if owner is BY_TRUSTED_CODE else checked_start_options({"owner": owner})
        return await start_session(self._runtime, self._catalogue[analysis], values, options)

    async def upload(self, file: BinaryIO, name: str, *, owner: str | None = None) -> Upload:
        """Store the content of `file`, which is open for reading; return the value for an `Upload` parameter.

        Sessions of `owner` can read it; without an owner, those that trusted code starts without an owner.
        Visitors see `name`. Raises `QuotaExceeded`, `DiskAlmostFull`, `StoreUnavailable`.
        """
        stored = await self._runtime.use(lambda sessions: sessions.store_upload(owner, name, file))
        return Upload(stored.sha256)

    async def get(self, session_id: str, *, owner: str | None = None) -> SessionView | None:
        """Return the current view of the session `session_id`, or `None` if this owner has no such session.

        Here and below, `owner=None` stands for trusted code, which may use every owner's sessions, and every use
        of a session may raise `StoreUnavailable`.
        """
        return await self._runtime.use(lambda sessions: sessions.get(session_id, owner=owner))

    async def watch(self, session_id: str, *, owner: str | None = None) -> AsyncIterator[SessionView]:
        """Yield the view of the session `session_id` now and after each change, the final one last.

        Yields nothing if `owner` has no such session.
        """
        async for view in self._runtime.watch(session_id, owner):
            yield view

    async def list(
        self,
        *,
        owner: str | None = None,
        status: Status | None = None,
        analysis: str | None = None,
        limit: int = 50,
        after: AnalysisSession | None = None,
    ) -> Sequence[AnalysisSession]:
        """Return at most `limit` sessions, the newest first.

        `owner`, `status` and `analysis` (a name) restrict the list unless they are `None`. `after` is the last
        session of the page before, in the list of one owner. Raises `ValueError` if `limit` is below 1, and for
        `after` without `owner`.
        """
        if limit < 1:
            raise ValueError(f"limit is {limit}; at least one session may be listed.")
        if after is not None and owner is None:
            raise ValueError("after continues the list of one owner: pass owner=… too.")
        stored_as = None if owner is None else owner_hash(owner)
        start = None if after is None else Cursor(after.created_at, after.id)
        return await self._runtime.use(
            lambda sessions: sessions.select(Selection(stored_as, status, analysis, limit, after=start))
        )

    async def result(self, session_id: str, *, owner: str | None = None) -> StoredResult | None:
        """Return the result of the session `session_id` as JSON, or `None` if this `owner` has no such result.

        The store may keep a result for longer than its session. `SessionHandle.result` returns it as the declared
        type.
        """
        return await self._runtime.use(lambda sessions: sessions.result(session_id, owner=owner))

    async def share(
        self, session_id: str, *, owner: str | None = None, expires_in: float | timedelta | None = None
    ) -> str | None:
        """Share the result of the session `session_id` at `/shared/{link}` and return the link.

        The link is valid until `unshare` revokes it, it expires, or the result's retention ends. `expires_in`
        (seconds or a `timedelta`, at most 366 days) sets when it expires, from now, also for a link that there is;
        without it, that link keeps its expiry, and a new one has none. Returns `None` if this `owner` has no such
        result. Raises `ValueError` if `expires_in` is out of bounds.
        """
        valid_for = expires_in if isinstance(expires_in, timedelta | None) else timedelta(seconds=expires_in)
        link = await self._runtime.use(
            lambda sessions: sessions.share(session_id, owner=owner, expires_in=valid_for)
        )
        return None if link is None else link.link

    async def unshare(self, session_id: str, *, owner: str | None = None) -> bool:
        """Revoke the link to the result of `session_id`; return `False` if this `owner` has no such result."""
        return await self._runtime.use(lambda sessions: sessions.unshare(session_id, owner=owner))

    async def cancel(self, session_id: str, *, owner: str | None = None) -> CancelAnswer | None:
        """Cancel the session `session_id`: a waiting one at once; a running one once its attempt has stopped.

        Returns `None` if this `owner` has no such session.
        """
        return await self._runtime.use(lambda sessions: sessions.cancel(session_id, owner=owner))

    async def retry(self, session_id: str, *, owner: str | None = None) -> RetryAnswer | None:
        """Grant the failed or cancelled session `session_id` new attempts, which use its kept steps.

        Returns `None` if this `owner` has no such session. Raises `InvalidInput` if an uploaded file has expired
        or this version cannot read the input, and `UnknownAnalysis` if the analysis has been removed.
        """
        return await self._runtime.use(lambda sessions: sessions.retry(session_id, owner=owner))

    async def answer(
        self, session_id: str, answers: Mapping[str, str], *, owner: str | None = None
    ) -> RetryAnswer | None:
        """Answer the questions of the session `session_id`, which failed with the code `question`, by their names.

        It restarts after its kept steps, with the answers in its input. Returns `None` if this `owner` has no such
        session. Raises `InvalidInput` for answers that do not fit the questions or are refused as a start would
        be, and `UnknownAnalysis` if the analysis has been removed.
        """
        return await self._runtime.use(lambda sessions: sessions.answer(session_id, answers, owner=owner))

    def well_known(self, name: str, make: Callable[[], str | bytes]) -> None:
        """Publish a file at `/.well-known/{name}` for everybody, such as a public key that signs your exports.

        `make` is called in a thread for each request and returns the content; the ending of `name` says what it
        is. Raises `ValueError` if the name is taken, or has other characters than a-z, 0-9, "." and "-", and
        `TypeError` if `make` takes arguments.
        """
        self._catalogue.add_well_known(name, make)

    async def delete(self, session_id: str, *, owner: str | None = None) -> DeleteAnswer | None:
        """Delete the session `session_id`, which has ended, with everything that belongs to it.

        That is its result, its share link, the facts that it remembered last, and the uploads in its input that no
        other session of its owner has in its own. Returns `DeleteAnswer.IN_FLIGHT`, and changes nothing, if it has
        not ended: cancel it first. Returns `None` if this `owner` has neither the session nor its result.
        """
        return await self._runtime.use(lambda sessions: sessions.delete(session_id, owner=owner))

    async def delete_all(self, owner: str) -> Deleted:
        """Cancel all sessions in flight of `owner`, then delete everything of theirs that has ended.

        `Deleted.remaining` has the ids of sessions that are still being stopped: they and their uploads are not
        deleted. Call it again once they have ended.
        """
        return await self._runtime.use(lambda sessions: sessions.delete_all(owner))

    def facts(self, space: str) -> Facts:
        """A key-value store that outlives sessions and that all sessions of this installation share.

        `space` separates the keys of one purpose from those of another; at most 200 characters, else `TooLarge`.
        """

        async def opened() -> tuple[FactStore, Clock]:
            return (engine := await self._runtime.engine_for_any_loop()).store, engine.clock

        return Facts(space, opened)

    def visitor(self, request: "HostRequest") -> str | None:
        """The owner of what the anonymous visitor who sent `request` has started; `None` if there is none.

        `request` is the request of any web framework, an ASGI scope or a WSGI environment.
        """
        from outlast.web.access import Access  # noqa: PLC0415 - see above
        from outlast.web.logins import Logins, cookie_header  # noqa: PLC0415 - see above

        cookie = cookie_header(request)
        operators = self._runtime.operators()
        access = Access(self.settings, KeyRing.of(self.settings), Logins(LoginOptions()), operators)
        return access.anonymous(cookie) if cookie else None

    async def log_in(self, request: "HostRequest", user: str) -> int:
        """Give `user` what the anonymous visitor who sent `request` had; return the number of sessions.

        Call it in the login of your own program. `user` is what the `owner` callable returns for that user,
        `request` as in `visitor`.
        """
        anonymous = self.visitor(request)
        return 0 if anonymous is None else await self.adopt(anonymous, user)

    def read_token(self, session_id: str, *, valid_for: timedelta = timedelta(hours=24)) -> str:
        """Return a token that lets others read the session `session_id` and its result for the time `valid_for`.

        Send it as `Authorization: Bearer …`, or hand out the page `/analysis/{session_id}?token=…`. It cannot
        be revoked. Raises `ValueError` if `valid_for` is not positive or is more than 366 days.
        """
        from outlast.backends.clock import SystemClock  # noqa: PLC0415 - see above
        from outlast.web.bearers import make_read_token  # noqa: PLC0415 - see above

        return make_read_token(KeyRing.of(self.settings), session_id, SystemClock(), valid_for)

    async def adopt(self, anonymous: str, owner: str) -> int:
        """Transfer everything of the visitor `anonymous` to `owner`; return the number of sessions."""
        return await self._runtime.use(lambda sessions: sessions.adopt(anonymous, owner))


class Registration:
    """The decorator that `Outlast.analysis` returns."""

    def __init__(self, register: Callable[[Callable[..., Any]], AnalysisHandle[..., Any]]) -> None:
        self._register = register

    @overload
    def __call__(  # type: ignore[overload-overlap]  # pyright: ignore[reportOverlappingOverload] - the first counts
        self, work: Callable[P, Coroutine[Any, Any, R]], /
    ) -> AsyncAnalysisHandle[P, R]: ...
    @overload
    def __call__(self, work: Callable[P, R], /) -> BlockingAnalysisHandle[P, R]: ...
    def __call__(self, work: Callable[..., Any], /) -> AnalysisHandle[..., Any]:
        """Register this function and return its handle."""
        return self._register(work)


class Lifespan(AbstractAsyncContextManager[None]):
    """Opens an `Outlast` object on entry and closes it on exit; ASGI hosts may call it with the application."""

    def __init__(self, outlast: Outlast, workers: int) -> None:
        self._outlast = outlast
        self._workers = workers

    def __call__(self, app: object) -> "Lifespan":  # noqa: ARG002 - ASGI hosts pass it
        return self

    async def __aenter__(self) -> None:
        await runtime_of(self._outlast).open(workers=self._workers)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._outlast.close()


def runtime_of(outlast: Outlast) -> Runtime:
    """The runtime of an application, for the commands of Outlast itself."""
    return outlast._runtime  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - only users must not use it
