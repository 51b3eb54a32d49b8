"""Outlast in a Starlette application with a login of its own: `uvicorn mounted_starlette:app`."""

import secrets

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route

from outlast import Outlast

outlast = Outlast(owner=lambda request: request.session.get("user"), title="Letters")


@outlast.analysis("letters", title="Count letters")
def count_letters(text: str) -> dict[str, int]:
    return {"letters": len(text)}


async def log_in(request: Request) -> Response:
    user = str((await request.form())["user"])
    request.session["user"] = user  # check the password first
    await outlast.log_in(request, user)
    return RedirectResponse("/slow/", 303)


app = Starlette(
    routes=[Route("/login", log_in, methods=["POST"]), Mount("/slow", outlast.asgi())],
    middleware=[Middleware(SessionMiddleware, secret_key=secrets.token_hex())],
    lifespan=outlast.lifespan(workers=1),
)
