"""Server-sent events: a session's snapshots as they change; plain ASGI, for its memory."""

import asyncio

from outlast.core.watch import SessionView, Watched
from outlast.web.problems import not_found
from outlast.web.progress import body_of
from outlast.web.request_context import RequestContext

COMMENT_EVERY = 15.0
"""Seconds of silence after which a comment keeps proxies from cutting the line."""
BETWEEN = 0.25
"""Seconds between two snapshots of a stream; the latest wins."""
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
]


async def events(context: RequestContext) -> None:
    """`GET /api/analysis/progress/{id}/events`."""
    view = await context.engine.sessions.get(context.session_id, owner=context.owner)
    if view is None:
        raise not_found()
    last = context.headers.get(b"last-event-id", b"")
    if view.session.status.final and last == str(view.session.version).encode():
        await context.send({"type": "http.response.start", "status": 204, "headers": []})
        await context.send({"type": "http.response.body"})
        return
    following = context.engine.watch.follow(view.session)
    del view  # a stream is long, and what it shows is shared by all who watch
    with context.limits.stream(context.owner):
        async with following as watched:
            await stream(context, watched)


async def stream(context: RequestContext, watched: Watched) -> None:
    """Send snapshots until the final one, the visitor's leaving, or our closing."""
    await context.send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    leaving = asyncio.create_task(_left(context, watched))
    shown = ""
    try:
        while not leaving.done():
            view = watched.view
            if view.tag != shown:
                shown = view.tag
                await _write(context, await _event(context, view))
            if view.session.status.final or watched.pruned:
                break
            if context.engine.closing.is_set():
                await _write(context, b"event: bye\ndata: {}\n\n")
                break
            await asyncio.sleep(BETWEEN)
            if not await watched.changed(COMMENT_EVERY - BETWEEN):
                await _write(context, b": still here\n\n")
    finally:
        left = leaving.done()
        leaving.cancel()
    if not left:
        await context.send({"type": "http.response.body", "body": b""})


async def _event(context: RequestContext, view: SessionView) -> bytes:
    name = b"done" if view.session.status.final else b"progress"
    body = await body_of(context, view)
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (view.session.version, name, body)


async def _write(context: RequestContext, data: bytes) -> None:
    await context.send({"type": "http.response.body", "body": data, "more_body": True})


async def _left(context: RequestContext, watched: Watched) -> None:
    await context.left()
    watched.wake()
