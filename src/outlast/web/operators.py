"""Dashboard logins: an operator signs in with the dashboard's key and stays signed in by a signed cookie."""

import base64
import binascii
import hashlib
import hmac
import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from threading import Lock

from limits import RateLimitItemPerMinute
from starlette.types import Scope

from outlast.domain.printable import printable
from outlast.ports.clock import Clock
from outlast.ports.facts import FactStore, StoredFact
from outlast.settings import Settings
from outlast.web.headers import cookie, values_of
from outlast.web.keys import KeyRing
from outlast.web.permissions import Role
from outlast.web.rates import LocalRates

log = logging.getLogger(__name__)

COOKIE = "outlast_operator"
"""Prefix of the cookie's name, followed by the site's namespace; earlier versions used it alone."""
PATH = "/dashboard"
LIFETIME = 12 * 3_600
"""Seconds that a login lasts."""
CLOCK_SKEW = 3_600
"""Seconds beyond the login for which a sign-out is stored, as clocks of machines differ."""
SIGNED_OUT = "outlast: operators who have left"
"""The space of facts that lists them."""
FAILURES = RateLimitItemPerMinute(10)
"""Wrong keys accepted from one address."""
LOCAL_FAILURES = RateLimitItemPerMinute(60)
"""Wrong keys accepted from this machine: behind a local proxy, that is every client."""


LONGEST_LABEL = 40
"""Characters of the name by which an operator is called in the audit log."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody who has signed in."""

    name: str
    """Unique to the login."""
    role: Role

    @property
    def label(self) -> str:
        """What they called themselves at the login; may be empty."""
        try:
            return base64.b32decode(self.name.partition("-")[2].upper() or "").decode()
        except (binascii.Error, UnicodeDecodeError):
            return ""

    @property
    def shown(self) -> str:
        """How the audit log calls them."""
        known_as = f"{self.role} {self.name[:6]}"
        return f"{printable(self.label)} ({known_as})" if self.label else known_as


class Operators:
    """Signs operators and viewers in with the keys of the settings.

    Where no key of operators is set, a one-time key signs one of them in.
    """

    def __init__(self, settings: Settings, keys: KeyRing, clock: Clock) -> None:
        self._settings = settings
        self._keys = keys
        self._names = [*(f"{COOKIE}_{of_key}" for of_key in keys.namespaces), COOKIE]
        self._clock = clock
        self._permanent_key = settings.dashboard_key
        self._viewer_key = settings.dashboard_viewer_key
        self._one_time: str | None = None
        self._offered_once = False
        self._failures = LocalRates()
        self._lock = Lock()

    def one_time_key(self) -> str | None:
        """Create a key that signs one operator in and replaces the last one; `None` if the settings have a key."""
        if self._permanent_key is not None:
            return None
        with self._lock:
            self._offered_once = True
            self._one_time = secrets.token_urlsafe(24)
            return self._one_time

    @property
    def has_key(self) -> bool:
        """Whether the settings have a key."""
        return self._permanent_key is not None or self._viewer_key is not None

    @property
    def is_open(self) -> bool:
        """Whether there is any key, or a one-time key was made."""
        return self.has_key or self._offered_once

    def accepts(self, key: str) -> bool:
        """Whether this is a key of the settings, of either role; a key that opens once is for people."""
        return _equal(key, self._permanent_key) or _equal(key, self._viewer_key)

    def sign_in(self, key: str, scope: Scope, label: str = "") -> str | None:
        """Check the key and return the `Set-Cookie` value of a new login; `None` if the key is wrong.

        `label` is what they call themselves.
        """
        role = self._redeem(key)
        if role is None:
            return None
        name, until = secrets.token_hex(16), int(self._clock.now().timestamp()) + LIFETIME
        if label := label.strip()[:LONGEST_LABEL]:
            name += "-" + base64.b32encode(label.encode(errors="replace")).decode().lower()
        value = f"{name}.{until}.{self._keys.sign('operator', self._signed(name, until, role))}"
        return cookie(scope, self._settings, self._names[0], value, path=_path(scope), seconds=LIFETIME)

    def may_try(self, address: str) -> bool:
        """Whether this address may try another key; wrong keys are limited per minute."""
        return self._failures.allows(LOCAL_FAILURES if not address else FAILURES, ["enter", address])

    def note_failure(self, address: str) -> None:
        self._failures.count(FAILURES, ["enter", address])
        log.warning("A client at %s entered a wrong dashboard key.", address or "this machine")

    async def sign_out(self, name: str, store: FactStore) -> None:
        """Invalidate the operator's cookie in every process."""
        until = self._clock.now() + timedelta(seconds=LIFETIME + CLOCK_SKEW)
        await store.remember(SIGNED_OUT, [StoredFact(name, "", "true")], until=until)

    async def has_signed_out(self, name: str, store: FactStore) -> bool:
        return bool(await store.recall(SIGNED_OUT, [name]))

    def expired_cookie(self, scope: Scope) -> str:
        """The `Set-Cookie` value that deletes the login cookie."""
        return cookie(scope, self._settings, self._names[0], "", path=_path(scope), seconds=0)

    def known(self, raw: bytes) -> Operator | None:
        """The operator or viewer whose valid login a `Cookie` header carries, else `None`."""
        for value in chain.from_iterable(values_of(raw, name) for name in self._names):
            name, _, rest = value.partition(".")
            until, _, signature = rest.partition(".")
            if not (name and until.isascii() and until.isdigit() and len(until) < 20):
                continue
            for role in self._roles:
                if self._keys.verify("operator", self._signed(name, int(until), role), signature):
                    return Operator(name, role) if int(until) > self._clock.now().timestamp() else None
        return None

    @property
    def _roles(self) -> tuple[Role, ...]:
        return tuple(Role)[::-1] if self._viewer_key is not None else (Role.OPERATOR,)

    def _redeem(self, key: str) -> Role | None:
        """Return the role that the key gives, and use a one-time key up."""
        if _equal(key, self._viewer_key):
            return Role.VIEWER
        if self._permanent_key is not None:
            return Role.OPERATOR if _equal(key, self._permanent_key) else None
        shown = key.encode(errors="replace")
        with self._lock:
            opens = self._one_time is not None and hmac.compare_digest(shown, self._one_time.encode())
            if opens:
                self._one_time = None
            return Role.OPERATOR if opens else None

    def _signed(self, name: str, until: int, role: Role) -> str:
        """What the signature covers: a hash of the role's key too, so that changing the key ends its logins.

        A process of an earlier version, which knows no viewers, accepts no login of theirs.
        """
        key = self._viewer_key if role is Role.VIEWER else self._permanent_key
        return f"{name}.{until}.{hashlib.sha256((key or '').encode()).hexdigest()}"


def _equal(shown: str, key: str | None) -> bool:
    return key is not None and hmac.compare_digest(shown.encode(errors="replace"), key.encode())


def _path(scope: Scope) -> str:
    return scope.get("root_path", "") + PATH
