"""Outlast in a Django project, whose login says who owns a session: `uvicorn mounted_django:application`."""

# pyright: basic
import secrets

import django
from django.conf import settings

settings.configure(  # your project's settings.py
    SECRET_KEY=secrets.token_hex(),
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "django.sqlite3"}},
)
django.setup()

from django.contrib.auth import aauthenticate, aget_user, alogin  # noqa: E402 - after the setup
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402 - after the setup
from django.core.asgi import get_asgi_application  # noqa: E402 - after the setup
from django.core.exceptions import PermissionDenied  # noqa: E402 - after the setup
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect  # noqa: E402 - after the setup
from django.urls import path  # noqa: E402 - after the setup
from starlette.requests import Request  # noqa: E402 - after the setup
from starlette.types import Receive, Scope, Send  # noqa: E402 - after the setup

from outlast import Outlast  # noqa: E402 - after the setup


async def current_user(request: Request) -> str | None:
    asked = HttpRequest()
    asked.session = SessionStore(  # pyright: ignore[reportAttributeAccessIssue] - as its middleware does
        request.cookies.get(settings.SESSION_COOKIE_NAME)
    )
    user = await aget_user(asked)
    return user.get_username() or None


outlast = Outlast(owner=current_user, title="Letters")


@outlast.analysis("letters", title="Count letters")
def count_letters(text: str) -> dict[str, int]:
    return {"letters": len(text)}


async def log_in(request: HttpRequest) -> HttpResponse:
    user = await aauthenticate(request, username=request.POST["user"], password=request.POST["password"])
    if user is None:
        raise PermissionDenied
    await alogin(request, user)
    await outlast.log_in(request, user.get_username())
    return HttpResponseRedirect("/slow/")


urlpatterns = [path("login", log_in)]
site, pages = outlast.asgi(prefix="/slow"), get_asgi_application()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    ours = scope["type"] == "lifespan" or f"{scope['path']}/".startswith("/slow/")
    await (site if ours else pages)(scope, receive, send)
