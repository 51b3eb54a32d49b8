"""Authentication and access control of requests: allowed hosts, owner cookies and CSRF tokens."""

import base64
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from starlette.types import Scope

from outlast.core.ids import ANONYMOUS
from outlast.domain.messages import message
from outlast.ports.facts import FactStore
from outlast.settings import Settings
from outlast.web.cross_origin import CrossOrigin
from outlast.web.headers import cookie, is_secure, own_origin, site_path, values_of
from outlast.web.keys import KeyRing, mask, unmask
from outlast.web.limits import client_address
from outlast.web.logins import OPERATOR, RESERVED, Logins
from outlast.web.operators import PATH, Operator, Operators
from outlast.web.problems import Problem, not_found

COOKIE = "outlast_owner"
"""Prefix of the owner cookie's name, followed by the site's namespace; earlier versions used it alone."""
HOST_ONLY = "__Host-"
"""Cookie prefix with which browsers refuse cookies set by another host or without HTTPS."""
PORTS = {"http": 80, "https": 443}
COOKIE_DAYS = 365
ABOVE_MOUNT = "_host"
"""Suffix of the cookie's name where its path is above the mount: earlier versions had the mount as the path."""
OWN = "_own"
"""Suffix of the name of the cookie that keeps a browser's own owner while it continues as another one."""
CLOSED = "{} is closed, because no credential is set. Set ANALYSIS_DASHBOARD_KEY (openssl rand -hex 16)."
"""Why nobody may enter."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})
HOST = re.compile(r"(\[[^\[\]]*\]|[^\[\]:]*)(?::[0-9]{1,5})?")
MAX_SHOWN = 200
"""Characters of an origin that an error shows."""
MAX_CACHED_COOKIE = 1_000
"""Bytes of a `Cookie` header that is cached; larger ones may come from anybody, different each time."""
MAX_CACHED = 10_000
"""Verified cookies, and accepted host names, in the cache: a poll then verifies no signature."""

Headers = Mapping[bytes, bytes]


class Requires(StrEnum):
    """Whom a route requires."""

    ANYBODY = "anybody"
    """None: no cookie is read or set."""
    OWNER = "owner"
    """An existing owner; requests without one get 404."""
    OWNER_OR_NEW = "owner_or_new"
    """An owner; a visitor without one becomes a new owner."""
    BROWSER = "browser"
    """A browser with the cookie, whoever its user is: operators need no login of the host."""
    BROWSER_OR_NEW = "browser_or_new"
    """Like `BROWSER`; one without the cookie gets it."""
    VIEWER = "viewer"
    """Somebody who has signed in to the dashboard as a viewer or an operator."""
    OPERATOR = "operator"
    """A signed-in operator, who may change everything."""
    OPERATOR_KEY = "operator_key"
    """A program with a key of the dashboard or an API key of the scope `operate`, as a bearer token; only for
    routes that read."""


class CsrfTokenIn(StrEnum):
    """How an unsafe request carries its CSRF token."""

    HEADER = "header"
    """`X-CSRF-Token`."""
    FORM = "form"
    """The hidden field `csrf_token` of a form."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who sent a request: an owner or an operator."""

    owner: str
    """The opaque owner; the store only has its hash."""
    set_cookies: tuple[str, ...] = ()
    """`Set-Cookie` values for a new visitor, or for one whose cookie has an outdated name."""
    operator: Operator | None = None
    """Who has signed in, on the routes of the dashboard."""


@dataclass(frozen=True, slots=True)
class _VerifiedCookie:
    """An owner cookie with a valid signature."""

    cookie: str
    name: str
    owner: str


class Access:
    """The access rules of one site. Whatever no rule allows is denied."""

    def __init__(self, settings: Settings, keys: KeyRing, logins: Logins, operators: Operators) -> None:
        self._settings = settings
        self._keys = keys
        self._logins = logins
        self._cross_origin = CrossOrigin(settings)
        self._names = [f"{COOKIE}_{of_key}" for of_key in keys.namespaces]
        self.operators = operators
        self._verified: dict[bytes, _VerifiedCookie] = {}
        self._accepted_hosts: set[tuple[bytes, str]] = set()

    @property
    def keys(self) -> KeyRing:
        """The keys that sign its tokens."""
        return self._keys

    def check_host(self, scope: Scope, headers: Headers) -> None:
        """Raise 421 for a `Host` that is not allowed, which prevents DNS rebinding."""
        given = headers.get(b"host", b"")
        bound: str = (scope.get("server") or ("",))[0]
        if (given, bound) in self._accepted_hosts:
            return
        name = _host_name(given.decode("latin-1"))
        allowed = self._settings.allowed_hosts
        if name in allowed or (not allowed and name in LOOPBACK | {bound, self._settings.public_host}):
            if len(self._accepted_hosts) >= MAX_CACHED:
                self._accepted_hosts.clear()
            self._accepted_hosts.add((given, bound))
            return
        raise Problem(
            421,
            message(
                "This site does not answer to the name {name}. Its operator can add it to ANALYSIS_ALLOWED_HOSTS.",
                name=repr(name),
            ),
        )

    def cached_owner(self, scope: Scope, headers: Headers) -> str | None:
        """The owner of a request whose cookie and host are in the caches; `None`: run the full checks."""
        if self._logins.owner_of is not None or (
            headers.get(b"host", b""),
            (scope.get("server") or ("",))[0],
        ) not in (self._accepted_hosts):
            return None
        found = self._verified.get(headers.get(b"cookie", b""))
        return None if found is None else found.owner

    @property
    def offers_devices(self) -> bool:
        """Whether a visitor may continue on another device: a host with logins of its own has them for that."""
        return self._logins.owner_of is None

    def continued(self, scope: Scope, headers: Headers, owner: str) -> tuple[str, ...]:
        """The `Set-Cookie` values with which this browser continues as another anonymous owner.

        The browser's own owner moves into a cookie of its own, so that `returned` can go back to it.
        """
        raw, current = headers.get(b"cookie", b""), self._cookie_name(scope)
        name = owner.removeprefix(ANONYMOUS)
        kept = self._find(raw, current, OWN, "own")
        if kept is not None and kept.name == name:
            return self.returned(scope, headers)
        cookies = (self._owner_cookie(scope, name),)
        own = self._find(raw, current)
        if own is None or own.name == name or kept is not None:
            return cookies
        value, seconds = f"{own.name}.{self._keys.sign('own', own.name)}", COOKIE_DAYS * 86_400
        return *cookies, cookie(scope, self._settings, current + OWN, value, path=_path(scope), seconds=seconds)

    def continues(self, scope: Scope, headers: Headers) -> bool:
        """Whether this browser continues as the owner of another device."""
        return self._find(headers.get(b"cookie", b""), self._cookie_name(scope), OWN, "own") is not None

    def returned(self, scope: Scope, headers: Headers) -> tuple[str, ...]:
        """The `Set-Cookie` values with which this browser goes back to its own owner; raises 404 without one."""
        own = self._find(headers.get(b"cookie", b""), self._cookie_name(scope), OWN, "own")
        if own is None:
            raise not_found()
        expired = cookie(scope, self._settings, own.cookie, "", path=_path(scope), seconds=0)
        return self._owner_cookie(scope, own.name), expired

    async def authenticate(
        self,
        requires: Requires,
        token: CsrfTokenIn | None,
        scope: Scope,
        headers: Headers,
        store: Callable[[], Awaitable[FactStore]],
    ) -> Identity | None:
        """Authenticate a request; `None` if its route requires no owner. Raises 401, 403 or 404 if it has none."""
        if requires is Requires.ANYBODY:
            return None
        if requires in {Requires.VIEWER, Requires.OPERATOR}:
            return await self._operator(headers, store)
        if requires is Requires.OPERATOR_KEY:
            return self._key_holder(scope, headers)
        if requires in {Requires.OWNER, Requires.OWNER_OR_NEW}:
            owner = await self._host_user(scope, headers)
            if owner is not None:
                return Identity(owner)
            if not self._logins.anonymous:
                raise self._logins.required(scope, own_origin(scope, self._settings), safe=token is None)
        identity = self._visitor(scope, headers)
        if identity is not None:
            return identity
        if requires in {Requires.OWNER_OR_NEW, Requires.BROWSER_OR_NEW}:
            return self._new_owner(scope, headers)
        if token is not None:
            raise _missing_token()
        raise not_found()

    def check_token(
        self, token: CsrfTokenIn | None, identity: Identity | None, scope: Scope, headers: Headers
    ) -> None:
        """Raise 403 for unsafe requests from other sites. A form's token is checked once the form is parsed."""
        if token is None:
            return
        self.check_origin(scope, headers)
        if token is CsrfTokenIn.HEADER:
            self.verify_token(identity, headers.get(b"x-csrf-token", b"").decode("latin-1"))

    def check_origin(self, scope: Scope, headers: Headers) -> None:
        """Raise 403 for requests from other sites, unless the settings allow theirs."""
        if self._cross_origin.allows(headers, site_path(scope)):
            return
        origin, site = headers.get(b"origin"), headers.get(b"sec-fetch-site")
        if origin is not None and not self._same_origin(origin.decode("latin-1"), scope, headers):
            raise Problem(403, self._refusal(origin.decode("latin-1"), scope))
        if site is not None and site not in {b"same-origin", b"none"}:
            raise Problem(403, self._refusal("", scope))

    def _refusal(self, origin: str, scope: Scope) -> str:
        """Both origins, as one of them is what the operator has to set."""
        shown = origin if _origin(origin) else "an unknown origin"
        own, public = own_origin(scope, self._settings), self._settings.public_url
        told = f"ANALYSIS_PUBLIC_URL is {public}" if public else "ANALYSIS_PUBLIC_URL is not set"
        return (
            f"This request comes from {shown[:MAX_SHOWN]} and was refused, as this site is at {own[:MAX_SHOWN]} "
            f"({told}). If people use this site at the former address, its operator sets ANALYSIS_PUBLIC_URL "
            "to it; if a front end of theirs is there, they add it to ANALYSIS_ALLOWED_ORIGINS."
        )

    def verify_token(self, identity: Identity | None, token: str) -> None:
        if identity is None or not token or not self._keys.verify("csrf", identity.owner, unmask(token)):
            raise _missing_token()

    def token(self, identity: Identity) -> str:
        """The CSRF token of this owner."""
        return self._keys.sign("csrf", identity.owner)

    def masked_token(self, identity: Identity) -> str:
        """The CSRF token for a page: different each time, so that compression does not betray it."""
        return mask(self.token(identity))

    async def _operator(self, headers: Headers, store: Callable[[], Awaitable[FactStore]]) -> Identity:
        if not self.operators.is_open:
            raise Problem(403, CLOSED.format("This part of the site"))
        found = self.operators.known(headers.get(b"cookie", b""))
        if found is None or await self.operators.has_signed_out(found.name, await store()):
            raise Problem(
                403,
                message("This part of the site is for its operators."),
                link=(f"{PATH}/enter", message("Enter with the key of the dashboard")),
            )
        return Identity(OPERATOR + found.name, operator=found)

    def _key_holder(self, scope: Scope, headers: Headers) -> Identity:
        """Raise 401 for a missing or wrong key, 403 if none is set, and 429 after too many wrong ones."""
        if not self.operators.has_key:
            raise Problem(
                403,
                CLOSED.format("This address")
                + " Send it or an API key of the scope operate as Authorization: Bearer.",
            )
        scheme, _, key = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise _wrong_key(
                "Send a key of the dashboard (ANALYSIS_DASHBOARD_KEY or ANALYSIS_DASHBOARD_VIEWER_KEY) or an API "
                "key of the scope operate as Authorization: Bearer."
            )
        address = client_address(scope)
        if not self.operators.may_try(address):
            raise Problem(429, "Too many wrong keys were shown. Please try again in a minute.", retry_after=60)
        if not self.operators.accepts(key.strip()):
            self.operators.note_failure(address)
            raise _wrong_key(
                "This is no key of the dashboard (ANALYSIS_DASHBOARD_KEY or ANALYSIS_DASHBOARD_VIEWER_KEY)."
            )
        return Identity(OPERATOR + "key")

    async def _host_user(self, scope: Scope, headers: Headers) -> str | None:
        """The owner that the host names. Raises 403 for a name that only this site gives."""
        owner = await self._logins.owner(scope)
        if (
            owner is not None
            and RESERVED.fullmatch(owner)
            and owner != self.anonymous(headers.get(b"cookie", b""))
        ):
            raise Problem(
                403, message("Your user name has the form of a name that this site gives to visitors. Change it.")
            )
        return owner

    def _visitor(self, scope: Scope, headers: Headers) -> Identity | None:
        raw = headers.get(b"cookie")
        if raw is None:
            return None
        current_name = self._cookie_name(scope)
        found = self._verified.get(raw)
        if found is not None and found.cookie == current_name:
            return Identity(found.owner)
        found = self._find(raw, current_name)
        if found is None:
            return None
        if found.cookie != current_name and not found.cookie.startswith(HOST_ONLY):
            mount = scope.get("root_path") or "/"  # where earlier versions set it
            # at the host's root, the name without suffix may be another mount's with the same key
            where = [mount] if current_name.endswith(ABOVE_MOUNT) else dict.fromkeys([_path(scope), mount])
            expired = [cookie(scope, self._settings, found.cookie, "", path=path, seconds=0) for path in where]
            return Identity(found.owner, (self._owner_cookie(scope, found.name), *expired))
        if len(raw) <= MAX_CACHED_COOKIE:
            if len(self._verified) >= MAX_CACHED:
                self._verified.clear()
            self._verified[raw] = found
        return Identity(found.owner)

    def anonymous(self, raw: bytes) -> str | None:
        """The owner of the anonymous visitor whose cookie a `Cookie` header carries, else `None`."""
        found = self._find(raw, HOST_ONLY + self._names[0])
        return None if found is None else found.owner

    def _find(
        self, raw: bytes, current_name: str, suffix: str = "", purpose: str = "owner"
    ) -> _VerifiedCookie | None:
        """Prefer the current name, then those of rotated keys, of plain HTTP and of earlier versions."""
        protected, above = (HOST_ONLY + n for n in self._names), (n + ABOVE_MOUNT for n in self._names)
        for named in dict.fromkeys([current_name, *protected, *above, *self._names, COOKIE]):
            for value in values_of(raw, named + suffix):
                name, _, signature = value.partition(".")
                if name and self._keys.verify(purpose, name, signature):
                    return _VerifiedCookie(named + suffix, name, ANONYMOUS + name)
        return None

    def _cookie_name(self, scope: Scope) -> str:
        """The cookie's name; it differs between two sites on one host, whatever their ports and paths."""
        path, name = _path(scope), self._names[0]
        if path == "/" and is_secure(scope, self._settings):
            return HOST_ONLY + name
        return name if path == (scope.get("root_path") or "/") else name + ABOVE_MOUNT

    def _new_owner(self, scope: Scope, headers: Headers) -> Identity:
        name = base64.b32encode(secrets.token_bytes(20)).decode().lower()
        embedded = headers.get(b"sec-fetch-site") == b"cross-site" and self._cross_origin.allows(
            headers, site_path(scope)
        )
        return Identity(ANONYMOUS + name, (self._owner_cookie(scope, name, embedded=embedded),))

    def _owner_cookie(self, scope: Scope, name: str, *, embedded: bool = False) -> str:
        """The cookie; browsers send an `embedded` one from pages of the front end's site, and only from there."""
        value, seconds = f"{name}.{self._keys.sign('owner', name)}", COOKIE_DAYS * 86_400
        made = cookie(scope, self._settings, self._cookie_name(scope), value, path=_path(scope), seconds=seconds)
        if embedded and is_secure(scope, self._settings):
            return made.replace("SameSite=Lax", "SameSite=None; Partitioned")
        return made

    def _same_origin(self, origin: str, scope: Scope, headers: Headers) -> bool:
        """Whether the origin matches the public address or the address of this request."""
        public = self._settings.public_url
        claimed = _origin(origin)
        if claimed is None or (public is not None and claimed == _origin(public)):
            return claimed is not None
        host, scheme = headers.get(b"host", b"").decode("latin-1"), scope.get("scheme", "http")
        if is_secure(scope, self._settings) and _host_name(host) == self._settings.public_host:
            scheme = "https"  # the proxy may forward by plain HTTP
        if claimed == _origin(f"{scheme}://{host}"):
            return True
        # a proxy that terminates HTTPS may not say so; then the browser has compared the origins
        seen_by_browser = headers.get(b"sec-fetch-site") == b"same-origin"
        return seen_by_browser and claimed == _origin(f"https://{host}")


def _path(scope: Scope) -> str:
    """The `Path` of the owner cookie: the root of the host application, whose login view has to receive it too.

    Starlette and FastAPI name that root in `app_root_path`, and so does `asgi(prefix=…)` for other hosts; without
    either it is the path of the mount.
    """
    return scope.get("app_root_path", scope.get("root_path")) or "/"


def _origin(address: str) -> tuple[str, str, int | None] | None:
    """Parse scheme, host and port; `None` if this is not an HTTP origin."""
    try:
        parts = urlsplit(address)
        if parts.scheme not in PORTS or not parts.hostname or "@" in parts.netloc:
            return None
        return parts.scheme, parts.hostname, parts.port or PORTS[parts.scheme]
    except ValueError:  # an unclosed bracket, an invalid port
        return None


def _host_name(host: str) -> str:
    """Strip the port; return malformed values unchanged."""
    found = HOST.fullmatch(host)
    return found[1] if found else host


def _wrong_key(sentence: str) -> Problem:
    return Problem(401, sentence, headers={"WWW-Authenticate": 'Bearer realm="operators"'})


def _missing_token() -> Problem:
    return Problem(
        403,
        message(
            "This request lacks a valid token. Get one from /api/analysis/token and send it as X-CSRF-Token, "
            "with the cookie that comes with it."
        ),
    )
