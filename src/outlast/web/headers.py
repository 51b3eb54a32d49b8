"""Request headers: each that access or framing depends on occurs once; and cookies, read and written."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from starlette.types import Scope

from outlast.settings import Settings
from outlast.web.problems import Problem

SINGLE: Final = frozenset(
    {
        b"authorization",
        b"content-length",
        b"content-type",
        b"forwarded",
        b"host",
        b"origin",
        b"sec-fetch-site",
        b"x-csrf-token",
        b"x-real-ip",
    }
)
FORWARDED: Final = b"x-forwarded-"
"""Prefix of the headers that proxies add."""
COOKIE: Final = b"cookie"


def single_headers(scope: Scope) -> dict[bytes, bytes]:
    """The headers by name; raises 400 if one of `SINGLE`, a cookie or a forwarded header is repeated.

    Proxies, hosts and this site might each use a different one. HTTP/2 allows several `Cookie` headers.
    """
    given: list[tuple[bytes, bytes]] = scope["headers"]
    headers = dict(given)
    if len(headers) == len(given):
        return headers
    headers.clear()
    for name, value in given:
        if name in headers:
            if name == COOKIE and not scope.get("http_version", "1.1").startswith("1"):
                headers[name] += b"; " + value
                continue
            if name in SINGLE or name == COOKIE or name.startswith(FORWARDED):
                raise Problem(400, f"A request has the header {name.decode('latin-1')} once.")
        headers[name] = value
    return headers


def values_of(raw: bytes, name: str) -> Iterator[str]:
    """The values of all cookies of this name, in the header's order.

    If one site is mounted below another, the browser sends the cookies of both, the inner one first.
    """
    for pair in raw.decode("latin-1").split(";"):
        key, _, value = pair.strip().partition("=")
        if key == name:
            yield value.strip('"')


def is_secure(scope: Scope, settings: Settings) -> bool:
    """Whether browsers use HTTPS, by this request's scheme or by the public address."""
    public = settings.public_url
    return scope.get("scheme") == "https" or (public is not None and public.startswith("https:"))


def own_origin(scope: Scope, settings: Settings) -> str:
    """The origin at which people use the site: of the public address, else of this request."""
    if settings.public_url is not None:
        parts = urlsplit(settings.public_url)
        return f"{parts.scheme}://{parts.netloc}"
    host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
    return f"{scope.get('scheme', 'http')}://{host}"


def site_path(scope: Scope) -> str:
    """The path relative to where the site is mounted."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path.removeprefix(root) or "/"


def cookie(scope: Scope, settings: Settings, name: str, value: str, *, path: str, seconds: int) -> str:
    """Build the `Set-Cookie` value of an `HttpOnly` cookie; 0 `seconds` delete it."""
    parts = [
        f"{name}={value}",
        f"Path={path}",
        f"Max-Age={seconds}",
        "HttpOnly",
        "SameSite=Lax",
        *(["Secure"] if is_secure(scope, settings) else []),
    ]
    return "; ".join(parts)
