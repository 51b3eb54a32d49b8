"""Cross-origin requests (CORS): which front ends on other origins may call the API with the visitor's cookie."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from starlette.responses import Response

from outlast.settings import Settings
from outlast.web.security_headers import Header

OPEN_PATHS: Final = ("/api/", "/static/", "/assets/")
"""What other origins may use; pages and the dashboard are never theirs."""
REQUEST_HEADERS: Final = (
    "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, Prefer, X-CSRF-Token"
)
RESPONSE_HEADERS: Final = (
    "Content-Disposition, ETag, Link, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After"
)
PREFLIGHT_SECONDS: Final = 600
VARY: Final[Header] = (b"vary", b"Origin")
ANYWHERE: Final[Header] = (b"cross-origin-resource-policy", b"cross-origin")


class CrossOrigin:
    """The origins of the settings; none by default."""

    def __init__(self, settings: Settings) -> None:
        self._allowed = frozenset(origin.encode() for origin in settings.allowed_origins)

    def allows(self, headers: Mapping[bytes, bytes], path: str) -> bool:
        """Whether the request comes from an allowed origin and its path is open to other origins."""
        return bool(self._allowed) and headers.get(b"origin") in self._allowed and path.startswith(OPEN_PATHS)

    def response_headers(self, headers: Iterable[Header], path: str) -> Sequence[Header]:
        """The headers that let the origin of a request read the response."""
        if not self._allowed or not path.startswith(OPEN_PATHS):
            return []
        # style sheets and images are loaded without an Origin
        base = [VARY] if path.startswith("/api/") else [VARY, ANYWHERE]
        origin = next((value for name, value in headers if name == b"origin"), None)
        if origin not in self._allowed:
            return base
        return [
            *base,
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-expose-headers", RESPONSE_HEADERS.encode()),
        ]

    def preflight(self, headers: Iterable[Header], methods: Iterable[str]) -> Response | None:
        """The response to a preflight request for a path with these methods; `None` for any other request."""
        given = dict(headers)
        if given.get(b"origin") not in self._allowed or b"access-control-request-method" not in given:
            return None
        answer = {
            "Access-Control-Allow-Methods": ", ".join(sorted(methods)),
            "Access-Control-Allow-Headers": REQUEST_HEADERS,
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        }
        return Response(status_code=204, headers=answer)
