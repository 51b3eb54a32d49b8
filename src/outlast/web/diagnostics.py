"""Two routes for `outlast doctor`: how a request arrives behind a proxy, and events at a steady pace."""

import asyncio

from starlette.responses import JSONResponse, Response

from outlast.web.events import HEADERS, KEEPALIVE_EVERY
from outlast.web.headers import is_secure
from outlast.web.problems import fault
from outlast.web.request_context import RequestContext

EVERY = round(KEEPALIVE_EVERY) + 1
"""Seconds between two events: a proxy that tolerates this silence tolerates that of every stream."""
LONGEST = 300
"""Seconds that the events may last."""


async def arrival(context: RequestContext) -> Response:
    """How this request arrived: scheme, host, address of the client, and whether browsers use https."""
    scope = context.scope
    client = scope.get("client")
    return JSONResponse(
        {
            "scheme": scope.get("scheme", "http"),
            "secure": is_secure(scope, context.settings),
            "host": context.headers.get(b"host", b"").decode("latin-1"),
            "client": client[0] if client else None,
            "forwarded_for": context.headers.get(b"x-forwarded-for", b"").decode("latin-1") or None,
            "forwarded_proto": context.headers.get(b"x-forwarded-proto", b"").decode("latin-1") or None,
        },
        headers={"Cache-Control": "no-store"},
    )


async def steady_events(context: RequestContext) -> None:
    """One event now, one after a second, then one in `EVERY` seconds, and the last after `?seconds=`."""
    asked = context.request.query_params.get("seconds", "")
    if not (asked.isascii() and asked.isdigit() and len(asked) < 4 and 2 <= int(asked) <= LONGEST):
        raise fault(f"seconds is a whole number from 2 to {LONGEST}.", "?seconds")
    await context.send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    sent_at = 0
    for second in (0, 1, *range(1 + EVERY, int(asked), EVERY), int(asked)):
        if second and not await _pause(context, second - sent_at):
            break
        data = f"event: second\ndata: {second}\n\n".encode()
        await context.send({"type": "http.response.body", "body": data, "more_body": True})
        sent_at = second
    await context.send({"type": "http.response.body", "body": b""})


async def _pause(context: RequestContext, seconds: float) -> bool:
    """Wait; return whether the client is still there and no shutdown has begun."""
    waiting = [
        asyncio.create_task(context.disconnected()),
        asyncio.create_task(context.engine.closing.wait()),
    ]
    done, _ = await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    return not done
