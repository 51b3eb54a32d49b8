"""The table of all routes: methods, path, handler, required owner and CSRF token. No other paths exist."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from typing import Any, Final

from starlette.responses import Response

from outlast.web import api, dashboard, pages, result_pages
from outlast.web.access import Owner, Token
from outlast.web.events import events
from outlast.web.progress import progress
from outlast.web.request_context import RequestContext
from outlast.web.uploads import upload

SESSION_ID: Final = r"[a-z2-7]{26}"
PARAMETERS: Final = {"session_id": SESSION_ID, "link": SESSION_ID, "file": r"[a-z0-9.-]{1,100}"}
"""Patterns of path parameters; each bounds the length, as stores and folders do."""

Handler = Callable[[RequestContext], Awaitable[Response | None]]
"""Returns a response, or `None` if it has sent its response itself."""


@dataclass(frozen=True, slots=True)
class Route:
    """One path with its methods and rules."""

    name: str
    methods: frozenset[str]
    path: str
    """May contain the parameters `{session_id}`, `{link}` and `{file}`."""
    handler: Handler
    owner: Owner
    token: Token | None = None
    """Required for unsafe methods."""
    page: bool = False
    """Errors are rendered as HTML for browsers."""
    reads_body: bool = False
    """The handler reads the request's body; forms always do."""
    any_host: bool = False
    """Skip the check of the `Host` header: health probes use a machine's address."""

    @property
    def pattern(self) -> re.Pattern[str]:
        parts = re.split(r"\{(\w+)\}", self.path)
        named = [f"(?P<{name}>{PARAMETERS[name]})" for name in parts[1::2]]
        fixed = [re.escape(part) for part in parts[::2]]
        return re.compile("".join(chain.from_iterable(zip_longest(fixed, named, fillvalue=""))))

    @property
    def description(self) -> str:
        """What the reference says about it: the first line of the handler's docstring."""
        return (self.handler.__doc__ or "").partition("\n")[0].removesuffix(".")

    @property
    def takes_body(self) -> bool:
        return self.reads_body or self.token is Token.FORM

    @property
    def safe(self) -> bool:
        return self.methods <= {"GET", "HEAD"}


def _api(name: str, methods: str, path: str, handler: Handler, owner: Owner, **more: Any) -> Route:
    """For programs: a problem is JSON, and an unsafe request has its token in a header."""
    made = Route(name, frozenset(methods.split()), path, handler, owner, **more)
    return made if made.safe else replace(made, token=Token.HEADER)


def _page(name: str, methods: str, path: str, handler: Handler, owner: Owner) -> Route:
    """For people: a problem is a page, and an unsafe request is a form with its token."""
    made = Route(name, frozenset(methods.split()), path, handler, owner, page=True)
    return made if made.safe else replace(made, token=Token.FORM)


ROUTES: Final = (
    _api("start", "POST", "/api/analysis/start", api.start, Owner.KNOWN, reads_body=True),
    _api("upload", "POST", "/api/analysis/upload", upload, Owner.KNOWN, reads_body=True),
    _api("token", "GET", "/api/analysis/token", api.token, Owner.MADE),
    _api("progress", "GET HEAD", "/api/analysis/progress/{session_id}", progress, Owner.KNOWN),
    _api("events", "GET", "/api/analysis/progress/{session_id}/events", events, Owner.KNOWN),
    _api("result", "GET HEAD", "/api/analysis/result/{session_id}", api.result, Owner.KNOWN),
    _api("cancel", "DELETE POST", "/api/analysis/cancel/{session_id}", api.cancel, Owner.KNOWN),
    _api("retry", "POST", "/api/analysis/retry/{session_id}", api.retry, Owner.KNOWN),
    _api("share", "POST DELETE", "/api/analysis/share/{session_id}", api.share, Owner.KNOWN),
    _page("form", "GET HEAD", "/", pages.start_page, Owner.MADE),
    _page("submit", "POST", "/", pages.submit, Owner.KNOWN),
    _page("page", "GET HEAD", "/analysis/{session_id}", pages.session_page, Owner.KNOWN),
    _page("page_cancel", "POST", "/analysis/{session_id}/cancel", pages.cancel, Owner.KNOWN),
    _page("page_retry", "POST", "/analysis/{session_id}/retry", pages.retry, Owner.KNOWN),
    _page("page_again", "POST", "/analysis/{session_id}/again", pages.again, Owner.KNOWN),
    _page("page_share", "POST", "/analysis/{session_id}/share", result_pages.share, Owner.KNOWN),
    _page("page_unshare", "POST", "/analysis/{session_id}/unshare", result_pages.unshare, Owner.KNOWN),
    _page("export", "GET HEAD", "/analysis/{session_id}/export/{file}", result_pages.export, Owner.KNOWN),
    _page("shared", "GET HEAD", "/shared/{link}", result_pages.shared, Owner.ANYBODY),
    _page("shared_export", "GET HEAD", "/shared/{link}/export/{file}", result_pages.shared_export, Owner.ANYBODY),
    _page("login_page", "GET HEAD", "/dashboard/enter", dashboard.login_page, Owner.MADE),
    _page("log_in", "POST", "/dashboard/enter", dashboard.log_in, Owner.KNOWN),
    _page("log_out", "POST", "/dashboard/leave", dashboard.log_out, Owner.OPERATOR),
    _page("dashboard", "GET HEAD", "/dashboard", dashboard.overview, Owner.OPERATOR),
    _page("dashboard_session", "GET HEAD", "/dashboard/{session_id}", dashboard.session_page, Owner.OPERATOR),
    _page("dashboard_cancel", "POST", "/dashboard/{session_id}/cancel", dashboard.cancel, Owner.OPERATOR),
    _page("dashboard_retry", "POST", "/dashboard/{session_id}/retry", dashboard.retry, Owner.OPERATOR),
    _api("static", "GET HEAD", "/static/{file}", pages.static, Owner.ANYBODY),
    _api("assets", "GET HEAD", "/assets/{file}", pages.assets, Owner.ANYBODY),
    _api("livez", "GET HEAD", "/livez", api.livez, Owner.ANYBODY, any_host=True),
    _api("readyz", "GET HEAD", "/readyz", api.readyz, Owner.ANYBODY, any_host=True),
)
