"""What all pages of the dashboard share: their frame, their rows of sessions, and the lines of the audit log."""

import json
import re
from datetime import datetime
from typing import Any

from starlette.responses import RedirectResponse, Response

from outlast.core.audit import record_action
from outlast.core.webhook_deliveries import WEBHOOK
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.domain.storable_text import storable_text
from outlast.web.limits import client_address
from outlast.web.operators import PATH, Operator
from outlast.web.permissions import Role
from outlast.web.problems import fault
from outlast.web.request_context import RequestContext
from outlast.web.snapshot import MILLISECOND

SECTIONS = {
    "": "Overview",
    "/sessions": "Sessions",
    "/failures": "Failures",
    f"/sessions?analysis={WEBHOOK}": "Webhooks",
    "/queues": "Queues",
    "/workers": "Workers",
    "/audit": "Audit log",
}
"""The pages that each page links to, by path."""
SUBJECT_SHOWN = 80
"""Characters of a subject in a list."""
INPUT_HASH = re.compile(r"input:[0-9a-f]{64}( \(.*\))?")
"""The subject of an analysis that declares none."""
HASH = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{24,}\b")


def dashboard_page(context: RequestContext, template: str, section: str, **values: Any) -> Response:
    """Render a page of the dashboard. Its template offers no actions to a viewer."""
    return context.page(
        template,
        sections=SECTIONS,
        section=section,
        who=context.operator,
        can_change=context.operator.role is Role.OPERATOR,
        at=context.engine.clock.now(),
        ms=MILLISECOND,
        **values,
    )


async def record(
    context: RequestContext, action: str, target: str, detail: str = "", *, who: Operator | None = None
) -> None:
    """Write what the operator did to the audit log; `who` is somebody who has just signed in."""
    address = client_address(context.scope)
    actor = f"dashboard, {(who or context.operator).shown}" + (f" at {address}" if address else "")
    await record_action(context.engine.guarded_store, actor, action, target, detail)


def redirect(context: RequestContext, path: str) -> Response:
    """Answer a form with the page at this path of the dashboard."""
    return RedirectResponse(f"{context.root}{PATH}{path}", 303)


def asked(context: RequestContext, name: str) -> str | None:
    """Return a parameter of the query that is not empty."""
    return storable_text(context.request.query_params.get(name, "").strip()) or None


def asked_status(context: RequestContext) -> Status | None:
    given = asked(context, "status")
    try:
        return Status(given) if given else None
    except ValueError:
        raise fault(f"status is one of {', '.join(Status)}.", "?status") from None


def session_row(session: AnalysisSession, now: datetime) -> dict[str, Any]:
    """The template's values for one session of a list."""
    return {
        "id": session.id,
        "analysis": session.analysis,
        "queue": session.queue,
        "subject": readable_subject(session),
        "phase": session.phase.value,
        "percentage": int(session.progress.percentage),
        "attempt": f"{session.attempt} of {session.max_attempts}",
        "crashes": session.crashes,
        "reference": session.reference,
        "created_at": session.created_at,
        "ago_ms": max(0, (now - session.created_at) // MILLISECOND),
        "took_ms": session.worked_ms if session.started_at and session.run_id is None else None,
        "shares": "shared run" if session.is_shared_run else "shares a run" if session.run_id else None,
        "message": session.error or (session.progress.message if not session.status.final else None) or "",
    }


def readable_subject(session: AnalysisSession) -> str:
    """Return the subject for people: a hash of the input as the input itself, and any other hash shortened."""
    if INPUT_HASH.fullmatch(session.subject) and (values := _values(session.input)):
        return values
    return HASH.sub(r"\1…", session.subject)


def _values(text: str) -> str:
    try:
        values = json.loads(text)
    except ValueError:
        return ""
    if not isinstance(values, dict):
        return str(values)[:SUBJECT_SHOWN]
    shown = ", ".join(f"{name}: {value}" for name, value in values.items() if value is not None)  # pyright: ignore[reportUnknownVariableType] - of any input
    return shown[: SUBJECT_SHOWN * 2]
