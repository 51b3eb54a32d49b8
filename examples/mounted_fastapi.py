"""Outlast in a FastAPI application with a login of its own: `uvicorn mounted_fastapi:app`."""

import secrets
from typing import Annotated

from fastapi import FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.middleware.sessions import SessionMiddleware

from outlast import Outlast

outlast = Outlast(owner=lambda request: request.session.get("user"), title="Letters")


@outlast.analysis("letters", title="Count letters")
def count_letters(text: str) -> dict[str, int]:
    return {"letters": len(text)}


app = FastAPI(lifespan=outlast.lifespan(workers=1))
app.mount("/slow", outlast.asgi())
outlast.add_to_openapi(app, "/slow")  # so that its routes are in your /docs
app.add_middleware(SessionMiddleware, secret_key=secrets.token_hex())  # keep yours


@app.get("/login")
def login_page() -> HTMLResponse:
    return HTMLResponse('<form method="post"><input name="user" aria-label="Name"><button>Log in</button></form>')


@app.post("/login")
async def log_in(request: Request, user: Annotated[str, Form()]) -> Response:
    request.session["user"] = user  # check the password first
    await outlast.log_in(request, user)
    return RedirectResponse("/slow/", 303)
