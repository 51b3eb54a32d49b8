"""Who asks, and whether they may: the host, the owner and the token, decided before any route is entered."""

import base64
import inspect
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import Scope

from outlast.ports.facts import FactStore
from outlast.settings import Settings
from outlast.web.cookies import cookie, is_secure, values_of
from outlast.web.keys import KeyRing
from outlast.web.operators import PATH, Operators
from outlast.web.problems import Problem, not_found
from outlast.web.routes import Owner, Route, Token

COOKIE = "outlast_owner"
"""Begins the name of the owner's cookie, which ends with the site's; alone it is the name of earlier versions."""
HOST_ONLY = "__Host-"
"""Begins it where browsers then see to it that no other host, and nothing without HTTPS, has set it."""
PORTS = {"http": 80, "https": 443}
COOKIE_DAYS = 365
ANONYMOUS = "visitor:"
"""Begins the owner that an anonymous visitor is."""
OPERATOR = "operator:"
"""Begins what an operator is called, who owns nothing."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})
HOST = re.compile(r"(\[[^\[\]]*\]|[^\[\]:]*)(?::[0-9]{1,5})?")
LARGEST_KEPT = 1_000
"""Bytes of a `Cookie` header that is remembered: strangers send larger ones, and with others each time."""
CACHED = 10_000
"""Verified cookies, and host names answered to, that are remembered, so that a poll costs no signature."""

OwnerOf = Callable[[Request], str | Awaitable[str | None] | None]
Headers = Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks."""

    owner: str
    """The opaque owner; its hash is what the store knows."""
    set_cookies: tuple[str, ...] = ()
    """The headers that make a new visitor known, or one of an earlier version known by today's name."""


@dataclass(frozen=True, slots=True)
class _Found:
    """An owner's cookie."""

    cookie: str
    name: str

    owner: str


class Access:
    """Decides, deny first."""

    def __init__(self, settings: Settings, keys: KeyRing, owner_of: OwnerOf | None, operators: Operators) -> None:
        self._settings = settings
        self._keys = keys
        self._owner_of = owner_of
        self._names = [f"{COOKIE}_{of_key}" for of_key in keys.namespaces]
        self.operators = operators
        self._verified: dict[bytes, _Found] = {}
        self._admitted: set[tuple[bytes, str]] = set()

    def check_host(self, scope: Scope, headers: Headers) -> None:
        """Answer only to names that are ours, so that no foreign name can be pointed at us."""
        given = headers.get(b"host", b"")
        bound: str = (scope.get("server") or ("",))[0]
        if (given, bound) in self._admitted:
            return
        name = _host_name(given.decode("latin-1"))
        allowed = self._settings.allowed_hosts
        if name in allowed or (not allowed and name in LOOPBACK | {bound, self._settings.public_host}):
            if len(self._admitted) >= CACHED:
                self._admitted.clear()
            self._admitted.add((given, bound))
            return
        raise Problem(
            421,
            f"This site does not answer to the name {name!r}. Its operator can add it to ANALYSIS_ALLOWED_HOSTS.",
        )

    def known(self, scope: Scope, headers: Headers) -> str | None:
        """The owner who asked before with the same cookie for the same host; `None`: decide at length."""
        if self._owner_of is not None or (headers.get(b"host", b""), (scope.get("server") or ("",))[0]) not in (
            self._admitted
        ):
            return None
        found = self._verified.get(headers.get(b"cookie", b""))
        return None if found is None else found.owner

    async def visitor(
        self, route: Route, scope: Scope, headers: Headers, store: Callable[[], Awaitable[FactStore]]
    ) -> Visitor | None:
        """Who asks; `None` where the route need not know. Raises 404 or 403 where it must."""
        if route.owner is Owner.ANYBODY:
            return None
        if route.owner is Owner.OPERATOR:
            return await self._operator(headers, store)
        visitor = await self._visitor(scope, headers)
        if visitor is not None:
            return visitor
        if route.owner is Owner.MADE:
            return self._new_visitor(scope)
        if route.token is not None:
            raise _no_token()
        raise not_found()

    def check_token(self, route: Route, visitor: Visitor | None, scope: Scope, headers: Headers) -> None:
        """Unsafe requests come from our own pages; a form's token is checked when the form has been read."""
        if route.token is None:
            return
        site = headers.get(b"sec-fetch-site")
        if site is not None and site not in {b"same-origin", b"none"}:
            raise Problem(403, "This request comes from another site and was refused.")
        origin = headers.get(b"origin")
        if origin is not None and not self._same_origin(origin.decode("latin-1"), scope, headers):
            raise Problem(
                403,
                "This request comes from another origin and was refused. Behind a proxy that ends HTTPS, the "
                "operator of this site sets ANALYSIS_PUBLIC_URL.",
            )
        if route.token is Token.HEADER:
            self.check_value(visitor, headers.get(b"x-csrf-token", b"").decode("latin-1"))

    def check_value(self, visitor: Visitor | None, token: str) -> None:
        if visitor is None or not token or not self._keys.verify("csrf", visitor.owner, token):
            raise _no_token()

    def token(self, visitor: Visitor) -> str:
        """What this visitor's unsafe requests must carry."""
        return self._keys.sign("csrf", visitor.owner)

    async def _operator(self, headers: Headers, store: Callable[[], Awaitable[FactStore]]) -> Visitor:
        name = self.operators.known(headers.get(b"cookie", b""))
        if name is None or await self.operators.has_left(name, await store()):
            raise Problem(
                403,
                "This part of the site is for its operators.",
                way=(f"{PATH}/enter", "Enter with the key of the dashboard"),
            )
        return Visitor(OPERATOR + name)

    async def _visitor(self, scope: Scope, headers: Headers) -> Visitor | None:
        if self._owner_of is not None:
            said = self._owner_of(Request(scope))
            owner = await said if inspect.isawaitable(said) else said
            if owner is not None:
                # what anonymous visitors and operators are called is nobody's name
                return Visitor("host:" + owner if owner.startswith((ANONYMOUS, OPERATOR)) else owner)
        raw = headers.get(b"cookie")
        if raw is None:
            return None
        today = self._todays_name(scope)
        found = self._verified.get(raw)
        if found is not None and found.cookie == today:
            return Visitor(found.owner)
        found = self._find(raw, today)
        if found is None:
            return None
        if found.cookie != today and not found.cookie.startswith(HOST_ONLY):
            gone = cookie(scope, self._settings, found.cookie, "", path=_path(scope), seconds=0)
            return Visitor(found.owner, (self._owners_cookie(scope, found.name), gone))
        if len(raw) <= LARGEST_KEPT:
            if len(self._verified) >= CACHED:
                self._verified.clear()
            self._verified[raw] = found
        return Visitor(found.owner)

    def anonymous(self, raw: bytes) -> str | None:
        """The anonymous visitor that a `Cookie` header names, as an owner."""
        found = self._find(raw, HOST_ONLY + self._names[0])
        return None if found is None else found.owner

    def _find(self, raw: bytes, today: str) -> _Found | None:
        """The one of today's name, else one of a rotated key, without HTTPS, or of an earlier version."""
        for named in dict.fromkeys([today, *(HOST_ONLY + n for n in self._names), *self._names, COOKIE]):
            for value in values_of(raw, named):
                name, _, signature = value.partition(".")
                if name and self._keys.verify("owner", name, signature):
                    return _Found(named, name, ANONYMOUS + name)
        return None

    def _todays_name(self, scope: Scope) -> str:
        """Of two sites on one host each has its own, whatever their ports and paths."""
        host_only = _path(scope) == "/" and is_secure(scope, self._settings)
        return (HOST_ONLY if host_only else "") + self._names[0]

    def _new_visitor(self, scope: Scope) -> Visitor:
        name = base64.b32encode(secrets.token_bytes(20)).decode().lower()
        return Visitor(ANONYMOUS + name, (self._owners_cookie(scope, name),))

    def _owners_cookie(self, scope: Scope, name: str) -> str:
        value, seconds = f"{name}.{self._keys.sign('owner', name)}", COOKIE_DAYS * 86_400
        return cookie(scope, self._settings, self._todays_name(scope), value, path=_path(scope), seconds=seconds)

    def _same_origin(self, origin: str, scope: Scope, headers: Headers) -> bool:
        """Scheme, host and port are ours, as the public address or this request says them."""
        public = self._settings.public_url
        theirs = _place(origin)
        if theirs is None or (public is not None and theirs == _place(public)):
            return theirs is not None
        host, scheme = headers.get(b"host", b"").decode("latin-1"), scope.get("scheme", "http")
        if is_secure(scope, self._settings) and _host_name(host) == self._settings.public_host:
            scheme = "https"  # however the proxy asks
        if theirs == _place(f"{scheme}://{host}"):
            return True
        # a proxy that ends HTTPS may not say so, but then the browser has compared what it sees
        seen_by_browser = headers.get(b"sec-fetch-site") == b"same-origin"
        return seen_by_browser and theirs == _place(f"https://{host}")


def _path(scope: Scope) -> str:
    """From which on the owner's cookie is sent: where the site is mounted."""
    return scope.get("root_path") or "/"


def _place(address: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port; `None` where it is no address of the web."""
    try:
        parts = urlsplit(address)
        if parts.scheme not in PORTS or not parts.hostname or "@" in parts.netloc:
            return None
        return parts.scheme, parts.hostname, parts.port or PORTS[parts.scheme]
    except ValueError:  # a bracket that is never closed, a port that is none
        return None


def _host_name(host: str) -> str:
    """Without its port; as it is where that is none."""
    found = HOST.fullmatch(host)
    return found[1] if found else host


def _no_token() -> Problem:
    return Problem(
        403,
        "This request lacks a valid token. Get one from /api/analysis/token and send it as X-CSRF-Token, "
        "with the cookie that comes with it.",
    )
