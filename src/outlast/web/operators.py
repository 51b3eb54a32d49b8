"""Who is an operator: whoever showed the dashboard's key, for some hours, known by a cookie of its own."""

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
from outlast.web.cookies import cookie, values_of
from outlast.web.keys import KeyRing
from outlast.web.local_rates import LocalRates

log = logging.getLogger(__name__)

COOKIE = "outlast_operator"
"""Begins the name of its cookie, which ends with the site's; alone it is the name of earlier versions."""
PATH = "/dashboard"
SECONDS = 12 * 3_600
"""How long an operator is known."""
CLOCKS_DIFFER = 3_600
"""Seconds beyond, for which it is remembered who has left."""
LEFT = "outlast: operators who have left"
"""The space of facts in which they are."""
FAILURES = RateLimitItemPerMinute(10)
"""Wrong keys of one address."""
FAILURES_OF_NOBODY = RateLimitItemPerMinute(60)
"""Wrong keys from this machine: behind a local proxy that is everybody."""


class Operators:
    """Nobody is one until there is a key: that of the settings, or one that opens once."""

    def __init__(self, settings: Settings, keys: KeyRing, clock: Clock) -> None:
        self._settings = settings
        self._keys = keys
        self._names = [*(f"{COOKIE}_{of_key}" for of_key in keys.namespaces), COOKIE]
        self._clock = clock
        self._lasting = settings.dashboard_key
        self._once: str | None = None
        self._failed = LocalRates()
        self._lock = Lock()

    def key_for_once(self) -> str | None:
        """A new key that lets one operator in, in place of any before; `None` where a lasting key is set."""
        if self._lasting is not None:
            return None
        with self._lock:
            self._once = secrets.token_urlsafe(24)
            return self._once

    def admit(self, key: str, scope: Scope) -> str | None:
        """The header that makes whoever shows this key an operator; `None`: it opens nothing."""
        if not self._opens(key):
            return None
        name, until = secrets.token_hex(16), int(self._clock.now().timestamp()) + SECONDS
        value = f"{name}.{until}.{self._sign(name, until)}"
        return cookie(scope, self._settings, self._names[0], value, path=_path(scope), seconds=SECONDS)

    def may_try(self, address: str) -> bool:
        """Whether another key may be shown from there: so many wrong ones a minute are looked at."""
        return self._failed.room(FAILURES_OF_NOBODY if not address else FAILURES, ["enter", address])

    def note_failure(self, address: str) -> None:
        self._failed.count(FAILURES, ["enter", address])
        log.warning("A key that does not open the dashboard was shown from %s.", address or "this machine")

    async def leave(self, name: str, store: FactStore) -> None:
        """Its cookie opens nothing any more, in any process."""
        until = self._clock.now() + timedelta(seconds=SECONDS + CLOCKS_DIFFER)
        await store.remember(LEFT, [StoredFact(name, "", "true")], until=until)

    async def has_left(self, name: str, store: FactStore) -> bool:
        return bool(await store.recall(LEFT, [name]))

    def dismiss(self, scope: Scope) -> str:
        """The header that makes an operator unknown again."""
        return cookie(scope, self._settings, self._names[0], "", path=_path(scope), seconds=0)

    def known(self, raw: bytes) -> str | None:
        """The operator that a `Cookie` header names."""
        for value in chain.from_iterable(values_of(raw, name) for name in self._names):
            name, _, rest = value.partition(".")
            until, _, signature = rest.partition(".")
            if not (name and until.isascii() and until.isdigit() and len(until) < 20):
                continue
            if self._keys.verify("operator", self._signed(name, int(until)), signature):
                return name if int(until) > self._clock.now().timestamp() else None
        return None

    def _opens(self, key: str) -> bool:
        given = key.encode(errors="replace")
        if self._lasting is not None:
            return hmac.compare_digest(given, self._lasting.encode())
        with self._lock:
            opens = self._once is not None and hmac.compare_digest(given, self._once.encode())
            if opens:
                self._once = None
            return opens

    def _sign(self, name: str, until: int) -> str:
        return self._keys.sign("operator", self._signed(name, until))

    def _signed(self, name: str, until: int) -> str:
        """With the lasting key, so that another one ends what the one before had opened."""
        return f"{name}.{until}.{hashlib.sha256((self._lasting or '').encode()).hexdigest()}"


def _path(scope: Scope) -> str:
    return scope.get("root_path", "") + PATH
