"""API keys and read tokens, with which a request needs no cookie and no CSRF token."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Final
from urllib.parse import parse_qs

from starlette.types import Scope as AsgiScope

from outlast.core.api_keys import PREFIX, key_digest
from outlast.core.ids import owner_hash
from outlast.ports.clock import Clock
from outlast.running.engine import Engine
from outlast.web.headers import values_of
from outlast.web.keys import KeyRing
from outlast.web.logins import READER
from outlast.web.permissions import Actor
from outlast.web.problems import Problem

TOKEN_PREFIX: Final = "ort_"  # noqa: S105 - not a secret
"""With which every read token begins."""
DEFAULT_VALIDITY: Final = timedelta(hours=24)
LONGEST_VALIDITY: Final = timedelta(days=366)
MAX_TOKEN = 200
Headers = Mapping[bytes, bytes]


def make_read_token(keys: KeyRing, session_id: str, clock: Clock, valid_for: timedelta) -> str:
    """Sign a token that reads one session. Raises `ValueError` if `valid_for` is out of bounds."""
    if not timedelta(0) < valid_for <= LONGEST_VALIDITY:
        raise ValueError(f"valid_for is {valid_for}; it is more than 0 and at most {LONGEST_VALIDITY.days} days.")
    signed = f"{session_id}.{int((clock.now() + valid_for).timestamp())}"
    return f"{TOKEN_PREFIX}{signed}.{keys.sign('read', signed)}"


def token_seconds(token: str, clock: Clock) -> int:
    """The seconds until a valid token expires."""
    return max(1, int(token.split(".")[1]) - int(clock.now().timestamp()))


def cookie_name(session_id: str) -> str:
    """The cookie in which the page of a session keeps a read token."""
    return f"outlast_read_{session_id[:10]}"


def token_in_query(scope: AsgiScope) -> str | None:
    """The read token in the address."""
    query = scope.get("query_string", b"")
    if b"token=" not in query:
        return None
    return parse_qs(query.decode("latin-1")).get("token", [""])[-1] or None


class Bearers:
    """Recognizes keys and tokens for one site."""

    def __init__(self, keys: KeyRing, engine: Callable[[], Awaitable[Engine]]) -> None:
        self._keys = keys
        self._engine = engine

    async def actor(
        self,
        scope: AsgiScope,
        headers: Headers,
        session_id: str | None,
        visitor: Callable[[], Awaitable[str | None]],
        *,
        page: bool,
    ) -> Actor | None:
        """The actor of a request with a key or a token; `None`: the request is a visitor's.

        A page takes no keys. A token in a cookie or an address does not count if the session is the visitor's
        own. Raises 401 for a key or a token that is not valid, except for a token in a cookie.
        """
        kind, _, given = headers.get(b"authorization", b"").decode("latin-1").strip().partition(" ")
        given = given.strip() if kind.lower() == "bearer" else ""
        if given.startswith(PREFIX) and not page:
            return await self._of_key(given)
        if given.startswith(TOKEN_PREFIX):
            return await self._of_token(given) or _refuse("This token is not valid, or it has expired.")
        if session_id is None:
            return None
        token = token_in_query(scope)
        kept = list(values_of(headers.get(b"cookie", b""), cookie_name(session_id)))
        found = None
        for candidate in [token] if token else kept:
            found = found or await self._of_token(candidate)
        if found is None:
            return _refuse("This link is not valid, or it has expired.") if token else None
        owner = await visitor()
        if owner is not None:
            hashed, store = owner_hash(owner), (await self._engine()).guarded_store
            if await store.version(session_id, owner=hashed) or await store.result(session_id, owner=hashed):
                return None
        return found

    async def _of_key(self, secret: str) -> Actor:
        engine = await self._engine()
        key = await engine.guarded_store.find_api_key(key_digest(secret))
        if key is None or not key.valid(engine.clock.now()):
            return _refuse("This API key is unknown, expired or revoked.")
        return Actor(key.owner, key.scopes, key_id=key.id)

    async def _of_token(self, token: str) -> Actor | None:
        if len(token) > MAX_TOKEN or not token.startswith(TOKEN_PREFIX):
            return None
        signed, _, signature = token.removeprefix(TOKEN_PREFIX).rpartition(".")
        session_id, _, until = signed.partition(".")
        if not (until.isascii() and until.isdigit() and self._keys.verify("read", signed, signature)):
            return None
        valid = int(until[:12]) > (await self._engine()).clock.now().timestamp()
        return Actor(READER + session_id, session_id=session_id) if valid else None


def _refuse(sentence: str) -> Actor:
    raise Problem(401, sentence, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
