"""The JSON endpoints: start, token, result, cancel, retry, answer, and the two health probes."""

import asyncio
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

from starlette.responses import JSONResponse, Response

from outlast.core.analyses.declarations import require_priority
from outlast.core.api_keys import Scope
from outlast.core.ids import owner_hash
from outlast.core.session_starts import Started
from outlast.core.watch import SessionView, Watcher
from outlast.domain.errors import InvalidInput, QueueFull, TooManyActive
from outlast.domain.messages import message
from outlast.domain.progress import time_left
from outlast.domain.status import Status
from outlast.domain.storable_text import storable_text
from outlast.ports.callbacks import MOST_RECEIVERS, Callback
from outlast.ports.store import CancelAnswer, RetryAnswer, Selection
from outlast.web.access import Identity
from outlast.web.bearers import DEFAULT_VALIDITY, make_read_token
from outlast.web.bodies import MAX_BODY, limit_body
from outlast.web.events import stream
from outlast.web.limits import client_address
from outlast.web.preferences import Preferences
from outlast.web.problems import Problem, fault, not_found, too_many_active
from outlast.web.progress import snapshot_body
from outlast.web.public_addresses import NotPublicError, checked_url
from outlast.web.repeated_starts import start_key, start_once
from outlast.web.request_context import RequestContext
from outlast.web.snapshot import links, rfc3339

RESULT_GONE = message("The result has been cleaned up. Start the analysis again to have it anew.")
DEFAULT_RETRY_AFTER = 10
"""Seconds until an owner may start another session, where nothing is known of those in flight."""
LONGEST_RETRY_AFTER = 3_600
MOST_ESTIMATED = 50
"""Sessions in flight of one owner whose remaining time is estimated."""
INLINE_MARGIN = 30.0
"""Seconds beyond the session's timeout that a request waits for it in sync mode."""


async def start(context: RequestContext) -> Response | None:
    """Start an analysis: `{"analysis": "…", "input": {…}}`.

    In sync mode it responds with the final snapshot, or with an event stream.
    """
    body, key = await read_json(context), start_key(context)
    callback_url = _callback_url(context, body)
    context, body, priority = _of_key(context, body)
    name, values, refresh = _start_body(body, context.engine.catalogue.short_forms)

    async def begin(session_id: str | None = None) -> Started:
        return await start_within_limits(context, name, values, session_id, priority, refresh=refresh)

    async def started_once() -> Started:
        started = await (begin() if key is None else start_once(context, key, body, begin))
        if callback_url is not None:  # before the answer: who gets none repeats the request
            callback = Callback(started.session.id, callback_url, context.actor.key_id or "")
            if not await context.engine.guarded_store.add_callback(callback):
                if await context.engine.sessions.get(started.session.id, owner=context.owner) is None:
                    raise Problem(410, message("This session has been deleted."))
                raise fault(f"This session has {MOST_RECEIVERS} receivers already.", "/callback_url")
        return started

    inline, preferred = context.settings.inline, Preferences.of(context.headers.get(b"prefer", b""))
    if inline and b"text/event-stream" in context.headers.get(b"accept", b""):
        with context.limits.stream(context.owner):
            started = await started_once()
            async with context.engine.watch.follow(started.session) as watched:
                await stream(context, watched)
        return None
    started = await started_once()
    patience = started.session.timeout + INLINE_MARGIN if inline else preferred.wait
    if patience:
        async with context.engine.watch.follow(started.session) as watched:
            view = await wait_for_end(context, watched, patience)
    else:
        view = await context.engine.watch.view(started.session)
    response = await started_response(context, view, existing=started.existing)
    response.headers.update(preferred.applied(inline=inline))
    return response


async def check(context: RequestContext) -> Response:
    """Whether an input would be accepted: the body of a start, which starts nothing.

    It responds with the errors of a start.
    """
    body = await read_json(context)
    _callback_url(context, body)
    context, body, _ = _of_key(context, body)
    name, values, _ = _start_body(body, context.engine.catalogue.short_forms)
    await context.limits.count_or_refuse("check " + context.owner, client_address(context.scope))
    await context.engine.sessions.check(name, values, context.owner)
    return JSONResponse({"success": True}, headers={"Cache-Control": "no-store"})


async def start_within_limits(
    context: RequestContext,
    name: str,
    values: Any,
    session_id: str | None = None,
    priority: int | None = None,
    *,
    refresh: bool = False,
) -> Started:
    """Start a session within the rate limit; counts new sessions, and inputs that a `check` rejects.

    A new session gets the id `session_id`, if given. `refresh` runs it although a result is fresh.
    """
    owner, address = context.owner, client_address(context.scope)
    async with context.limits.start_queues.turn(owner, address, context.disconnected) as allowed:
        try:
            started = await context.engine.sessions.start(
                name,
                values,
                owner,
                only_existing=not allowed,
                traceparent=context.traceparent,
                session_id=session_id,
                priority=priority,
                refresh=refresh,
            )
        except (TooManyActive, QueueFull) as error:
            if not allowed:
                raise await context.limits.too_fast(owner, address) from None
            if isinstance(error, TooManyActive):
                raise too_many_active(error, await _seconds_until_one_ends(context)) from None
            raise
        except InvalidInput:
            if context.engine.catalogue[name].check is not None:
                await context.limits.count(owner, address)
            raise
        if not started.existing:
            await context.limits.count(owner, address)
        return started


async def _seconds_until_one_ends(context: RequestContext) -> int:
    """An estimate, for `Retry-After`, of when this owner may start another session."""
    wanted = Selection(owner_hash(context.owner), Status.PROCESSING, limit=MOST_ESTIMATED)
    left = [time_left(session.progress.steps) for session in await context.engine.sessions.select(wanted)]
    known = [estimate.middle for estimate in left if estimate is not None]
    return math.ceil(min(max(1.0, *known), LONGEST_RETRY_AFTER)) if known else DEFAULT_RETRY_AFTER


async def wait_for_end(context: RequestContext, watched: Watcher, seconds: float) -> SessionView:
    """Wait for the final view; return the latest one on timeout or shutdown."""
    view = watched.view
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not view.session.status.final and not context.engine.closing.is_set():
                await watched.wait_for_change(1.0)
                view = watched.view
    return view


async def started_response(context: RequestContext, view: SessionView, *, existing: bool) -> Response:
    """`202`, or `200` if the session has ended."""
    addresses, ended = links(view.session.id, context.root), view.session.status.final
    if view.session.result_of is not None:
        told = message('A result of the same is still fresh. Send "refresh": true to have it analysed again.')
    elif ended:
        told = message("This analysis has ended.")
    else:
        told = (
            message("This analysis is already on its way.") if existing else message("The analysis has started.")
        )
    head = {"status": "existing" if existing else "started", "message": told, "links": addresses}
    headers = {"Location": addresses["self"], **await context.limits.rate_headers(context.owner)}
    if not ended:
        headers["Retry-After"] = str(math.ceil(context.limits.interval_ms(view.queue_position) / 1000))
    return await _with_snapshot(context, view, 200 if ended else 202, head, headers)


async def token(context: RequestContext) -> Response:
    """`{"token"}` for `X-CSRF-Token`; sets a cookie for a new visitor."""
    assert context.identity is not None  # noqa: S101 - the rule of the route ensures it
    return JSONResponse({"token": context.access.token(context.identity)}, headers={"Cache-Control": "no-store"})


async def result(context: RequestContext) -> Response:
    """The result alone, even after its session was cleaned up."""
    sessions = context.engine.sessions
    stored = await sessions.result(context.session_id, owner=context.session_owner)
    if stored is not None:
        return Response(stored.result, headers={"Cache-Control": "no-store"}, media_type="application/json")
    raise await missing_result(context)


async def missing_result(context: RequestContext) -> Problem:
    """The problem that explains why this session has no result."""
    view = await context.engine.sessions.get(context.session_id, owner=context.session_owner)
    if view is None:
        return not_found()
    if view.session.status is Status.COMPLETED:
        return Problem(410, RESULT_GONE)
    return Problem(409, _no_result(view))


async def read_token(context: RequestContext) -> Response:
    """`{"token", "page"}`: with which others read this session for 24 hours."""
    if await context.engine.sessions.get(context.session_id, owner=context.session_owner) is None:
        raise not_found()
    token = make_read_token(context.access.keys, context.session_id, context.engine.clock, DEFAULT_VALIDITY)
    body = {
        "success": True,
        "token": token,
        "page": f"{links(context.session_id, context.root)['page']}?token={token}",
        "expires_at": rfc3339(context.engine.clock.now() + DEFAULT_VALIDITY),
    }
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


async def cancel(context: RequestContext) -> Response:
    """Cancel the session."""
    answer = await context.engine.sessions.cancel(context.session_id, owner=context.session_owner)
    match answer:
        case None:
            raise not_found()
        case CancelAnswer.FINAL:
            raise Problem(409, message("It has finished already; there is nothing to cancel."))
        case CancelAnswer.CANCELLED:
            return await _action_response(context, 200, message("The analysis is cancelled."))
        case CancelAnswer.CANCELLING:
            return await _action_response(context, 202, message("The analysis is being stopped."))


async def retry(context: RequestContext) -> Response:
    """A new set of attempts, after the kept steps."""
    await context.limits.count_or_refuse(context.owner, client_address(context.scope))
    answer = await context.engine.sessions.retry(context.session_id, owner=context.session_owner)
    if answer is None:
        raise not_found()
    if answer is not RetryAnswer.RETRIED:
        raise Problem(409, RETRY_REFUSED[answer])
    response = await _action_response(context, 202, message("The analysis starts again where it stopped."))
    response.headers.update(await context.limits.rate_headers(context.owner))
    return response


async def answer(context: RequestContext) -> Response:
    """Answer the questions of a session, which goes on after its kept steps: `{"answers": {"…": "…"}}`."""
    body = await read_json(context)
    answers = cast("dict[str, Any]", body).get("answers") if isinstance(body, dict) else None
    texts = cast("dict[str, Any]", answers) if isinstance(answers, dict) else {}
    if not isinstance(answers, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise fault('The body is a JSON object: {"answers": {"…": "…"}}, with texts as answers.', "/answers")
    await answer_within_limits(context, texts)
    return await _action_response(context, 202, message("Thank you. The analysis goes on."))


async def answer_within_limits(context: RequestContext, answers: Mapping[str, str]) -> None:
    """Answer the questions of the request's session within the rate limit of starts."""
    await context.limits.count_or_refuse(context.owner, client_address(context.scope))
    found = await context.engine.sessions.answer(context.session_id, answers, owner=context.session_owner)
    if found is None:
        raise not_found()
    if found is not RetryAnswer.RETRIED:
        raise Problem(409, RETRY_REFUSED[found])


RETRY_REFUSED: Mapping[RetryAnswer, str] = {
    RetryAnswer.NOT_FINAL: message("It is still on its way; there is nothing to retry."),
    RetryAnswer.COMPLETED: message("It has completed; start a new analysis instead."),
    RetryAnswer.ANOTHER_IN_FLIGHT: message("Another analysis of the same is on its way already."),
    RetryAnswer.NOTHING_ASKED: message("It asks nothing, or it has its answer already."),
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


async def _action_response(context: RequestContext, status: int, sentence: str) -> Response:
    view = await context.engine.sessions.get(context.session_id, owner=context.session_owner)
    if view is None:
        raise not_found()
    return await _with_snapshot(context, view, status, {"message": sentence}, {})


async def _with_snapshot(
    context: RequestContext, view: SessionView, status: int, fields: Mapping[str, Any], headers: Mapping[str, str]
) -> Response:
    told = context.translations.said(fields["message"])
    head = json.dumps({"success": True, "session_id": view.session.id, **fields, "message": told})
    body = head[:-1].encode() + b', "session": ' + await snapshot_body(context, view) + b"}"
    sent = {"Cache-Control": "no-store", **context.language_headers, **headers}
    return Response(body, status, sent, media_type="application/json")


async def read_json(context: RequestContext) -> Any:
    """Read the body as JSON; raises 400, 413 or 415 if that fails."""
    if context.media_type != b"application/json":
        raise Problem(415, "Send the body as JSON, with Content-Type: application/json.")
    request = context.request
    request._receive = limit_body(context.scope, context.receive, MAX_BODY)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - as in read_form
    try:
        return json.loads(await request.body())
    except (ValueError, RecursionError):
        raise Problem(400, "The body is not JSON.") from None


def _callback_url(context: RequestContext, body: Any) -> str | None:
    """The receiver of a webhook that a start with an API key names."""
    if context.actor.key_id is None or not isinstance(body, dict):
        return None
    url = cast("dict[str, Any]", body).get("callback_url")
    if url is None:
        return None
    if not isinstance(url, str):
        raise fault("callback_url is an address, as text.", "/callback_url")
    try:
        return checked_url(url)
    except NotPublicError as error:
        raise fault(f"callback_url cannot be called. {error}", "/callback_url") from None


def _of_key(context: RequestContext, body: Any) -> tuple[RequestContext, Any, int | None]:
    """Take `owner` and `priority` out of the body of a start with an API key, if its scopes allow them."""
    scopes = context.actor.scopes
    if scopes is None or not isinstance(body, dict):
        return context, body, None
    given = dict(cast("dict[str, Any]", body))
    owner, priority = given.pop("owner", None), given.pop("priority", None)
    given.pop("callback_url", None)
    if priority is not None:
        if scopes.isdisjoint({Scope.PRIORITY, Scope.OPERATE}):
            raise Problem(403, "priority needs an API key with the scope priority.")
        try:
            require_priority("priority", priority)
        except (TypeError, ValueError) as error:
            raise fault(str(error), "/priority") from None
    if owner is not None:
        if Scope.OPERATE not in scopes:
            raise Problem(403, "owner needs an API key with the scope operate.")
        if not isinstance(owner, str) or not owner or storable_text(owner) != owner:
            raise fault("owner is the name of a user, as text that is not empty.", "/owner")
        context = replace(context, identity=Identity(owner))
    return context, given, priority


def _start_body(body: Any, short_forms: Mapping[str, tuple[str, str]]) -> tuple[str, Any, bool]:
    """The name of the analysis, its input, and whether to run it although a result is fresh."""
    if not isinstance(body, dict):
        raise fault('The body is a JSON object: {"analysis": "…", "input": {…}}.', "")
    given = cast("dict[str, Any]", body)
    short = next(iter(given.keys() & short_forms.keys()), None) if "analysis" not in given else None
    if short is not None:
        unknown = given.keys() - {short, "refresh"}
        name, field = short_forms[short]
        values = {field: given[short]}
    else:
        unknown = given.keys() - {"analysis", "input", "refresh"}
        name, values = given.get("analysis"), given.get("input", {})
    if unknown:
        raise fault(f"Unknown field {min(unknown)!r}.", f"/{min(unknown)}")
    if not isinstance(name, str):
        raise fault("analysis names the analysis to start.", "/analysis")
    refresh = given.get("refresh", False)
    if not isinstance(refresh, bool):
        raise fault("refresh is true or false.", "/refresh")
    return name, values, refresh


def _no_result(view: SessionView) -> str:
    if view.session.status is Status.FAILED:
        return message("The analysis failed, so there is no result: {error}", error=view.session.error)
    if view.session.status is Status.CANCELLED:
        return message("The analysis was cancelled, so there is no result.")
    return message("There is no result yet: the analysis is still on its way.")
