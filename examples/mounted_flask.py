"""Outlast in a Flask application with a login of its own: `flask --app mounted_flask run`."""

# pyright: basic
import secrets
from typing import Any, cast

from a2wsgi import ASGIMiddleware
from flask import Flask, redirect, request, session
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import BadSignature
from starlette.requests import Request
from werkzeug import Response
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from outlast import Outlast

app = Flask(__name__)
app.secret_key = secrets.token_hex()  # keep yours


def current_user(request: Request) -> str | None:
    signer = SecureCookieSessionInterface().get_signing_serializer(app)
    try:
        return signer and signer.loads(request.cookies.get("session", "")).get("user")
    except BadSignature:
        return None


outlast = Outlast(owner=current_user, title="Letters")


@outlast.analysis("letters", title="Count letters")
def count_letters(text: str) -> dict[str, int]:
    return {"letters": len(text)}


outlast.sync.open(workers=1)
site = ASGIMiddleware(cast("Any", outlast.asgi(prefix="/slow")), loop=outlast.sync.loop)
app.wsgi_app = cast("Any", DispatcherMiddleware(app.wsgi_app, {"/slow": cast("Any", site)}))


@app.post("/login")
def log_in() -> Response:
    session["user"] = request.form["user"]  # check the password first
    outlast.sync.log_in(request, session["user"])
    return redirect("/slow/", 303)
