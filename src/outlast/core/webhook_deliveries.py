"""Starts the deliveries of webhooks: each is a session of an internal analysis, with its retries and history."""

import hashlib
from contextlib import suppress
from typing import Final

from outlast.core.ids import new_session_id
from outlast.core.sessions import Sessions
from outlast.domain.errors import DiskAlmostFull, QueueFull
from outlast.ports.callbacks import Callback
from outlast.ports.store import Store

WEBHOOK: Final = "outlast.webhook"
"""The analysis that delivers; the site neither shows it nor lets visitors start it."""
OWNER: Final = "webhooks"
"""Owner of the start keys, by which of several processes one starts a delivery."""
BATCH: Final = 100


async def start_deliveries(store: Store, sessions: Sessions) -> None:
    """Start a delivery for each receiver whose session has ended."""
    with suppress(QueueFull, DiskAlmostFull):  # the rest waits for the next call
        for callback in await store.due_callbacks(BATCH):
            await _start_delivery(store, sessions, callback)


async def _start_delivery(store: Store, sessions: Sessions, callback: Callback) -> None:
    told = f"{callback.session_id} {callback.version} {callback.url}"
    key = hashlib.sha256(told.encode()).hexdigest()
    taken = await store.take_start_key(OWNER, key, key, new_session_id())
    if not (taken.held or taken.settled):
        return  # another process is about to start it
    if taken.held and await store.get(taken.session_id, owner=None) is None:
        values = {"session_id": callback.session_id, "version": callback.version}
        values |= {"url": callback.url, "key_id": callback.key_id}
        try:
            await sessions.start_from_code(
                WEBHOOK, values, None, queue=callback.queue, session_id=taken.session_id
            )
        except (QueueFull, DiskAlmostFull):
            await store.release_start_key(OWNER, key)
            raise
    await store.set_delivery(callback, taken.session_id)
    await store.settle_start_key(OWNER, key, taken.session_id)
