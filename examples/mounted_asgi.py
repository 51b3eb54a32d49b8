"""Outlast beside another ASGI application, without a framework: `uvicorn mounted_asgi:app`."""

from starlette.types import Receive, Scope, Send

from outlast import Outlast

outlast = Outlast(title="Letters")
site = outlast.asgi(prefix="/slow")


@outlast.analysis("letters", title="Count letters")
def count_letters(text: str) -> dict[str, int]:
    return {"letters": len(text)}


async def shop(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"The shop"})


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    ours = scope["type"] == "lifespan" or f"{scope['path']}/".startswith("/slow/")
    await (site if ours else shop)(scope, receive, send)
