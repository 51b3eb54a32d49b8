"""Cookies, read and written by hand: their headers are bytes of every request."""

from collections.abc import Iterator

from starlette.types import Scope

from outlast.settings import Settings


def values_of(raw: bytes, name: str) -> Iterator[str]:
    """The values that a `Cookie` header has under this name, in its order.

    Of two sites on one host, one within the other, the browser sends both, the inner one first.
    """
    for pair in raw.decode("latin-1").split(";"):
        key, _, value = pair.strip().partition("=")
        if key == name:
            yield value.strip('"')


def is_secure(scope: Scope, settings: Settings) -> bool:
    """Whether browsers reach us by HTTPS: so this request came, or so the public address begins."""
    public = settings.public_url
    return scope.get("scheme") == "https" or (public is not None and public.startswith("https:"))


def cookie(scope: Scope, settings: Settings, name: str, value: str, *, path: str, seconds: int) -> str:
    """The header that sets it, for addresses from `path` on and for no script; 0 `seconds` take it away."""
    parts = [
        f"{name}={value}",
        f"Path={path}",
        f"Max-Age={seconds}",
        "HttpOnly",
        "SameSite=Lax",
        *(["Secure"] if is_secure(scope, settings) else []),
    ]
    return "; ".join(parts)
