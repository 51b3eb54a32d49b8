"""The host's own logins: its `owner=` callable, what that may raise, and where it sends people who must log in."""

import inspect
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.types import Scope

from outlast.core.api_keys import OWNER_PREFIX as OF_KEY
from outlast.core.ids import ANONYMOUS, is_text
from outlast.domain.errors import OutlastError
from outlast.domain.messages import message
from outlast.web.login_options import LoginOptions
from outlast.web.problems import Problem

OPERATOR = "operator:"
"""Prefix of an operator's name; operators own no sessions."""
READER = "reader:"
"""Prefix of the name by which the streams of a read token are counted."""
RESERVED = re.compile(
    rf"{ANONYMOUS}[a-z2-7]{{32}}|{OPERATOR}(?:[0-9a-f]{{32}}|key)|{OF_KEY}[0-9a-f]{{12}}|{READER}[a-z2-7]{{26}}"
)
"""Names that this site gives; every other name is the host's."""
STATUSES = frozenset(status.value for status in HTTPStatus if status.value >= 300)
DJANGO_STATUSES = {
    "django.core.exceptions.PermissionDenied": 403,
    "django.core.exceptions.SuspiciousOperation": 400,
    "django.http.response.Http404": 404,
}


class RequestWithHeaders(Protocol):
    """A request of a web framework."""

    @property
    def headers(self) -> Any: ...


HostRequest = RequestWithHeaders | Mapping[str, Any]
"""A request of any web framework, an ASGI scope, or a WSGI environment."""


class OwnerRaised(Exception):  # noqa: N818 - it carries an error and is none of its own
    """The callable `owner=` raised `error`."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class Logins:
    """Says who makes a request, by the host's logins, and refuses anonymous visitors where the options say so."""

    def __init__(self, options: LoginOptions) -> None:
        self.owner_of = options.owner
        self.anonymous = options.anonymous
        self.login_url = options.login_url

    async def owner(self, scope: Scope) -> str | None:
        """The name that `owner=` returns; `None` for nobody. Raises `OwnerRaised` and `TypeError`."""
        if self.owner_of is None:
            return None
        try:
            answered = self.owner_of(Request(scope))
            name = await answered if inspect.isawaitable(answered) else answered
        except OutlastError:
            raise
        except Exception as error:
            raise OwnerRaised(error) from error
        if name is not None and not is_text(name):
            raise TypeError(
                f"owner= returned {name!r}, which is not text. Return a name that stays the user's, such as "
                "str(user.id), or None for nobody."
            )
        return name or None  # all users without a name would be one owner

    def required(self, scope: Scope, origin: str, *, safe: bool) -> Problem:
        """401 for an anonymous visitor; pages send them to the login, with `next`, the address to come back to."""
        return Problem(
            401,
            message("Log in first: this site lets no anonymous visitors in."),
            headers={"WWW-Authenticate": "Bearer"},
            redirect=self._login_address(scope, origin, safe=safe),
        )

    def _login_address(self, scope: Scope, origin: str, *, safe: bool) -> str | None:
        url = self.login_url
        if url is None:
            return None
        here = "/" + scope["path"].lstrip("/")
        if not safe and not here.endswith("/"):  # the page whose button was pressed
            here = here.rpartition("/")[0]
            if here == scope.get("root_path", ""):
                here += "/"
        back = quote(here)
        if safe and scope.get("query_string"):
            back += "?" + scope["query_string"].decode("latin-1")
        if url.startswith("/"):
            url = scope.get("app_root_path", "") + url
        else:
            back = origin + back
        return url + ("&" if "?" in url else "?") + urlencode({"next": back})


def cookie_header(request: HostRequest) -> bytes:
    """The `Cookie` header of a host's request; empty without one. Raises `TypeError` for anything else."""
    if isinstance(request, Mapping):
        if "headers" in request:  # an ASGI scope; HTTP/2 divides cookies
            return b"; ".join(value for name, value in request["headers"] if name.lower() == b"cookie")
        if "REQUEST_METHOD" in request:
            return str(request.get("HTTP_COOKIE", "")).encode("latin-1")
    given = getattr(request, "headers", None)
    if given is None or not hasattr(given, "get"):
        raise TypeError(
            f"A {type(request).__name__} is no request: pass the request of your framework, an ASGI scope or a "
            "WSGI environment."
        )
    value = given.get("cookie") or given.get("Cookie") or ""
    return value if isinstance(value, bytes) else str(value).encode("latin-1", errors="ignore")


def host_handles(scope: Scope, error: Exception) -> bool:
    """Whether the framework that has mounted the site turns this error into a response of its own."""
    host = scope.get("app")
    if host is None:
        return False
    handlers: Any = getattr(host, "exception_handlers", None) or {}
    kinds = [kind for kind in type(error).__mro__ if kind not in {Exception, BaseException, object}]
    return _status(error) is not None or any(kind in handlers for kind in kinds)


def problem_of_host(error: Exception) -> Problem | None:
    """The response to an error that frameworks use as one, where no framework is above the site; else `None`."""
    status = _status(error)
    if status is None:
        return None
    given: Any = getattr(error, "headers", None)
    response: Any = getattr(error, "response", None)  # of Werkzeug's abort() with a redirect
    if given is None and response is not None:
        status, given = getattr(response, "status_code", status), response.headers
    kept = {"location", "retry-after", "www-authenticate"}
    headers = {str(k): str(v) for k, v in dict(given or {}).items() if str(k).lower() in kept}
    detail: Any = getattr(error, "detail", None) or getattr(error, "description", None)
    return Problem(status, detail if isinstance(detail, str) else HTTPStatus(status).phrase + ".", headers=headers)


def _status(error: Exception) -> int | None:
    """The HTTP status that an exception of Starlette, FastAPI, Litestar, Werkzeug or Django stands for."""
    for kind in type(error).__mro__:
        if (status := DJANGO_STATUSES.get(f"{kind.__module__}.{kind.__qualname__}")) is not None:
            return status
    response = getattr(error, "response", None)
    for given in (getattr(error, "status_code", None), getattr(response, "status_code", None), _code(error)):
        if isinstance(given, int) and given in STATUSES:
            return given
    return None


def _code(error: Exception) -> object:
    """The status of Werkzeug's exceptions; other libraries have codes of their own."""
    return getattr(error, "code", None) if hasattr(error, "get_response") else None
