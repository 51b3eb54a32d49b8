"""The operators' dashboard: statistics, the list of sessions, one session, cancel and retry."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.responses import RedirectResponse, Response

from outlast.core.statistics import Hour
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.domain.storable_text import storable_text
from outlast.ports.store import CancelAnswer, RetryAnswer, Selection
from outlast.web.access import OPERATOR
from outlast.web.api import RETRY_REFUSED
from outlast.web.limits import client_address
from outlast.web.operators import PATH
from outlast.web.problems import Problem, fault, not_found
from outlast.web.request_context import RequestContext
from outlast.web.snapshot import MILLISECOND
from outlast.web.uploads import read_fields, verify_form_token

LISTED = 100
"""Sessions on one page."""
INPUT_SHOWN = 4_000
"""Characters of an input that are shown."""
KINDS = ("completed", "failed", "cancelled")
CHART_HEIGHT = 96
CHART_STEP = 24
"""Width of one hour, in SVG units."""


@dataclass(frozen=True, slots=True)
class ChartBar:
    """One stacked bar of the chart, for one hour; `parts` are (kind, y, height)."""

    x: int
    message: str
    parts: Sequence[tuple[str, float, float]]


async def login_page(context: RequestContext) -> Response:
    """The form in which operators enter the dashboard's key.

    `?key=` fills it, so that a link preview does not use the key up.
    """
    key = context.request.query_params.get("key", "")
    return context.page("dashboard_login.html", title="Dashboard", key=key)


async def log_in(context: RequestContext) -> Response:
    """Submit the key: `303` to the dashboard, with the operator's cookie."""
    operators, address = context.access.operators, client_address(context.scope)
    form = await read_fields(context)
    if not operators.may_try(address):
        raise Problem(429, "Too many wrong keys were shown. Please try again in a minute.", retry_after=60)
    cookie = operators.sign_in(form.get("key", "").strip(), context.scope)
    if cookie is None:
        operators.note_failure(address)
        return context.page("dashboard_login.html", 403, title="Dashboard", refused=True)
    return RedirectResponse(context.root + PATH, 303, {"Set-Cookie": cookie})


async def log_out(context: RequestContext) -> Response:
    """Log out of the dashboard."""
    await verify_form_token(context)
    name = context.owner.removeprefix(OPERATOR)
    await context.access.operators.sign_out(name, context.engine.guarded_store)
    expired = context.access.operators.expired_cookie(context.scope)
    return RedirectResponse(f"{context.root}{PATH}/enter", 303, {"Set-Cookie": expired})


async def overview(context: RequestContext) -> Response:
    """The state of the installation; `?status=` and `?analysis=` filter its list of sessions."""
    query = context.request.query_params
    status, analysis = _status(query.get("status", "")), storable_text(query.get("analysis", "")) or None
    insight = await context.engine.statistics.now()
    listed = await context.engine.sessions.select(Selection(None, status, analysis, LISTED))
    return context.page(
        "dashboard.html",
        title="Dashboard",
        insight=insight,
        workless=[depth for depth in insight.depths if depth.waiting and not insight.is_served(depth)],
        silent=[worker for worker in insight.workers if not worker.alive],
        longest=max((waited for d in insight.depths if (waited := insight.longest_wait(d))), default=None),
        day={kind: sum(getattr(hour, kind) for hour in insight.hours) for kind in KINDS},
        bars=chart_bars(insight.hours),
        sessions=[session_row(session, insight.at) for session in listed],
        of_status=status.value if status else "",
        of_analysis=analysis or "",
        statuses=list(Status),
        limit=LISTED,
        at=insight.at,
        ms=MILLISECOND,
    )


async def session_page(context: RequestContext) -> Response:
    """One session of any owner."""
    view = await context.engine.sessions.get(context.session_id, owner=None)
    if view is None:
        raise not_found()
    session = view.session
    return context.page(
        "dashboard_session.html",
        title=f"Session {session.id}",
        session=session,
        shown=session_row(session, context.engine.clock.now()),
        stalled=view.stalled,
        position=view.queue_position,
        attempts=await context.engine.guarded_store.history(session.id),
        input=_pretty(session.input),
        at=context.engine.clock.now(),
    )


async def cancel(context: RequestContext) -> Response:
    """Cancel the session."""
    await verify_form_token(context)
    answer = await context.engine.sessions.cancel(context.session_id, owner=None)
    if answer is None:
        raise not_found()
    if answer is CancelAnswer.FINAL:
        raise Problem(409, "It had ended before.", link=_back_link(context))
    return _redirect(context)


async def retry(context: RequestContext) -> Response:
    """A new set of attempts."""
    await verify_form_token(context)
    answer = await context.engine.sessions.retry(context.session_id, owner=None)
    if answer is None:
        raise not_found()
    if answer is not RetryAnswer.RETRIED:
        raise Problem(409, RETRY_REFUSED[answer], link=_back_link(context))
    return _redirect(context)


def _back_link(context: RequestContext) -> tuple[str, str]:
    return f"{PATH}/{context.session_id}", "Back to the session"


def _redirect(context: RequestContext) -> Response:
    return RedirectResponse(f"{context.root}{PATH}/{context.session_id}", 303)


def chart_bars(hours: Sequence[Hour]) -> list[ChartBar]:
    """Stack the sessions that ended in each hour by kind; the tallest bar has the full height."""
    tallest = max((hour.all for hour in hours), default=0) or 1
    bars_so_far: list[ChartBar] = []
    for n, hour in enumerate(hours):
        top, parts = float(CHART_HEIGHT), list[tuple[str, float, float]]()
        for kind in KINDS:
            height = CHART_HEIGHT * getattr(hour, kind) / tallest
            top -= height
            if height:
                parts.append((kind, round(top, 2), round(height, 2)))
        counts = ", ".join(f"{getattr(hour, kind)} {kind}" for kind in KINDS)
        bars_so_far.append(ChartBar(n * CHART_STEP, f"{hour.begins:%H}:00 UTC: {counts}", parts))
    return bars_so_far


def session_row(session: AnalysisSession, now: datetime) -> dict[str, Any]:
    """The template's values for one session of the list."""
    return {
        "id": session.id,
        "analysis": session.analysis,
        "subject": session.subject,
        "phase": session.phase.value,
        "percentage": int(session.progress.percentage),
        "attempt": f"{session.attempt} of {session.max_attempts}",
        "crashes": session.crashes,
        "created_at": session.created_at,
        "ago_ms": max(0, (now - session.created_at) // MILLISECOND),
        "took_ms": session.worked_ms if session.started_at else None,
        "message": session.error or (session.progress.message if not session.status.final else None) or "",
    }


def _status(given: str) -> Status | None:
    try:
        return Status(given) if given else None
    except ValueError:
        raise fault(f"status is one of {', '.join(Status)}.", "?status") from None


def _pretty(text: str) -> str:
    """Indent the input's JSON and truncate it."""
    shown = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return shown if len(shown) <= INPUT_SHOWN else shown[:INPUT_SHOWN] + "\n…"
