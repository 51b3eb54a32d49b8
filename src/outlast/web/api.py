"""The JSON endpoints: start, token, result, share, cancel, retry, and the two health probes."""

import asyncio
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

from starlette.responses import JSONResponse, Response

from outlast.core.sessions import Started
from outlast.core.watch import SessionView, Watcher
from outlast.domain.errors import InvalidInput, QueueFull, TooManyActive
from outlast.domain.status import Status
from outlast.ports.store import CancelAnswer, RetryAnswer
from outlast.web.bodies import MAX_BODY, limit_body
from outlast.web.events import stream
from outlast.web.limits import client_address, too_fast
from outlast.web.problems import Problem, fault, not_found
from outlast.web.progress import snapshot_body
from outlast.web.request_context import RequestContext
from outlast.web.snapshot import links

RESULT_GONE = "The result has been cleaned up. Start the analysis again to have it anew."
INLINE_MARGIN = 30.0
"""Seconds beyond the session's timeout that a request waits for it in sync mode."""


async def start(context: RequestContext) -> Response | None:
    """Start an analysis: `{"analysis": "…", "input": {…}}`.

    In sync mode it responds with the final snapshot, or with an event stream.
    """
    name, values = _start_body(await _json(context), context.engine.catalogue.short_forms)
    if not context.settings.inline:
        started = await start_within_limits(context, name, values)
        view = await context.engine.watch.view(started.session)
        return await started_response(context, view, 202, existing=started.existing)
    if b"text/event-stream" in context.headers.get(b"accept", b""):
        with context.limits.stream(context.owner):
            started = await start_within_limits(context, name, values)
            async with context.engine.watch.follow(started.session) as watched:
                await stream(context, watched)
        return None
    started = await start_within_limits(context, name, values)
    async with context.engine.watch.follow(started.session) as watched:
        view = await wait_inline(context, watched)
    status = 200 if view.session.status.final else 202
    return await started_response(context, view, status, existing=started.existing)


async def start_within_limits(context: RequestContext, name: str, values: Any) -> Started:
    """Start a session within the rate limit; counts new sessions, and inputs that a `check` rejects."""
    owner, address = context.owner, client_address(context.scope)
    async with context.limits.start_queues.turn(owner, address, context.disconnected) as allowed:
        try:
            started = await context.engine.sessions.start(
                name, values, owner, only_existing=not allowed, traceparent=context.traceparent
            )
        except (TooManyActive, QueueFull):
            if not allowed:
                raise too_fast() from None
            raise
        except InvalidInput:
            if context.engine.catalogue[name].check is not None:
                await context.limits.count(owner, address)
            raise
        if not started.existing:
            await context.limits.count(owner, address)
        return started


async def wait_inline(context: RequestContext, watched: Watcher) -> SessionView:
    """Wait for the final view in sync mode; return the latest one on timeout or shutdown."""
    view = watched.view
    with suppress(TimeoutError):
        async with asyncio.timeout(view.session.timeout + INLINE_MARGIN):
            while not view.session.status.final and not context.engine.closing.is_set():
                await watched.wait_for_change(1.0)
                view = watched.view
    return view


async def started_response(context: RequestContext, view: SessionView, status: int, *, existing: bool) -> Response:
    addresses = links(view.session.id, context.root)
    head = {
        "status": "existing" if existing else "started",
        "message": "This analysis is already on its way." if existing else "The analysis has started.",
        "links": addresses,
    }
    headers = {"Location": addresses["self"]}
    if not view.session.status.final:
        headers["Retry-After"] = str(math.ceil(context.limits.interval_ms(view.queue_position) / 1000))
    return await _with_snapshot(context, view, status, head, headers)


async def token(context: RequestContext) -> Response:
    """`{"token"}` for `X-CSRF-Token`; sets a cookie for a new visitor."""
    assert context.identity is not None  # noqa: S101 - the rule of the route ensures it
    return JSONResponse({"token": context.access.token(context.identity)}, headers={"Cache-Control": "no-store"})


async def result(context: RequestContext) -> Response:
    """The result alone, even after its session was cleaned up."""
    sessions = context.engine.sessions
    stored = await sessions.result(context.session_id, owner=context.owner)
    if stored is not None:
        return Response(stored.result, headers={"Cache-Control": "no-store"}, media_type="application/json")
    raise await missing_result(context)


async def missing_result(context: RequestContext) -> Problem:
    """The problem that explains why this session has no result."""
    view = await context.engine.sessions.get(context.session_id, owner=context.owner)
    if view is None:
        return not_found()
    if view.session.status is Status.COMPLETED:
        return Problem(410, RESULT_GONE)
    return Problem(409, _no_result(view))


async def share(context: RequestContext) -> Response:
    """`POST`: `{"url"}` at which others may read the result; `DELETE` revokes it."""
    sessions, link = context.engine.sessions, None
    if context.scope["method"] == "POST":
        link = await sessions.share(context.session_id, owner=context.owner)
        found = link is not None
    else:
        found = await sessions.unshare(context.session_id, owner=context.owner)
    if not found:
        raise await missing_result(context)
    body = {"success": True, "url": link and context.shared_address(link)}
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


async def cancel(context: RequestContext) -> Response:
    """Cancel the session."""
    answer = await context.engine.sessions.cancel(context.session_id, owner=context.owner)
    match answer:
        case None:
            raise not_found()
        case CancelAnswer.FINAL:
            raise Problem(409, "It has finished already; there is nothing to cancel.")
        case CancelAnswer.CANCELLED:
            return await _action_response(context, 200, "The analysis is cancelled.")
        case CancelAnswer.CANCELLING:
            return await _action_response(context, 202, "The analysis is being stopped.")


async def retry(context: RequestContext) -> Response:
    """A new set of attempts, after the kept steps."""
    await context.limits.count_or_refuse(context.owner, client_address(context.scope))
    answer = await context.engine.sessions.retry(context.session_id, owner=context.owner)
    if answer is None:
        raise not_found()
    if answer is not RetryAnswer.RETRIED:
        raise Problem(409, RETRY_REFUSED[answer])
    return await _action_response(context, 202, "The analysis starts again where it stopped.")


RETRY_REFUSED: Mapping[RetryAnswer, str] = {
    RetryAnswer.NOT_FINAL: "It is still on its way; there is nothing to retry.",
    RetryAnswer.COMPLETED: "It has completed; start a new analysis instead.",
    RetryAnswer.ANOTHER_IN_FLIGHT: "Another analysis of the same is on its way already.",
}


async def livez(context: RequestContext) -> Response:  # noqa: ARG001 - every handler takes the context
    """Whether the process is alive."""
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def readyz(context: RequestContext) -> Response:
    """Whether the store can be written, its schema is current and no shutdown has begun."""
    if context.engine.draining or context.engine.closing.is_set():
        raise Problem(503, "Shutting down.", retry_after=5)
    if not context.engine.working:
        raise Problem(503, "Not ready: a worker of this process has ended; it is started again.", retry_after=5)
    problem = await context.engine.readiness.problem()
    if problem is not None:
        raise Problem(503, f"Not ready: {problem}", retry_after=10)
    return JSONResponse({"status": "ready"}, headers={"Cache-Control": "no-store"})


async def _action_response(context: RequestContext, status: int, message: str) -> Response:
    view = await context.engine.sessions.get(context.session_id, owner=context.owner)
    if view is None:
        raise not_found()
    return await _with_snapshot(context, view, status, {"message": message}, {})


async def _with_snapshot(
    context: RequestContext, view: SessionView, status: int, fields: Mapping[str, Any], headers: Mapping[str, str]
) -> Response:
    head = json.dumps({"success": True, "session_id": view.session.id, **fields})
    body = head[:-1].encode() + b', "session": ' + await snapshot_body(context, view) + b"}"
    return Response(body, status, {"Cache-Control": "no-store", **headers}, media_type="application/json")


async def _json(context: RequestContext) -> Any:
    if context.media_type != b"application/json":
        raise Problem(415, "Send the start as JSON, with Content-Type: application/json.")
    request = context.request
    request._receive = limit_body(context.scope, context.receive, MAX_BODY)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - as in read_form
    try:
        return json.loads(await request.body())
    except (ValueError, RecursionError):
        raise Problem(400, "The body is not JSON.") from None


def _start_body(body: Any, short_forms: Mapping[str, tuple[str, str]]) -> tuple[str, Any]:
    if not isinstance(body, dict):
        raise fault('The body is a JSON object: {"analysis": "…", "input": {…}}.', "")
    given = cast("dict[str, Any]", body)
    short = next(iter(given.keys() & short_forms.keys()), None) if "analysis" not in given else None
    if short is not None:
        unknown = given.keys() - {short}
        name, field = short_forms[short]
        values = {field: given[short]}
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
