"""The table of all routes: path, methods, required owner and CSRF token. No other paths exist."""

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, zip_longest
from typing import Final

SESSION_ID: Final = r"[a-z2-7]{26}"
PARAMETERS: Final = {"session_id": SESSION_ID, "link": SESSION_ID, "file": r"[a-z0-9.-]{1,100}"}
"""Patterns of path parameters; each bounds the length, as stores and folders do."""


class Owner(StrEnum):
    """The identity that a route requires."""

    ANYBODY = "anybody"
    """None: no cookie is read or set."""
    KNOWN = "known"
    """An existing owner; requests without one get 404."""
    MADE = "made"
    """An owner, created for a visitor who has none."""
    OPERATOR = "operator"
    """A signed-in operator, who may see, cancel and retry every session."""


class Token(StrEnum):
    """How an unsafe request carries its CSRF token."""

    HEADER = "header"
    """`X-CSRF-Token`."""
    FORM = "form"
    """The hidden field `csrf_token` of a form."""


@dataclass(frozen=True, slots=True)
class Route:
    """One path with its methods and rules."""

    name: str
    path: str
    """May contain the parameters `{session_id}`, `{link}` and `{file}`."""
    methods: frozenset[str]
    owner: Owner
    token: Token | None = None
    """Required for unsafe methods."""
    page: bool = False
    """Errors are rendered as HTML for browsers."""
    reads_body: bool = False
    """The endpoint reads the request's body; forms always do."""
    any_host: bool = False
    """Skip the check of the `Host` header: health probes use a machine's address."""

    @property
    def pattern(self) -> re.Pattern[str]:
        parts = re.split(r"\{(\w+)\}", self.path)
        named = [f"(?P<{name}>{PARAMETERS[name]})" for name in parts[1::2]]
        fixed = [re.escape(part) for part in parts[::2]]
        return re.compile("".join(chain.from_iterable(zip_longest(fixed, named, fillvalue=""))))

    @property
    def takes_body(self) -> bool:
        return self.reads_body or self.token is Token.FORM

    @property
    def safe(self) -> bool:
        return self.methods <= {"GET", "HEAD"}


def _route(name: str, path: str, methods: str, owner: Owner, token: Token | None = None, **more: bool) -> Route:
    return Route(name, path, frozenset(methods.split()), owner, token, **more)


_API = "/api/analysis"

ROUTES: Final = (
    _route("start", f"{_API}/start", "POST", Owner.KNOWN, Token.HEADER, reads_body=True),
    _route("upload", f"{_API}/upload", "POST", Owner.KNOWN, Token.HEADER, reads_body=True),
    _route("token", f"{_API}/token", "GET", Owner.MADE),
    _route("progress", f"{_API}/progress/{{session_id}}", "GET HEAD", Owner.KNOWN),
    _route("events", f"{_API}/progress/{{session_id}}/events", "GET", Owner.KNOWN),
    _route("result", f"{_API}/result/{{session_id}}", "GET HEAD", Owner.KNOWN),
    _route("cancel", f"{_API}/cancel/{{session_id}}", "DELETE POST", Owner.KNOWN, Token.HEADER),
    _route("retry", f"{_API}/retry/{{session_id}}", "POST", Owner.KNOWN, Token.HEADER),
    _route("share", f"{_API}/share/{{session_id}}", "POST DELETE", Owner.KNOWN, Token.HEADER),
    _route("form", "/", "GET HEAD", Owner.MADE, page=True),
    _route("submit", "/", "POST", Owner.KNOWN, Token.FORM, page=True),
    _route("page", "/analysis/{session_id}", "GET HEAD", Owner.KNOWN, page=True),
    _route("page_cancel", "/analysis/{session_id}/cancel", "POST", Owner.KNOWN, Token.FORM, page=True),
    _route("page_retry", "/analysis/{session_id}/retry", "POST", Owner.KNOWN, Token.FORM, page=True),
    _route("page_again", "/analysis/{session_id}/again", "POST", Owner.KNOWN, Token.FORM, page=True),
    _route("page_share", "/analysis/{session_id}/share", "POST", Owner.KNOWN, Token.FORM, page=True),
    _route("page_unshare", "/analysis/{session_id}/unshare", "POST", Owner.KNOWN, Token.FORM, page=True),
    _route("export", "/analysis/{session_id}/export/{file}", "GET HEAD", Owner.KNOWN, page=True),
    _route("shared", "/shared/{link}", "GET HEAD", Owner.ANYBODY, page=True),
    _route("shared_export", "/shared/{link}/export/{file}", "GET HEAD", Owner.ANYBODY, page=True),
    _route("enter", "/dashboard/enter", "GET HEAD", Owner.MADE, page=True),
    _route("admit", "/dashboard/enter", "POST", Owner.KNOWN, Token.FORM, page=True),
    _route("leave", "/dashboard/leave", "POST", Owner.OPERATOR, Token.FORM, page=True),
    _route("dashboard", "/dashboard", "GET HEAD", Owner.OPERATOR, page=True),
    _route("dashboard_session", "/dashboard/{session_id}", "GET HEAD", Owner.OPERATOR, page=True),
    _route("dashboard_cancel", "/dashboard/{session_id}/cancel", "POST", Owner.OPERATOR, Token.FORM, page=True),
    _route("dashboard_retry", "/dashboard/{session_id}/retry", "POST", Owner.OPERATOR, Token.FORM, page=True),
    _route("static", "/static/{file}", "GET HEAD", Owner.ANYBODY),
    _route("assets", "/assets/{file}", "GET HEAD", Owner.ANYBODY),
    _route("livez", "/livez", "GET HEAD", Owner.ANYBODY, any_host=True),
    _route("readyz", "/readyz", "GET HEAD", Owner.ANYBODY, any_host=True),
)
