"""Outlast in a Flask application with a login of its own: `flask --app mounted_flask run`."""

from a2wsgi import ASGIMiddleware
from flask import Flask, redirect, request, session
from itsdangerous import BadSignature
from starlette.requests import Request
from werkzeug import Response
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from outlast import Outlast

app = Flask(__name__)
app.secret_key = "your secret"


def current_user(request: Request) -> str | None:
    signer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    try:
        return signer.loads(request.cookies.get("session", "")).get("user")
    except BadSignature:
        return None


outlast = Outlast(owner=current_user, title="Letters")


@outlast.analysis("letters", title="Count letters")
def count_letters(text: str) -> dict[str, int]:
    return {"letters": len(text)}


outlast.sync.open(workers=1)
site = ASGIMiddleware(outlast.asgi(prefix="/slow"), loop=outlast.sync.loop)
app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/slow": site})  # type: ignore[method-assign]


@app.post("/login")
def log_in() -> Response:
    session["user"] = request.form["user"]  # check the password first
    outlast.sync.log_in(request, session["user"])
    return redirect("/slow/", 303)
