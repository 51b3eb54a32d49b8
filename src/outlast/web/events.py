"""Server-sent events: a session's snapshots as they change; plain ASGI, for its memory."""

import asyncio

from outlast.core.watch import SessionView, Watched
from outlast.web.exchange import Exchange
from outlast.web.problems import not_found
from outlast.web.progress import body_of

COMMENT_EVERY = 15.0
"""Seconds of silence after which a comment keeps proxies from cutting the line."""
BETWEEN = 0.25
"""Seconds between two snapshots of a stream; the latest wins."""
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
]


async def events(exchange: Exchange) -> None:
    """`GET /api/analysis/progress/{id}/events`."""
    view = await exchange.engine.sessions.get(exchange.session_id, owner=exchange.owner)
    if view is None:
        raise not_found()
    last = exchange.headers.get(b"last-event-id", b"")
    if view.session.status.final and last == str(view.session.version).encode():
        await exchange.send({"type": "http.response.start", "status": 204, "headers": []})
        await exchange.send({"type": "http.response.body"})
        return
    following = exchange.engine.watch.follow(view.session)
    del view  # a stream is long, and what it shows is shared by all who watch
    with exchange.limits.stream(exchange.owner):
        async with following as watched:
            await stream(exchange, watched)


async def stream(exchange: Exchange, watched: Watched) -> None:
    """Send snapshots until the final one, the visitor's leaving, or our closing."""
    await exchange.send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    leaving = asyncio.create_task(_left(exchange, watched))
    shown = ""
    try:
        while not leaving.done():
            view = watched.view
            if view.tag != shown:
                shown = view.tag
                await _write(exchange, await _event(exchange, view))
            if view.session.status.final or watched.gone:
                break
            if exchange.engine.closing.is_set():
                await _write(exchange, b"event: bye\ndata: {}\n\n")
                break
            await asyncio.sleep(BETWEEN)
            if not await watched.changed(COMMENT_EVERY - BETWEEN):
                await _write(exchange, b": still here\n\n")
    finally:
        left = leaving.done()
        leaving.cancel()
    if not left:
        await exchange.send({"type": "http.response.body", "body": b""})


async def _event(exchange: Exchange, view: SessionView) -> bytes:
    name = b"done" if view.session.status.final else b"progress"
    body = await body_of(exchange, view)
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (view.session.version, name, body)


async def _write(exchange: Exchange, data: bytes) -> None:
    await exchange.send({"type": "http.response.body", "body": data, "more_body": True})


async def _left(exchange: Exchange, watched: Watched) -> None:
    await exchange.left()
    watched.ring()
