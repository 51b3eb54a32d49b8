"""Server-sent events of the snapshots of sessions; plain ASGI, to keep the memory of a stream small."""

import asyncio
import re
from contextlib import AsyncExitStack
from urllib.parse import parse_qs

from outlast.core.watch import SessionView, Watcher
from outlast.web.problems import fault, not_found
from outlast.web.progress import snapshot_body
from outlast.web.request_context import RequestContext

KEEPALIVE_EVERY = 15.0
"""Seconds without events after which a comment keeps proxies from closing the connection."""
MIN_INTERVAL = 0.25
"""Seconds between two snapshots of a stream; snapshots in between are skipped."""
MOST_FOLLOWED = 50
"""Sessions of one stream."""
SESSION_ID = re.compile(r"[a-z2-7]{26}")
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


async def events_of_many(context: RequestContext) -> None:
    """The snapshots of several sessions as one stream: `?session_id=` once for each, at most 50."""
    given = dict.fromkeys(parse_qs(context.scope["query_string"].decode("latin-1")).get("session_id", ()))
    if not 1 <= len(given) <= MOST_FOLLOWED or not all(map(SESSION_ID.fullmatch, given)):
        raise fault(f"Name 1 to {MOST_FOLLOWED} sessions, each as session_id=ID.", "/session_id")
    async with AsyncExitStack() as stack:
        stack.enter_context(context.limits.stream(context.owner))
        watchers: list[Watcher] = []
        for session_id in given:
            view = await context.engine.sessions.get(session_id, owner=context.session_owner)
            if view is None:
                raise not_found()
            watchers.append(await stack.enter_async_context(context.engine.watch.follow(view.session)))
        await _stream_many(context, watchers)


async def _stream_many(context: RequestContext, watchers: list[Watcher]) -> None:
    """Send the snapshots of each session until its final one; end with the last session."""
    await context.send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    changed = asyncio.Event()
    disconnecting = asyncio.create_task(context.disconnected())
    disconnecting.add_done_callback(lambda _: changed.set())
    noting = {watched: asyncio.create_task(_note_changes(watched, changed)) for watched in watchers}
    shown: dict[Watcher, str] = dict.fromkeys(watchers, "")
    try:
        while not disconnecting.done():
            changed.clear()
            for watched in list(shown):
                view = watched.view
                if view.tag != shown[watched]:
                    shown[watched] = view.tag
                    await _write(context, await _event(context, view, with_id=False))
                if view.session.status.final or watched.pruned:
                    del shown[watched]
                    noting.pop(watched).cancel()
            if not shown:
                break
            if context.engine.closing.is_set():
                await _write(context, b"event: bye\ndata: {}\n\n")
                break
            await asyncio.sleep(MIN_INTERVAL)
            try:
                async with asyncio.timeout(KEEPALIVE_EVERY - MIN_INTERVAL):
                    await changed.wait()
            except TimeoutError:
                await _write(context, b": still here\n\n")
    finally:
        disconnected = disconnecting.done()
        for task in (disconnecting, *noting.values()):
            task.cancel()
    if not disconnected:
        await context.send({"type": "http.response.body", "body": b""})


async def _note_changes(watched: Watcher, changed: asyncio.Event) -> None:
    while True:
        await watched.wait_for_change()
        changed.set()
        await asyncio.sleep(MIN_INTERVAL)


async def _event(context: RequestContext, view: SessionView, *, with_id: bool = True) -> bytes:
    """One event; without an id where those of several sessions would mix."""
    name = b"done" if view.session.status.final else b"progress"
    body = await snapshot_body(context, view)
    event_id = b"id: %d\n" % view.session.version if with_id else b""
    return b"%sevent: %s\ndata: %s\n\n" % (event_id, name, body)


async def _write(context: RequestContext, data: bytes) -> None:
    await context.send({"type": "http.response.body", "body": data, "more_body": True})


async def _wake_on_disconnect(context: RequestContext, watched: Watcher) -> None:
    await context.disconnected()
    watched.wake()
