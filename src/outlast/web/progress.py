"""`GET /api/analysis/progress/{id}`: the snapshot with `ETag` and long poll; plain ASGI for speed."""

import math
from urllib.parse import parse_qs

from outlast.core.watch import SessionView
from outlast.domain.status import Status
from outlast.web.poll_cache import CachedResponse, entity_tag
from outlast.web.problems import Problem, not_found
from outlast.web.request_context import RequestContext
from outlast.web.snapshot import INLINE_RESULT, encode, snapshot, with_elapsed
from outlast.web.translated import translated_snapshot
from outlast.web.translations import ENGLISH

HELD = b"x-outlast-held"
"""A browser that received no event within 4 s sends this header once."""
LONGEST_WAIT = 25.0
"""Seconds to which `?wait=` is capped."""


async def encoded_snapshot(context: RequestContext, view: SessionView) -> bytes:
    """The snapshot up to `elapsed_ms`, encoded once per view, mount path and language."""
    key = _cache_key(context)
    known = view.encoded.get(key)
    if known is None:
        session = view.session
        result = None
        if session.status is Status.COMPLETED and (session.result_bytes or 0) <= INLINE_RESULT:
            stored = await context.engine.guarded_store.result(session.id, owner=None)
            result = stored.result if stored else None
        parts = snapshot(
            view,
            root=context.root,
            interval_ms=context.limits.interval_ms(view.queue_position),
            keep_hours=context.settings.retention_hours(session.status),
            result=result,
            offered=session.analysis in context.engine.catalogue,
            read_only=context.read_only,
        )
        known = encode(parts if context.language == ENGLISH else translated_snapshot(parts, context.translations))
        view.encoded[key] = known
    return known


async def snapshot_body(context: RequestContext, view: SessionView) -> bytes:
    """The complete snapshot as JSON, with the current `elapsed_ms`."""
    return with_elapsed(await encoded_snapshot(context, view), view.elapsed_ms(context.engine.clock.monotonic()))


async def progress(context: RequestContext) -> None:
    """The snapshot; `?wait=N` waits for a change, `If-None-Match` answers `304`."""
    context.limits.count_poll()
    if HELD in context.headers:
        context.held_events.note()
    wait = _requested_wait(context)
    if_none_match = context.headers.get(b"if-none-match")
    view = await context.engine.sessions.get(context.session_id, owner=context.session_owner)
    if view is None:
        raise not_found()
    language = context.language
    if if_none_match is not None and wait and _matches(if_none_match, entity_tag(view, language)):
        view = await _changed(context, view, wait)
    unchanged = if_none_match is not None and _matches(if_none_match, entity_tag(view, language))
    known = view.encoded.get(_cache_key(context)) if unchanged else await encoded_snapshot(context, view)
    pace = context.limits.interval_ms(view.queue_position)
    headers = [(name.lower().encode(), text.encode()) for name, text in context.language_headers.items()]
    response = CachedResponse(view, known, pace, context.engine.clock.monotonic(), language, headers)
    if context.actor.is_visitor:
        context.poll_cache.keep(context.scope, response)
    start, body = (
        response.full(known, context.engine) if known is not None and not unchanged else response.not_modified()
    )
    await context.send(start)
    await context.send({**body, "body": b""} if context.scope["method"] == "HEAD" else body)


def _cache_key(context: RequestContext) -> str:
    key = f"{context.root} read only" if context.read_only else context.root
    return key if context.language == ENGLISH else f"{key} {context.language}"


async def _changed(context: RequestContext, view: SessionView, wait: float) -> SessionView:
    """Wait up to `wait` seconds for a different view; return the same one on timeout or shutdown."""
    clock = context.engine.clock
    end = clock.monotonic() + wait
    async with context.engine.watch.follow(view.session) as watched:
        while not context.engine.closing.is_set():
            now = watched.view
            if now.tag != view.tag and now.session.version >= view.session.version:
                return now
            left = end - clock.monotonic()
            # checking once a second keeps a long poll from delaying the shutdown
            if left <= 0 or watched.pruned:
                break
            await watched.wait_for_change(min(left, 1.0))
    return view


def _requested_wait(context: RequestContext) -> float:
    query = context.scope.get("query_string", b"")
    if not query:
        return 0.0
    given = parse_qs(query.decode("latin-1")).get("wait")
    if not given:
        return 0.0
    try:
        wait = float(given[-1])
    except ValueError:
        wait = math.nan
    if not 0 <= wait < math.inf:
        raise Problem(
            422,
            "wait is a number of seconds, at most 25.",
            errors=[{"pointer": "?wait", "detail": "not a number of seconds"}],
        )
    return min(wait, LONGEST_WAIT)


def _matches(if_none_match: bytes, tag: bytes) -> bool:
    if if_none_match.strip() == b"*":
        return True
    return any(t.strip().removeprefix(b"W/").strip(b'"') == tag for t in if_none_match.split(b","))
