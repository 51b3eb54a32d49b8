"""`GET /api/analysis/progress/{id}`: the snapshot, with `304`, long poll and pace; plain ASGI, for its speed."""

import math
from urllib.parse import parse_qs

from outlast.core.watch import SessionView
from outlast.domain.status import Status
from outlast.web.answers import Answer
from outlast.web.exchange import Exchange
from outlast.web.payloads import INLINE_RESULT, closed, encode, snapshot
from outlast.web.problems import Problem, not_found

LONGEST_WAIT = 25.0
"""Seconds of `?wait=` that are granted."""


async def encoded(exchange: Exchange, view: SessionView) -> bytes:
    """The snapshot without its end, made once per view and mount."""
    key = exchange.root
    known = view.encoded.get(key)
    if known is None:
        session = view.session
        result = None
        if session.status is Status.COMPLETED and (session.result_bytes or 0) <= INLINE_RESULT:
            stored = await exchange.engine.guarded_store.result(session.id, owner=None)
            result = stored.result if stored else None
        known = encode(
            snapshot(
                view,
                root=exchange.root,
                pace_ms=exchange.limits.pace_ms(view.queue_position),
                keep_hours=exchange.settings.cleanup_hours,
                result=result,
            )
        )
        view.encoded[key] = known
    return known


async def body_of(exchange: Exchange, view: SessionView) -> bytes:
    """The snapshot as it is now."""
    return closed(await encoded(exchange, view), view.elapsed_ms(exchange.engine.clock.monotonic()))


async def progress(exchange: Exchange) -> None:
    """Answer a poll."""
    exchange.limits.count_poll()
    wait = _wait(exchange)
    wanted = exchange.headers.get(b"if-none-match")
    view = await exchange.engine.sessions.get(exchange.session_id, owner=exchange.owner)
    if view is None:
        raise not_found()
    if wanted is not None and wait and _matches(wanted, view):
        view = await _changed(exchange, view, wait)
    unchanged = wanted is not None and _matches(wanted, view)
    known = view.encoded.get(exchange.root) if unchanged else await encoded(exchange, view)
    pace = exchange.limits.pace_ms(view.queue_position)
    answer = Answer(view, known, pace, exchange.engine.clock.monotonic())
    exchange.answers.keep(exchange.scope, answer)
    start, body = (
        answer.full(known, exchange.engine) if known is not None and not unchanged else answer.unchanged()
    )
    await exchange.send(start)
    await exchange.send({**body, "body": b""} if exchange.scope["method"] == "HEAD" else body)


async def _changed(exchange: Exchange, view: SessionView, wait: float) -> SessionView:
    """The next other view, or the same after `wait` seconds or when we are about to close."""
    clock = exchange.engine.clock
    end = clock.monotonic() + wait
    async with exchange.engine.watch.follow(view.session) as watched:
        while not exchange.engine.closing.is_set():
            now = watched.view
            if now.tag != view.tag and now.session.version >= view.session.version:
                return now
            left = end - clock.monotonic()
            # looking up once a second keeps a long poll from holding up the end of the process
            if left <= 0 or watched.gone:
                break
            await watched.changed(min(left, 1.0))
    return view


def _wait(exchange: Exchange) -> float:
    query = exchange.scope.get("query_string", b"")
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


def _matches(wanted: bytes, view: SessionView) -> bool:
    tag = view.tag.encode()
    if wanted.strip() == b"*":
        return True
    return any(t.strip().removeprefix(b"W/").strip(b'"') == tag for t in wanted.split(b","))
