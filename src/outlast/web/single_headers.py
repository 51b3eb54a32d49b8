"""Rejects requests that repeat a header on which access or framing depends."""

from typing import Final

from starlette.types import Scope

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
