"""The site as one ASGI application: routing, access checks, error responses and lifespan."""

import errno
import logging
import math
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from outlast.core.analyses.catalogue import Catalogue
from outlast.core.ids import owner_hash
from outlast.domain.errors import OutlastError, StoreUnavailable
from outlast.domain.messages import message
from outlast.ports.facts import FactStore
from outlast.running.engine import Engine
from outlast.settings import Settings
from outlast.web.access import Access, Identity, Requires
from outlast.web.bearers import Bearers
from outlast.web.bodies import UnfinishedBodies, refuse_body
from outlast.web.cross_origin import CrossOrigin
from outlast.web.headers import cookie, single_headers, site_path
from outlast.web.key_audit import record_key
from outlast.web.keys import KeyRing
from outlast.web.languages import COOKIE, REMEMBERED, SiteLanguages, chosen
from outlast.web.limits import VisitorLimits
from outlast.web.login_options import LoginOptions
from outlast.web.logins import Logins, OwnerRaised, host_handles, problem_of_host
from outlast.web.mounting import mounted
from outlast.web.operators import PATH, Operators
from outlast.web.page_templates import PageTemplates
from outlast.web.permissions import CHANGES, SCOPES, Actor, Role, may
from outlast.web.poll_cache import Messages, PollCache, revalidate
from outlast.web.problems import Problem, not_found, problem_of
from outlast.web.rates import Rates
from outlast.web.request_context import RequestContext
from outlast.web.routes import ROUTES, Route
from outlast.web.security_headers import FOR_EVERYTHING, Header, response_headers
from outlast.web.throttled_warning import ThrottledWarning
from outlast.web.websocket import HANDSHAKE, as_request, websocket

log = logging.getLogger(__name__)

MAX_PATH = 200
"""Characters of a path that a log line shows."""
EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True)
class Site:
    """The dependencies of the site, wired by `app.py`; each callable is called when first needed."""

    settings: Callable[[], Settings]
    engine: Callable[[], Awaitable[Engine]]
    keys: Callable[[], KeyRing]
    rates: Callable[[], Rates]
    operators: Callable[[], Operators]
    catalogue: Catalogue
    logins: LoginOptions
    prefix: str
    """Where a host mounts the site that does not say so itself; else empty."""
    title: str
    assets: Path | None
    translations: Path | None
    """The folder of the application's catalogues."""
    lifespan: Callable[[], AbstractAsyncContextManager[Any]]


def make_site(site: Site) -> ASGIApp:
    """Build the ASGI application."""
    return _SiteApp(site)


class _SiteApp:
    def __init__(self, site: Site) -> None:
        self._site = site
        self._routes = [(route.pattern, route) for route in ROUTES]
        self._languages = SiteLanguages(site.translations)
        self._templates = PageTemplates(
            site.title,
            site.assets,
            _origin_of(site.logins.login_url),
            site.catalogue.pages,
            self._languages,
        )
        self._access: Access | None = None
        self._limits: VisitorLimits | None = None
        self._bodies: UnfinishedBodies | None = None
        self._cross_origin: CrossOrigin | None = None
        self._public_path = ""
        self._headers: tuple[Header, ...] = FOR_EVERYTHING
        self._poll_cache = PollCache()
        self._held_events = ThrottledWarning(
            log,
            "A browser received no event within 4 s and polls instead: a proxy in between holds responses until "
            "they end. Turn off its response buffering for /api/analysis/progress/.",
            every=math.inf,
        )
        self._exhausted = ThrottledWarning(
            log, "Requests were answered 503: no descriptors, memory or disk is left."
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif (await receive())["type"] == "websocket.connect":
            await self._answer(*as_request(scope, receive, send))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        tracker = _ResponseTracker(send)
        try:
            self._read_settings()
            scope = mounted(scope, self._site.prefix, self._public_path)
            tracker.headers = self._headers
            assert self._cross_origin is not None  # noqa: S101 - set with the settings
            if allowed := self._cross_origin.response_headers(scope["headers"], site_path(scope)):
                tracker.headers = tuple(dict((*self._headers, *allowed)).items())
                if scope["method"] == "OPTIONS" and (methods := self._methods(site_path(scope))):
                    preflight = self._cross_origin.preflight(scope["headers"], methods)
                    if preflight is not None:
                        await preflight(scope, receive, tracker)
                        return
            sent = await self._revalidate(scope)
            if sent is None:
                await self._handle(scope, receive, tracker)
                return
        except OwnerRaised as raised:
            await self._answer_host_error(scope, receive, tracker, raised.error)
            return
        except Exception as error:  # the last resort; re-raised for the server
            if not tracker.started:
                await self._internal_error(scope, receive, tracker, error)
                if _is_exhaustion(error):
                    return
            raise
        await tracker(sent[0])
        await tracker(sent[1])

    def _read_settings(self) -> None:
        if self._cross_origin is None:
            settings = self._site.settings()
            self._public_path = urlsplit(settings.public_url or "").path.rstrip("/")
            self._headers = response_headers(settings)
            self._cross_origin = CrossOrigin(settings)

    async def _answer_host_error(
        self, scope: Scope, receive: Receive, tracker: "_ResponseTracker", error: Exception
    ) -> None:
        """Leave what `owner=` raised to the host's framework, if that is above this site and responds to it."""
        if host_handles(scope, error):
            raise error
        problem = problem_of_host(error)
        if problem is None:
            await self._internal_error(scope, receive, tracker, error)
            raise error
        await self._problem(scope, problem, page=not _is_api(scope))(scope, receive, tracker)

    async def _revalidate(self, scope: Scope) -> Messages | None:
        """The cached response to a poll of an unchanged session, under the same access rules; else `None`."""
        answer, access, limits = (
            self._poll_cache.find(scope, self._languages.of(scope)),
            self._access,
            self._limits,
        )
        if answer is None or access is None or limits is None:
            return None
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if len(headers) < len(scope["headers"]):  # the full path validates repeated headers
            return None
        owner = access.cached_owner(scope, headers)
        if owner is None:
            return None
        engine = await self._site.engine()
        try:
            sent = await revalidate(answer, owner_hash(owner), headers.get(b"if-none-match"), engine)
        except StoreUnavailable:  # the full path answers with the problem
            return None
        if sent is not None:
            limits.count_poll()
        return sent

    async def _handle(self, scope: Scope, receive: Receive, tracker: "_ResponseTracker") -> None:
        route: Route | None = None
        try:
            route, parameters = self._match_route(scope)
            if (remembered := self._remember_language(route, scope)) is not None:
                await remembered(scope, receive, tracker)
                return
            context = await self._authorize(route, parameters, scope, receive, tracker)
            await self._dispatch(route, context)
        except OutlastError as error:
            if tracker.started:  # too late for another response: the connection is cut and the client retries
                raise
            response = self._problem(scope, problem_of(error), page=route.page if route else not _is_api(scope))
            await response(scope, receive, tracker)
        except ClientDisconnect:
            log.info("A client disconnected while sending a request to %s.", scope["path"][:MAX_PATH])

    async def _dispatch(self, route: Route, context: RequestContext) -> None:
        if not route.takes_body:
            await refuse_body(context.scope, context.receive)
            await _respond(route, context)
            return
        assert self._bodies is not None  # noqa: S101 - set with the first request context
        with self._bodies.reading(context.owner, context.receive) as counted:
            await _respond(route, replace(context, receive=counted))

    async def _authorize(
        self, route: Route, parameters: Mapping[str, str], scope: Scope, receive: Receive, send: Send
    ) -> RequestContext:
        """Check host, owner and CSRF token, deny first; return the context that the handler is called with."""
        headers = single_headers(scope)
        if self._access is None or self._limits is None:
            settings = self._site.settings()
            self._access = Access(settings, self._site.keys(), Logins(self._site.logins), self._site.operators())
            self._limits = VisitorLimits(settings, self._site.rates())
            self._bodies = UnfinishedBodies(settings.max_upload_bytes)
        if not route.any_host:
            self._access.check_host(scope, headers)
        identity, actor = await self._identify(route, parameters.get("session_id"), scope, headers)
        for set_cookie in identity.set_cookies if identity is not None else ():
            send = _with_header(send, b"set-cookie", set_cookie.encode("latin-1"))
        return RequestContext(
            parameters,
            headers,
            identity,
            actor,
            scope,
            receive,
            send,
            await self._site.engine(),
            self._site.settings(),
            self._access,
            self._limits,
            self._poll_cache,
            self._templates,
            self._held_events,
            ROUTES,
        )

    async def _identify(
        self, route: Route, session_id: str | None, scope: Scope, headers: Mapping[bytes, bytes]
    ) -> tuple[Identity | None, Actor]:
        """Who sent the request; raises 401, 403 or 404 unless `may` allows it."""
        access = self._access
        assert access is not None  # noqa: S101 - set with the first request context

        async def visitor() -> str | None:
            with suppress(Problem):
                found = await access.authenticate(Requires.OWNER, None, scope, headers, self._store)
                return found.owner if found is not None else None
            return None

        actor = None
        if route.requires in {Requires.OWNER, Requires.OWNER_OR_NEW, Requires.OPERATOR_KEY}:
            bearers = Bearers(access.keys, self._site.engine)
            actor = await bearers.actor(scope, headers, session_id, visitor, page=route.page)
        if actor is None:
            identity = await access.authenticate(route.requires, route.csrf_token, scope, headers, self._store)
            access.check_token(route.csrf_token, identity, scope, headers)
            actor = Actor(identity.owner if identity is not None else None, role=_role(route, identity))
        else:
            assert actor.owner is not None  # noqa: S101 - keys and tokens have one
            identity = Identity(actor.owner)
        if not may(actor, route.verb, session_id):
            raise _not_allowed(actor, route)
        return identity, actor

    async def _store(self) -> FactStore:
        return (await self._site.engine()).guarded_store

    def _match_route(self, scope: Scope) -> tuple[Route, Mapping[str, str]]:
        path = site_path(scope)
        for pattern, route in self._routes:
            if scope["method"] in route.methods and (match := pattern.fullmatch(path)) is not None:
                if HANDSHAKE in scope and route.handler is not websocket:
                    raise Problem(400, "This address takes no WebSocket connections.")
                return route, match.groupdict()
        if methods := self._methods(path):
            raise Problem(
                405, message("This address does not do that."), headers={"Allow": ", ".join(sorted(methods))}
            )
        raise not_found()

    def _methods(self, path: str) -> set[str]:
        return {m for pattern, route in self._routes if pattern.fullmatch(path) for m in route.methods}

    async def _internal_error(self, scope: Scope, receive: Receive, send: Send, error: Exception) -> None:
        """Answer an unexpected exception with a reference under which the log has its traceback."""
        if _is_exhaustion(error):
            self._exhausted.note()
            busy = Problem(
                503, message("We have no room for this just now. Please try again in a moment."), retry_after=10
            )
            await self._problem(scope, busy, page=False)(scope, receive, send)
            return
        reference = secrets.token_hex(4)
        log.error(
            "%s %s failed; reference %s", scope["method"], scope["path"][:MAX_PATH], reference, exc_info=error
        )
        problem = Problem(500, message("Something went wrong on our side."), reference=reference)
        await self._problem(scope, problem, page=not _is_api(scope))(scope, receive, send)

    def _problem(self, scope: Scope, problem: Problem, *, page: bool) -> Response:
        """The response to an error in the client's language: a page for people, if it may be one, or JSON."""
        if page and (_wants_html(scope) or problem.redirect is not None):
            return self._templates.problem(scope, problem)
        language = self._languages.of(scope)
        return problem.response(self._languages.translations(language), self._languages.headers(language))

    def _remember_language(self, route: Route, scope: Scope) -> Response | None:
        """The redirect to the page itself, for a link that chooses a language; `None` for other requests."""
        if not (self._languages.several and route.page and route.safe):
            return None
        found = chosen(scope)
        if found is None:
            return None
        language, address = found
        response = RedirectResponse(address, 303, {"Cache-Control": "no-store"})
        if language in self._languages.offered:
            path = scope.get("root_path", "") or "/"
            remembered = cookie(scope, self._site.settings(), COOKIE, language, path=path, seconds=REMEMBERED)
            response.headers["Set-Cookie"] = remembered
        return response

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        """Run the ASGI lifespan, for a server that serves this application without a host."""
        await receive()
        async with AsyncExitStack() as open_things:
            try:
                await open_things.enter_async_context(self._site.lifespan())
            except OutlastError as error:  # servers take an exception for missing lifespan support and go on
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


async def _respond(route: Route, context: RequestContext) -> None:
    response = await route.handler(context)
    if route.verb in CHANGES and context.actor.sees_all:
        await record_key(context, route.name)
    if response is not None:
        await response(context.scope, context.receive, context.send)


def _role(route: Route, identity: Identity | None) -> Role | None:
    if route.requires is Requires.OPERATOR_KEY:
        return Role.OPERATOR
    return identity.operator.role if identity is not None and identity.operator is not None else None


def _not_allowed(actor: Actor, route: Route) -> Problem:
    if actor.role is Role.VIEWER:
        return Problem(
            403,
            "You are here as a viewer, who sees everything and changes nothing. Leave, and enter with the key "
            "of operators (ANALYSIS_DASHBOARD_KEY).",
            link=(PATH, "Back to the dashboard"),
        )
    if actor.session_id is not None:
        return Problem(403, "This token only reads one session.")
    scope = SCOPES[route.verb]
    return Problem(
        403,
        f"This API key lacks the scope {scope}.",
        headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
    )


def _is_exhaustion(error: Exception) -> bool:
    """Whether the machine ran out of descriptors, memory or disk: thousands of requests may fail so at once."""
    return isinstance(error, OSError) and error.errno in EXHAUSTED


class _ResponseTracker:
    """Wraps `send`: records whether the response has started and adds the headers of every response."""

    __slots__ = ("_send", "headers", "started")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.headers: tuple[Header, ...] = FOR_EVERYTHING
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "websocket.accept":
            self.started = True
        elif message["type"] == "http.response.start":
            self.started = True
            own = list(message.get("headers", ()))
            names = {name for name, _ in own if name != b"vary"}
            message = {**message, "headers": own + [header for header in self.headers if header[0] not in names]}
        await self._send(message)


def _origin_of(address: str | None) -> str | None:
    """The origin of an address; `None` for a path."""
    parts = urlsplit(address or "")
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else None


def _is_api(scope: Scope) -> bool:
    return site_path(scope).startswith("/api/")


def _wants_html(scope: Scope) -> bool:
    return any(k == b"accept" and b"text/html" in v for k, v in scope["headers"])


def _with_header(send: Send, name: bytes, value: bytes) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), (name, value)]}
        await send(message)

    return wrapped
