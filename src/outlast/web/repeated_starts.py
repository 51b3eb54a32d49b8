"""`Idempotency-Key`: a client repeats a start without starting anything twice.

As in draft-ietf-httpapi-idempotency-key-header: the same key with the same body returns the session that the first
request started, also once it has ended; with another body it is refused.
"""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import ClientDisconnect

from outlast.core.ids import new_session_id, owner_hash
from outlast.core.session_starts import Started
from outlast.domain.errors import OutlastError, StoreUnavailable
from outlast.web.problems import Problem
from outlast.web.request_context import RequestContext

MAX_KEY = 255
"""Characters of a key."""
LONGEST_WAIT = 5.0
"""Seconds that a request waits for an earlier one with the same key."""
POLL_EVERY = 0.1


def start_key(context: RequestContext) -> str | None:
    """The hash of the request's `Idempotency-Key`; raises 400 for a key that is not one."""
    given = context.headers.get(b"idempotency-key")
    if given is None:
        return None
    key = given.decode("latin-1").strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':  # a string of RFC 9651, as the draft has it; most send it bare
        key = key[1:-1]
    if not key or len(key) > MAX_KEY or not key.isascii() or not key.isprintable():
        raise Problem(400, f"Idempotency-Key is a string of 1 to {MAX_KEY} printable ASCII characters.")
    return hashlib.sha256(key.encode()).hexdigest()


async def start_once(
    context: RequestContext, key: str, body: Any, start: Callable[[str], Awaitable[Started]]
) -> Started:
    """Call `start` with the id of the new session unless an earlier request with this key has started one."""
    store, owner = context.engine.guarded_store, owner_hash(context.owner)
    fingerprint = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    end = asyncio.get_running_loop().time() + LONGEST_WAIT
    new_id = new_session_id()
    while not (taken := await store.take_start_key(owner, key, fingerprint, new_id)).held:
        if taken.fingerprint != fingerprint:
            raise Problem(422, "This Idempotency-Key came with another body before. Use a new key.")
        if taken.settled:
            session = await store.get(taken.session_id, owner=owner)
            if session is None:
                raise Problem(410, "The session of this Idempotency-Key is deleted. Use a new key.")
            return Started(session, existing=True)
        if asyncio.get_running_loop().time() >= end:
            raise Problem(409, "A request with this Idempotency-Key is still being processed.", retry_after=1)
        await asyncio.sleep(POLL_EVERY)
    if taken.session_id != new_id:  # an earlier request took the key and has not settled it
        session = await store.get(taken.session_id, owner=owner)
        if session is not None:
            await store.settle_start_key(owner, key, session.id)
            return Started(session, existing=True)
    try:
        started = await start(taken.session_id)
        if started.existing:  # the rate of starts does not count it, but its key is stored
            await context.limits.count_or_refuse("key " + context.owner, "")
    except StoreUnavailable:  # it may have started: a later request with the key looks
        raise
    except (OutlastError, ClientDisconnect):
        await store.release_start_key(owner, key)
        raise
    await store.settle_start_key(owner, key, started.session.id)
    return started
