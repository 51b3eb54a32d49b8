"""Server-sent events of a session's snapshots; plain ASGI, to keep the memory of a stream small."""

import asyncio

from outlast.core.watch import SessionView, Watcher
from outlast.web.problems import not_found
from outlast.web.progress import snapshot_body
from outlast.web.request_context import RequestContext

KEEPALIVE_EVERY = 15.0
"""Seconds without events after which a comment keeps proxies from closing the connection."""
MIN_INTERVAL = 0.25
"""Seconds between two snapshots of a stream; snapshots in between are skipped."""
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
]


async def events(context: RequestContext) -> None:
    """The same snapshots as server-sent events."""
    view = await context.engine.sessions.get(context.session_id, owner=context.session_owner)
    if view is None:
        raise not_found()
    last = context.headers.get(b"last-event-id", b"").partition(b";")[0]  # later versions may add to the id
    if view.session.status.final and last == str(view.session.version).encode():
        await context.send({"type": "http.response.start", "status": 204, "headers": []})
        await context.send({"type": "http.response.body"})
        return
    following = context.engine.watch.follow(view.session)
    del view  # streams are long-lived, and all watchers share the watched view
    with context.limits.stream(context.owner):
        async with following as watched:
            await stream(context, watched)


async def stream(context: RequestContext, watched: Watcher) -> None:
    """Send snapshots until the final one, until the client disconnects, or until shutdown."""
    await context.send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    disconnecting = asyncio.create_task(_wake_on_disconnect(context, watched))
    shown = ""
    try:
        while not disconnecting.done():
            view = watched.view
            if view.tag != shown:
                shown = view.tag
                await _write(context, await _event(context, view))
            if view.session.status.final or watched.pruned:
                break
            if context.engine.closing.is_set():
                await _write(context, b"event: bye\ndata: {}\n\n")
                break
            await asyncio.sleep(MIN_INTERVAL)
            if not await watched.wait_for_change(KEEPALIVE_EVERY - MIN_INTERVAL):
                await _write(context, b": still here\n\n")
    finally:
        disconnected = disconnecting.done()
        disconnecting.cancel()
    if not disconnected:
        await context.send({"type": "http.response.body", "body": b""})


async def _event(context: RequestContext, view: SessionView) -> bytes:
    name = b"done" if view.session.status.final else b"progress"
    body = await snapshot_body(context, view)
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (view.session.version, name, body)


async def _write(context: RequestContext, data: bytes) -> None:
    await context.send({"type": "http.response.body", "body": data, "more_body": True})


async def _wake_on_disconnect(context: RequestContext, watched: Watcher) -> None:
    await context.disconnected()
    watched.wake()
