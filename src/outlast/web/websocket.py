"""The snapshots of a session over WebSocket, and its cancellation by the same connection."""

import asyncio
import json
from typing import Any, Final

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from outlast.core.watch import SessionView, Watcher
from outlast.domain.errors import OutlastError
from outlast.web.events import KEEPALIVE_EVERY, MIN_INTERVAL
from outlast.web.key_audit import record_key
from outlast.web.permissions import Verb, may
from outlast.web.problems import Problem, not_found, problem_of
from outlast.web.progress import snapshot_body
from outlast.web.request_context import RequestContext

UPGRADE: Final = {"Upgrade": "websocket", "Connection": "Upgrade"}
GOING_AWAY: Final = 1001
TRY_AGAIN: Final = 1013
POLICY_VIOLATION: Final = 1008
ENDED: Final = 1000
HANDSHAKE: Final = "outlast.websocket_handshake"
"""In the scope of a request that is one."""
MAX_MESSAGE: Final = 1_000
"""Bytes of a message from the client."""


async def websocket(context: RequestContext) -> Response | None:
    """The same snapshots over WebSocket, which takes `{"action": "cancel"}`."""
    context.access.check_origin(context.scope, context.headers)
    view = await context.engine.sessions.get(context.session_id, owner=context.session_owner)
    if view is None:
        raise not_found()
    if HANDSHAKE not in context.scope:
        raise Problem(426, "This address is for WebSocket connections.", headers=UPGRADE)
    following = context.engine.watch.follow(view.session)
    del view  # connections are long-lived, and all watchers share the watched view
    with context.limits.stream(context.owner, "websocket"):
        async with following as watched:
            await context.send({"type": "websocket.accept"})
            await _talk(context, watched)
    return None


async def _talk(context: RequestContext, watched: Watcher) -> None:
    """Send snapshots and read messages until either side ends the connection."""
    listening = asyncio.create_task(_listen(context, watched))
    code = TRY_AGAIN
    try:
        code = await _show(context, watched, listening)
    except OutlastError:  # the client connects again and finds out whether it lasts
        pass
    finally:
        disconnected = listening.done() and not listening.cancelled()
        listening.cancel()
    if not disconnected:
        await context.send({"type": "websocket.close", "code": code})


async def _show(context: RequestContext, watched: Watcher, listening: asyncio.Task[None]) -> int:
    shown = ""
    while not listening.done():
        view = watched.view
        if view.tag != shown:
            shown = view.tag
            await _send_snapshot(context, view)
        if view.session.status.final or watched.pruned:
            return ENDED
        if context.engine.closing.is_set():
            await _send(context, "bye", {})
            return GOING_AWAY
        await asyncio.sleep(MIN_INTERVAL)
        await watched.wait_for_change(KEEPALIVE_EVERY)
    listening.result()
    return ENDED


async def _listen(context: RequestContext, watched: Watcher) -> None:
    """Obey messages until the client disconnects."""
    try:
        while (message := await context.receive())["type"] != "websocket.disconnect":
            await _obey(context, message)
            await asyncio.sleep(MIN_INTERVAL)  # meanwhile the client's further messages wait
    finally:
        watched.wake()


async def _obey(context: RequestContext, message: Message) -> None:
    try:
        if _action(message) != "cancel":
            raise Problem(400, 'This message is not understood. Send {"action": "cancel"}, or nothing.')
        if not may(context.actor, Verb.CHANGE, context.session_id):
            raise Problem(403, "Your key or token may not cancel this session.")
        if await context.engine.sessions.cancel(context.session_id, owner=context.session_owner) is None:
            raise not_found()
        if context.actor.sees_all:
            await record_key(context, "cancel")
    except OutlastError as error:
        await _send(context, "error", problem_of(error).body(context.translations))


def _action(message: Message) -> Any:
    text = message.get("text") or ""
    if len(text) > MAX_MESSAGE:
        return None
    try:
        given: Any = json.loads(text)
        return given["action"]
    except (ValueError, RecursionError, TypeError, LookupError):
        return None


async def _send_snapshot(context: RequestContext, view: SessionView) -> None:
    event = "done" if view.session.status.final else "progress"
    body = (await snapshot_body(context, view)).decode()
    await _send_text(context, f'{{"event": "{event}", "id": "{view.session.version}", "data": {body}}}')


async def _send(context: RequestContext, event: str, data: dict[str, Any]) -> None:
    await _send_text(context, json.dumps({"event": event, "data": data}))


async def _send_text(context: RequestContext, text: str) -> None:
    await context.send({"type": "websocket.send", "text": text})


def as_request(scope: Scope, receive: Receive, send: Send) -> tuple[Scope, Receive, Send]:
    """The handshake as the `GET` request that it is, so that the rules of every route apply to it.

    A refusal is an HTTP response where the server can send one, else a closing code.
    """
    schemes = {"ws": "http", "wss": "https"}
    request = {
        **scope,
        "type": "http",
        HANDSHAKE: True,
        "method": "GET",
        "scheme": schemes.get(scope.get("scheme", "ws"), "https"),
    }
    can_respond = "websocket.http.response" in (scope.get("extensions") or {})

    async def refusing(message: Message) -> None:
        kind: str = message["type"]
        if not kind.startswith("http.response."):
            await send(message)
        elif can_respond:
            await send({**message, "type": f"websocket.{kind}"})
        elif kind == "http.response.start":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})

    return request, receive, refusing
