"""The table of all routes: methods, path, handler, required owner and CSRF token. No other paths exist."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from typing import Any, Final

from starlette.responses import Response

from outlast.web import (
    added_files,
    api,
    dashboard,
    dashboard_audit,
    dashboard_failures,
    dashboard_queues,
    dashboard_sessions,
    devices,
    diagnostics,
    openapi_pages,
    own_pages,
    owner_sessions,
    pages,
    result_pages,
    share_links,
)
from outlast.web.access import CsrfTokenIn, Requires
from outlast.web.events import events, events_of_many
from outlast.web.metrics import metrics
from outlast.web.permissions import Verb
from outlast.web.problems import OWN_SESSIONS
from outlast.web.progress import progress
from outlast.web.request_context import RequestContext
from outlast.web.uploads import upload
from outlast.web.websocket import websocket

SESSION_ID: Final = r"[a-z2-7]{26}"
PARAMETERS: Final = {
    "session_id": SESSION_ID,
    "link": SESSION_ID,
    "file": r"[a-z0-9.-]{1,100}",
}
"""Patterns of path parameters; each bounds the length, as stores and folders do."""

Handler = Callable[[RequestContext], Awaitable[Response | None]]
"""Returns a response, or `None` if it has sent its response itself."""


@dataclass(frozen=True, slots=True)
class Route:
    """One path with its methods and rules."""

    name: str
    methods: frozenset[str]
    path: str
    """May contain the parameters `{session_id}`, `{link}`, `{file}` and `{page}`."""
    handler: Handler
    requires: Requires
    verb: Verb
    """What an API key or a token must be allowed to do."""
    csrf_token: CsrfTokenIn | None = None
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
        return self.reads_body or self.csrf_token is CsrfTokenIn.FORM

    @property
    def safe(self) -> bool:
        return self.methods <= {"GET", "HEAD"}


_NAMES_BY_VERB: Final[Mapping[Verb, str]] = {
    Verb.PUBLIC: (
        "shared shared_export shared_picture static assets favicon robots security_txt well_known livez"
        " readyz openapi docs"
    ),
    Verb.READ: "progress events ws result page export",
    Verb.LIST: (
        "list list_links events_of_many token sessions_page form device_page page_device_link page_continue"
        " page_return own_page login_page log_in"
    ),
    Verb.START: "start check upload submit page_again page_correct page_files",
    Verb.CHANGE: "cancel retry answer share read_token page_cancel page_answer page_retry page_share page_unshare",
    Verb.DELETE: "delete_result delete_everything page_delete page_delete_everything",
    Verb.OVERSEE: (
        "log_out dashboard sessions failures queues workers audit dashboard_session metrics arrival steady_events"
    ),
    Verb.OPERATE: "failures_retry queues_pause queues_resume workers_ask dashboard_cancel dashboard_retry",
}
VERBS: Final = {name: verb for verb, names in _NAMES_BY_VERB.items() for name in names.split()}
"""The verb of each route: a route without one cannot be built."""


def _api(name: str, methods: str, path: str, handler: Handler, requires: Requires, **more: Any) -> Route:
    """For programs: a problem is JSON, and an unsafe request has its token in a header."""
    made = Route(name, frozenset(methods.split()), path, handler, requires, VERBS[name], **more)
    return made if made.safe else replace(made, csrf_token=CsrfTokenIn.HEADER)


def _page(name: str, methods: str, path: str, handler: Handler, requires: Requires) -> Route:
    """For people: a problem is a page, and an unsafe request is a form with its token."""
    made = Route(name, frozenset(methods.split()), path, handler, requires, VERBS[name], page=True)
    return made if made.safe else replace(made, csrf_token=CsrfTokenIn.FORM)


ROUTES: Final = (
    _api("start", "POST", "/api/analysis/start", api.start, Requires.OWNER, reads_body=True),
    _api("check", "POST", "/api/analysis/check", api.check, Requires.OWNER, reads_body=True),
    _api("upload", "POST", "/api/analysis/upload", upload, Requires.OWNER, reads_body=True),
    _api("token", "GET", "/api/analysis/token", api.token, Requires.OWNER_OR_NEW),
    _api("progress", "GET HEAD", "/api/analysis/progress/{session_id}", progress, Requires.OWNER),
    _api("events", "GET", "/api/analysis/progress/{session_id}/events", events, Requires.OWNER),
    _api("events_of_many", "GET", "/api/analysis/events", events_of_many, Requires.OWNER),
    _api("ws", "GET", "/api/analysis/progress/{session_id}/ws", websocket, Requires.OWNER),
    _api("result", "GET HEAD", "/api/analysis/result/{session_id}", api.result, Requires.OWNER),
    _api(
        "delete_result",
        "DELETE",
        "/api/analysis/result/{session_id}",
        owner_sessions.delete_result,
        Requires.OWNER,
    ),
    _api("list", "GET HEAD", "/api/analysis", owner_sessions.list_sessions, Requires.OWNER_OR_NEW),
    _api("delete_everything", "DELETE", "/api/analysis", owner_sessions.delete_everything, Requires.OWNER),
    _api("cancel", "DELETE POST", "/api/analysis/cancel/{session_id}", api.cancel, Requires.OWNER),
    _api("retry", "POST", "/api/analysis/retry/{session_id}", api.retry, Requires.OWNER),
    _api("answer", "POST", "/api/analysis/answer/{session_id}", api.answer, Requires.OWNER, reads_body=True),
    _api("read_token", "POST", "/api/analysis/read-token/{session_id}", api.read_token, Requires.OWNER),
    _api("list_links", "GET HEAD", "/api/analysis/share", share_links.list_links, Requires.OWNER_OR_NEW),
    _api(
        "share",
        "POST DELETE",
        "/api/analysis/share/{session_id}",
        share_links.share,
        Requires.OWNER,
        reads_body=True,
    ),
    _page("form", "GET HEAD", "/", pages.start_page, Requires.OWNER_OR_NEW),
    _page("submit", "POST", "/", pages.submit, Requires.OWNER),
    _page("page", "GET HEAD", "/analysis/{session_id}", pages.session_page, Requires.OWNER),
    _page("page_cancel", "POST", "/analysis/{session_id}/cancel", pages.cancel, Requires.OWNER),
    _page("page_answer", "POST", "/analysis/{session_id}/answer", pages.answer, Requires.OWNER),
    _page("page_retry", "POST", "/analysis/{session_id}/retry", pages.retry, Requires.OWNER),
    _page("page_again", "POST", "/analysis/{session_id}/again", pages.again, Requires.OWNER),
    _page("page_correct", "GET HEAD", "/analysis/{session_id}/correct", pages.correct, Requires.OWNER),
    _page("page_files", "POST", "/analysis/{session_id}/files", added_files.add_files, Requires.OWNER),
    _page("page_delete", "POST", "/analysis/{session_id}/delete", owner_sessions.page_delete, Requires.OWNER),
    _page("sessions_page", "GET HEAD", OWN_SESSIONS, owner_sessions.sessions_page, Requires.OWNER_OR_NEW),
    _page(
        "page_delete_everything",
        "POST",
        f"{OWN_SESSIONS}/delete",
        owner_sessions.page_delete_everything,
        Requires.OWNER,
    ),
    _page("page_device_link", "POST", f"{OWN_SESSIONS}/device", devices.device_link, Requires.OWNER),
    _page("page_return", "POST", f"{OWN_SESSIONS}/return", devices.page_return, Requires.OWNER),
    _page("device_page", "GET HEAD", "/continue", devices.device_page, Requires.OWNER_OR_NEW),
    _page("page_continue", "POST", "/continue", devices.page_continue, Requires.OWNER),
    _page("page_share", "POST", "/analysis/{session_id}/share", share_links.page_share, Requires.OWNER),
    _page("page_unshare", "POST", "/analysis/{session_id}/unshare", share_links.page_unshare, Requires.OWNER),
    _page("export", "GET HEAD", "/analysis/{session_id}/export/{file}", result_pages.export, Requires.OWNER),
    _page("shared", "GET HEAD", "/shared/{link}", result_pages.shared, Requires.ANYBODY),
    _page(
        "shared_export",
        "GET HEAD",
        "/shared/{link}/export/{file}",
        result_pages.shared_export,
        Requires.ANYBODY,
    ),
    _page("own_page", "GET HEAD", "/pages/{file}", own_pages.own_page, Requires.OWNER_OR_NEW),
    _page(
        "shared_picture", "GET HEAD", "/shared/{link}/picture.png", result_pages.shared_picture, Requires.ANYBODY
    ),
    _page("login_page", "GET HEAD", "/dashboard/enter", dashboard.login_page, Requires.BROWSER_OR_NEW),
    _page("log_in", "POST", "/dashboard/enter", dashboard.log_in, Requires.BROWSER),
    _page("log_out", "POST", "/dashboard/leave", dashboard.log_out, Requires.VIEWER),
    _page("dashboard", "GET HEAD", "/dashboard", dashboard.overview, Requires.VIEWER),
    _page("sessions", "GET HEAD", "/dashboard/sessions", dashboard_sessions.list_page, Requires.VIEWER),
    _page("failures", "GET HEAD", "/dashboard/failures", dashboard_failures.failures_page, Requires.VIEWER),
    _page(
        "failures_retry", "POST", "/dashboard/failures/retry", dashboard_failures.retry_reason, Requires.OPERATOR
    ),
    _page("queues", "GET HEAD", "/dashboard/queues", dashboard_queues.queues_page, Requires.VIEWER),
    _page("queues_pause", "POST", "/dashboard/queues/pause", dashboard_queues.pause_queue, Requires.OPERATOR),
    _page("queues_resume", "POST", "/dashboard/queues/resume", dashboard_queues.resume_queue, Requires.OPERATOR),
    _page("workers", "GET HEAD", "/dashboard/workers", dashboard_queues.workers_page, Requires.VIEWER),
    _page("workers_ask", "POST", "/dashboard/workers/ask", dashboard_queues.ask_worker, Requires.OPERATOR),
    _page("audit", "GET HEAD", "/dashboard/audit", dashboard_audit.audit_page, Requires.VIEWER),
    _page(
        "dashboard_session",
        "GET HEAD",
        "/dashboard/{session_id}",
        dashboard_sessions.session_page,
        Requires.VIEWER,
    ),
    _page(
        "dashboard_cancel",
        "POST",
        "/dashboard/{session_id}/cancel",
        dashboard_sessions.cancel,
        Requires.OPERATOR,
    ),
    _page(
        "dashboard_retry",
        "POST",
        "/dashboard/{session_id}/retry",
        dashboard_sessions.retry,
        Requires.OPERATOR,
    ),
    _api("openapi", "GET HEAD", "/openapi.json", openapi_pages.openapi, Requires.ANYBODY),
    _page("docs", "GET HEAD", "/docs", openapi_pages.docs, Requires.ANYBODY),
    _api("static", "GET HEAD", "/static/{file}", pages.static, Requires.ANYBODY),
    _api("assets", "GET HEAD", "/assets/{file}", pages.assets, Requires.ANYBODY),
    _api("favicon", "GET HEAD", "/favicon.ico", pages.favicon, Requires.ANYBODY),
    _api("robots", "GET HEAD", "/robots.txt", pages.robots, Requires.ANYBODY),
    _api("security_txt", "GET HEAD", "/.well-known/security.txt", pages.security_txt, Requires.ANYBODY),
    _api("well_known", "GET HEAD", "/.well-known/{file}", pages.well_known, Requires.ANYBODY),
    _api("livez", "GET HEAD", "/livez", api.livez, Requires.ANYBODY, any_host=True),
    _api("readyz", "GET HEAD", "/readyz", api.readyz, Requires.ANYBODY, any_host=True),
    _api("metrics", "GET HEAD", "/metrics", metrics, Requires.OPERATOR_KEY, any_host=True),
    _api("arrival", "GET", "/diagnostics", diagnostics.arrival, Requires.OPERATOR_KEY, any_host=True),
    _api(
        "steady_events",
        "GET",
        "/diagnostics/events",
        diagnostics.steady_events,
        Requires.OPERATOR_KEY,
        any_host=True,
    ),
)
