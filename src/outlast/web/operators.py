"""Dashboard logins: an operator signs in with the dashboard's key and stays signed in by a signed cookie."""

import hashlib
import hmac
import logging
import secrets
from datetime import timedelta
from itertools import chain
from threading import Lock

from limits import RateLimitItemPerMinute
from starlette.types import Scope

from outlast.ports.clock import Clock
from outlast.ports.facts import FactStore, StoredFact
from outlast.settings import Settings
from outlast.web.headers import cookie, values_of
from outlast.web.keys import KeyRing
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


class Operators:
    """Signs operators in with the key of the settings, or with a one-time key where none is set."""

    def __init__(self, settings: Settings, keys: KeyRing, clock: Clock) -> None:
        self._settings = settings
        self._keys = keys
        self._names = [*(f"{COOKIE}_{of_key}" for of_key in keys.namespaces), COOKIE]
        self._clock = clock
        self._permanent_key = settings.dashboard_key
        self._one_time: str | None = None
        self._failures = LocalRates()
        self._lock = Lock()

    def one_time_key(self) -> str | None:
        """Create a key that signs one operator in and replaces the last one; `None` if the settings have a key."""
        if self._permanent_key is not None:
            return None
        with self._lock:
            self._one_time = secrets.token_urlsafe(24)
            return self._one_time

    @property
    def has_key(self) -> bool:
        """Whether the settings have a key."""
        return self._permanent_key is not None

    def accepts(self, key: str) -> bool:
        """Whether this is the key of the settings; a key that opens once is for people."""
        shown = key.encode(errors="replace")
        return self._permanent_key is not None and hmac.compare_digest(shown, self._permanent_key.encode())

    def sign_in(self, key: str, scope: Scope) -> str | None:
        """Check the key and return the `Set-Cookie` value of a new login; `None` if the key is wrong."""
        if not self._redeem(key):
            return None
        name, until = secrets.token_hex(16), int(self._clock.now().timestamp()) + LIFETIME
        value = f"{name}.{until}.{self._sign(name, until)}"
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

    def known(self, raw: bytes) -> str | None:
        """The operator whose valid login a `Cookie` header carries, else `None`."""
        for value in chain.from_iterable(values_of(raw, name) for name in self._names):
            name, _, rest = value.partition(".")
            until, _, signature = rest.partition(".")
            if not (name and until.isascii() and until.isdigit() and len(until) < 20):
                continue
            if self._keys.verify("operator", self._signed(name, int(until)), signature):
                return name if int(until) > self._clock.now().timestamp() else None
        return None

    def _redeem(self, key: str) -> bool:
        if self._permanent_key is not None:
            return self.accepts(key)
        shown = key.encode(errors="replace")
        with self._lock:
            opens = self._one_time is not None and hmac.compare_digest(shown, self._one_time.encode())
            if opens:
                self._one_time = None
            return opens

    def _sign(self, name: str, until: int) -> str:
        return self._keys.sign("operator", self._signed(name, until))

    def _signed(self, name: str, until: int) -> str:
        """What the signature covers: a hash of the key too, so that changing the key ends its logins."""
        return f"{name}.{until}.{hashlib.sha256((self._permanent_key or '').encode()).hexdigest()}"


def _path(scope: Scope) -> str:
    return scope.get("root_path", "") + PATH
