"""Parses `Cookie` headers and builds `Set-Cookie` values."""

from collections.abc import Iterator

from starlette.types import Scope

from outlast.settings import Settings


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
