"""Outlast in a Litestar application with a login of its own: `uvicorn mounted_litestar:app`."""

# pyright: basic
from typing import Annotated, Any, cast

from litestar import Litestar, Request, asgi, post
from litestar.enums import RequestEncodingType
from litestar.middleware.session.server_side import ServerSideSessionConfig
from litestar.params import Body
from litestar.response import Redirect
from litestar.types import Receive, Scope, Send

from outlast import Outlast

outlast = Outlast(owner=lambda request: request.session.get("user"), title="Letters")
site = outlast.asgi(prefix="/slow")


@outlast.analysis("letters", title="Count letters")
def count_letters(text: str) -> dict[str, int]:
    return {"letters": len(text)}


@asgi("/slow", is_mount=True, copy_scope=True)
async def slow(scope: Scope, receive: Receive, send: Send) -> None:
    await site(cast("Any", scope), cast("Any", receive), cast("Any", send))


@post("/login")
async def log_in(
    request: Request[Any, Any, Any],
    data: Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Redirect:
    request.session["user"] = data["user"]  # check the password first
    await outlast.log_in(request, data["user"])
    return Redirect("/slow/", status_code=303)


app = Litestar(
    [slow, log_in],
    middleware=[ServerSideSessionConfig().middleware],
    lifespan=[outlast.lifespan(workers=1)],
)
