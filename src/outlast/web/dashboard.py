"""The dashboard: how everything stands, every session, and the two verbs for them. For operators."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.responses import RedirectResponse, Response

from outlast.core.statistics import Hour
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.ports.store import CancelAnswer, RetryAnswer, Selection
from outlast.web.access import OPERATOR
from outlast.web.addresses import client_address
from outlast.web.api import RETRY_REFUSED
from outlast.web.operators import PATH
from outlast.web.page_templates import PageTemplates
from outlast.web.payloads import MILLISECOND
from outlast.web.problems import Problem, fault, not_found
from outlast.web.request_context import RequestContext
from outlast.web.uploads import checked_form, read_fields

LISTED = 100
"""Sessions on one page."""
INPUT_SHOWN = 4_000
"""Characters of an input that are shown."""
KINDS = ("completed", "failed", "cancelled")
CHART_HEIGHT = 96
CHART_STEP = 24
"""Of one hour, in the picture's own units."""


@dataclass(frozen=True, slots=True)
class ChartBar:
    """One hour of the picture: where each kind of end stands, as (kind, y, height)."""

    x: int
    says: str
    parts: Sequence[tuple[str, float, float]]


class Dashboard:
    """Draws it for one site."""

    def __init__(self, drawing: PageTemplates) -> None:
        self._drawing = drawing

    async def enter(self, context: RequestContext) -> Response:
        """`GET /dashboard/enter`; `?key=` fills it in, and a button sends it: no preview of a link uses it up."""
        key = context.request.query_params.get("key", "")
        return self._drawing.page("enter.html", context, title="Dashboard", key=key)

    async def admit(self, context: RequestContext) -> Response:
        """`POST /dashboard/enter`: whoever shows the key is an operator from now on."""
        operators, address = context.access.operators, client_address(context.scope)
        form = await read_fields(context)
        if not operators.may_try(address):
            raise Problem(429, "Too many wrong keys were shown. Please try again in a minute.", retry_after=60)
        cookie = operators.admit(form.get("key", "").strip(), context.scope)
        if cookie is None:
            operators.note_failure(address)
            return self._drawing.page("enter.html", context, 403, title="Dashboard", refused=True)
        return RedirectResponse(context.root + PATH, 303, {"Set-Cookie": cookie})

    async def leave(self, context: RequestContext) -> Response:
        """`POST /dashboard/leave`."""
        await checked_form(context)
        name = context.owner.removeprefix(OPERATOR)
        await context.access.operators.leave(name, context.engine.guarded_store)
        dismissed = context.access.operators.dismiss(context.scope)
        return RedirectResponse(f"{context.root}{PATH}/enter", 303, {"Set-Cookie": dismissed})

    async def overview(self, context: RequestContext) -> Response:
        """`GET /dashboard`; `?status=` and `?analysis=` restrict the list."""
        query = context.request.query_params
        status, analysis = _status(query.get("status", "")), query.get("analysis") or None
        insight = await context.engine.insights.now()
        listed = await context.engine.sessions.select(Selection(None, status, analysis, LISTED))
        return self._drawing.page(
            "dashboard.html",
            context,
            title="Dashboard",
            insight=insight,
            workless=[depth for depth in insight.depths if depth.waiting and not insight.served(depth)],
            silent=[worker for worker in insight.workers if not worker.alive],
            longest=max((waited for d in insight.depths if (waited := insight.waited(d))), default=None),
            day={kind: sum(getattr(hour, kind) for hour in insight.hours) for kind in KINDS},
            bars=bars(insight.hours),
            sessions=[row(session, insight.at) for session in listed],
            of_status=status.value if status else "",
            of_analysis=analysis or "",
            statuses=list(Status),
            limit=LISTED,
            at=insight.at,
            ms=MILLISECOND,
        )

    async def session(self, context: RequestContext) -> Response:
        """`GET /dashboard/{id}`."""
        view = await context.engine.sessions.get(context.session_id, owner=None)
        if view is None:
            raise not_found()
        session = view.session
        return self._drawing.page(
            "dashboard_session.html",
            context,
            title=f"Session {session.id}",
            session=session,
            shown=row(session, context.engine.clock.now()),
            stalled=view.stalled,
            position=view.queue_position,
            attempts=await context.engine.guarded_store.history(session.id),
            input=_pretty(session.input),
            at=context.engine.clock.now(),
        )

    async def cancel(self, context: RequestContext) -> Response:
        """`POST /dashboard/{id}/cancel`."""
        await checked_form(context)
        answer = await context.engine.sessions.cancel(context.session_id, owner=None)
        if answer is None:
            raise not_found()
        if answer is CancelAnswer.FINAL:
            raise Problem(409, "It had ended before.", way=self._way(context))
        return self._see(context)

    async def retry(self, context: RequestContext) -> Response:
        """`POST /dashboard/{id}/retry`."""
        await checked_form(context)
        answer = await context.engine.sessions.retry(context.session_id, owner=None)
        if answer is None:
            raise not_found()
        if answer is not RetryAnswer.RETRIED:
            raise Problem(409, RETRY_REFUSED[answer], way=self._way(context))
        return self._see(context)

    @staticmethod
    def _way(context: RequestContext) -> tuple[str, str]:
        return f"{PATH}/{context.session_id}", "Back to the session"

    @staticmethod
    def _see(context: RequestContext) -> Response:
        return RedirectResponse(f"{context.root}{PATH}/{context.session_id}", 303)


def bars(hours: Sequence[Hour]) -> list[ChartBar]:
    """The picture of what ended, each kind on top of the one before, the tallest hour as high as it gets."""
    tallest = max((hour.all for hour in hours), default=0) or 1
    drawn: list[ChartBar] = []
    for n, hour in enumerate(hours):
        top, parts = float(CHART_HEIGHT), list[tuple[str, float, float]]()
        for kind in KINDS:
            height = CHART_HEIGHT * getattr(hour, kind) / tallest
            top -= height
            if height:
                parts.append((kind, round(top, 2), round(height, 2)))
        told = ", ".join(f"{getattr(hour, kind)} {kind}" for kind in KINDS)
        drawn.append(ChartBar(n * CHART_STEP, f"{hour.begins:%H}:00 UTC: {told}", parts))
    return drawn


def row(session: AnalysisSession, now: datetime) -> dict[str, Any]:
    """A session as lists have it."""
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
        "says": session.error or (session.progress.message if not session.status.final else None) or "",
    }


def _status(given: str) -> Status | None:
    try:
        return Status(given) if given else None
    except ValueError:
        raise fault(f"status is one of {', '.join(Status)}.", "?status") from None


def _pretty(text: str) -> str:
    """The input for reading, cut where it is long."""
    shown = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return shown if len(shown) <= INPUT_SHOWN else shown[:INPUT_SHOWN] + "\n…"
