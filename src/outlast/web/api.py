"""The JSON routes: start, token, result, cancel, retry, and the two that say how we are."""

import asyncio
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

from starlette.responses import JSONResponse, Response

from outlast.core.sessions import Started
from outlast.core.watch import SessionView, Watched
from outlast.domain.errors import InvalidInput, QueueFull, TooManyActive
from outlast.domain.status import Status
from outlast.ports.store import CancelAnswer, RetryAnswer
from outlast.web.addresses import client_address
from outlast.web.events import stream
from outlast.web.exchange import Exchange
from outlast.web.limits import MAX_BODY, too_fast
from outlast.web.payloads import links
from outlast.web.problems import Problem, fault, not_found
from outlast.web.progress import body_of

RESULT_GONE = "The result has been cleaned up. Start the analysis again to have it anew."
INLINE_MARGIN = 30.0
"""Seconds beyond its timeout that a request waits for work done inside it."""


async def start(exchange: Exchange) -> Response | None:
    """`POST /api/analysis/start`; in sync mode it answers with the end, or with the events on the way."""
    name, values = _start_body(await _json(exchange))
    if not exchange.settings.inline:
        started = await begin(exchange, name, values)
        view = await exchange.engine.watch.view(started.session)
        return await started_response(exchange, view, 202, existing=started.existing)
    if b"text/event-stream" in exchange.headers.get(b"accept", b""):
        with exchange.limits.stream(exchange.owner):
            started = await begin(exchange, name, values)
            async with exchange.engine.watch.follow(started.session) as watched:
                await stream(exchange, watched)
        return None
    started = await begin(exchange, name, values)
    async with exchange.engine.watch.follow(started.session) as watched:
        view = await wait_inline(exchange, watched)
    status = 200 if view.session.status.final else 202
    return await started_response(exchange, view, status, existing=started.existing)


async def begin(exchange: Exchange, name: str, values: Any) -> Started:
    """Start within the pace allowed: in-flight answers at any pace; what is new or was looked into counts."""
    owner, address = exchange.owner, client_address(exchange.scope)
    async with exchange.limits.lines.turn(owner, address, exchange.left) as room:
        try:
            started = await exchange.engine.sessions.start(name, values, owner, only_existing=not room)
        except (TooManyActive, QueueFull):
            if not room:
                raise too_fast() from None
            raise
        except InvalidInput:
            if exchange.engine.catalogue[name].check is not None:
                await exchange.limits.count(owner, address)
            raise
        if not started.existing:
            await exchange.limits.count(owner, address)
        return started


async def wait_inline(exchange: Exchange, watched: Watched) -> SessionView:
    """The final view of work done inside the request; another where that takes too long or we close."""
    view = watched.view
    with suppress(TimeoutError):
        async with asyncio.timeout(view.session.timeout + INLINE_MARGIN):
            while not view.session.status.final and not exchange.engine.closing.is_set():
                await watched.changed(1.0)
                view = watched.view
    return view


async def started_response(exchange: Exchange, view: SessionView, status: int, *, existing: bool) -> Response:
    session = view.session
    addresses = links(session.id, exchange.root)
    snapshot = await body_of(exchange, view)
    message = "This analysis is already on its way." if existing else "The analysis has started."
    head = {
        "success": True,
        "session_id": session.id,
        "status": "existing" if existing else "started",
        "message": message,
        "links": addresses,
    }
    body = json.dumps(head)[:-1].encode() + b', "session": ' + snapshot + b"}"
    headers = {"Location": addresses["self"], "Cache-Control": "no-store"}
    if not session.status.final:
        headers["Retry-After"] = str(math.ceil(exchange.limits.pace_ms(view.queue_position) / 1000))
    return Response(body, status, headers, media_type="application/json")


async def token(exchange: Exchange) -> Response:
    """`GET /api/analysis/token`: so that pages may be cached."""
    assert exchange.visitor is not None  # noqa: S101 - the route's rule has made sure
    return JSONResponse({"token": exchange.access.token(exchange.visitor)}, headers={"Cache-Control": "no-store"})


async def result(exchange: Exchange) -> Response:
    """`GET /api/analysis/result/{id}`; also after the session was cleaned up."""
    sessions = exchange.engine.sessions
    stored = await sessions.result(exchange.session_id, owner=exchange.owner)
    if stored is not None:
        return Response(stored.result, headers={"Cache-Control": "no-store"}, media_type="application/json")
    raise await missing_result(exchange)


async def missing_result(exchange: Exchange) -> Problem:
    """Why this owner's session has no result."""
    view = await exchange.engine.sessions.get(exchange.session_id, owner=exchange.owner)
    if view is None:
        return not_found()
    if view.session.status is Status.COMPLETED:
        return Problem(410, RESULT_GONE)
    return Problem(409, _no_result(view))


async def share(exchange: Exchange) -> Response:
    """`POST /api/analysis/share/{id}` answers the link by which others may read it, `DELETE` revokes it."""
    sessions, link = exchange.engine.sessions, None
    if exchange.scope["method"] == "POST":
        link = await sessions.share(exchange.session_id, owner=exchange.owner)
        found = link is not None
    else:
        found = await sessions.unshare(exchange.session_id, owner=exchange.owner)
    if not found:
        raise await missing_result(exchange)
    body = {"success": True, "url": link and exchange.shared_address(link)}
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


async def cancel(exchange: Exchange) -> Response:
    """`DELETE` or `POST /api/analysis/cancel/{id}`."""
    answer = await exchange.engine.sessions.cancel(exchange.session_id, owner=exchange.owner)
    match answer:
        case None:
            raise not_found()
        case CancelAnswer.FINAL:
            raise Problem(409, "It has finished already; there is nothing to cancel.")
        case CancelAnswer.CANCELLED:
            return await _acted(exchange, 200, "The analysis is cancelled.")
        case CancelAnswer.CANCELLING:
            return await _acted(exchange, 202, "The analysis is being stopped.")


async def retry(exchange: Exchange) -> Response:
    """`POST /api/analysis/retry/{id}`."""
    await exchange.limits.start(exchange.owner, client_address(exchange.scope))
    answer = await exchange.engine.sessions.retry(exchange.session_id, owner=exchange.owner)
    if answer is None:
        raise not_found()
    if answer is not RetryAnswer.RETRIED:
        raise Problem(409, RETRY_REFUSED[answer])
    return await _acted(exchange, 202, "The analysis starts again where it stopped.")


RETRY_REFUSED: Mapping[RetryAnswer, str] = {
    RetryAnswer.NOT_FINAL: "It is still on its way; there is nothing to retry.",
    RetryAnswer.COMPLETED: "It has completed; start a new analysis instead.",
    RetryAnswer.ANOTHER_IN_FLIGHT: "Another analysis of the same is on its way already.",
}


async def livez(exchange: Exchange) -> Response:  # noqa: ARG001 - every route takes the exchange
    """The process is alive."""
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def readyz(exchange: Exchange) -> Response:
    """The store can be written, its schema is current, and we are not about to close."""
    if exchange.engine.draining or exchange.engine.closing.is_set():
        raise Problem(503, "Shutting down.", retry_after=5)
    if not exchange.engine.working:
        raise Problem(503, "Not ready: a worker of this process has ended; it is started again.", retry_after=5)
    trouble = await exchange.engine.readiness.trouble()
    if trouble is not None:
        raise Problem(503, f"Not ready: {trouble}", retry_after=10)
    return JSONResponse({"status": "ready"}, headers={"Cache-Control": "no-store"})


async def _acted(exchange: Exchange, status: int, message: str) -> Response:
    view = await exchange.engine.sessions.get(exchange.session_id, owner=exchange.owner)
    if view is None:
        raise not_found()
    head = json.dumps({"success": True, "session_id": view.session.id, "message": message})
    body = head[:-1].encode() + b', "session": ' + await body_of(exchange, view) + b"}"
    return Response(body, status, {"Cache-Control": "no-store"}, media_type="application/json")


async def _json(exchange: Exchange) -> Any:
    if exchange.media_type != b"application/json":
        raise Problem(415, "Send the start as JSON, with Content-Type: application/json.")
    request = exchange.request
    request._receive = exchange.limits.bounded(exchange.scope, exchange.receive, MAX_BODY)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - as in read_form
    try:
        return json.loads(await request.body())
    except (ValueError, RecursionError):
        raise Problem(400, "The body is not JSON.") from None


def _start_body(body: Any) -> tuple[str, Any]:
    if not isinstance(body, dict):
        raise fault('The body is a JSON object: {"analysis": "…", "input": {…}}.', "")
    given = cast("dict[str, Any]", body)
    if "productUrl" in given and "analysis" not in given:
        unknown = given.keys() - {"productUrl"}
        name, values = "product", {"source": given["productUrl"]}
    else:
        unknown = given.keys() - {"analysis", "input"}
        name, values = given.get("analysis"), given.get("input", {})
    if unknown:
        raise fault(f"Unknown field {min(unknown)!r}.", f"/{min(unknown)}")
    if not isinstance(name, str):
        raise fault("analysis names the analysis to start.", "/analysis")
    return name, values


def _no_result(view: SessionView) -> str:
    if view.session.status is Status.FAILED:
        return f"The analysis failed, so there is no result: {view.session.error}"
    if view.session.status is Status.CANCELLED:
        return "The analysis was cancelled, so there is no result."
    return "There is no result yet: the analysis is still on its way."
