"""The table of every route: what it is, who may use it, what it needs. What is not here does not exist."""

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, zip_longest
from typing import Final

SESSION_ID: Final = r"[a-z2-7]{26}"
PARAMETERS: Final = {"session_id": SESSION_ID, "link": SESSION_ID, "file": r"[a-z0-9.-]{1,100}"}
"""Each with a longest length, as an address is looked for in stores and folders that have one too."""


class Owner(StrEnum):
    """What a route needs to know of who asks."""

    ANYBODY = "anybody"
    """Nothing; no cookie is read or set."""
    KNOWN = "known"
    """The owner, where there is one; without one there is nothing to see: 404."""
    MADE = "made"
    """The owner; a visitor without one becomes one."""
    OPERATOR = "operator"
    """That it is an operator, who may see and steer every session."""


class Token(StrEnum):
    """How an unsafe request proves that it comes from our own page."""

    HEADER = "header"
    """`X-CSRF-Token`."""
    FORM = "form"
    """The hidden field `csrf_token` of a form."""


@dataclass(frozen=True, slots=True)
class Route:
    """One address and what may be done there."""

    name: str
    path: str
    """With `{session_id}` where a session is meant, `{link}` where a link to a result."""
    methods: frozenset[str]
    owner: Owner
    token: Token | None = None
    """Needed by unsafe methods."""
    page: bool = False
    """Its errors are pages."""
    reads_body: bool = False
    """It reads what a request carries beside its address and headers, as forms do too."""
    any_host: bool = False
    """It answers by whatever name it is asked: probes use the address of a machine."""

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
