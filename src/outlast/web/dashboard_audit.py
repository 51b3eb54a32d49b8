"""The dashboard's audit log: who did what, and when."""

from starlette.responses import Response

from outlast.ports.audit import AUDIT_KEPT, AUDIT_KEPT_DAYS, ActionSelection
from outlast.web.dashboard_pages import asked, dashboard_page
from outlast.web.request_context import RequestContext

LISTED = 50
"""Lines on one page."""


async def audit_page(context: RequestContext) -> Response:
    """What operators, commands and API keys did, the newest first; `?actor=` and `?action=` filter."""
    actor, action, after = (asked(context, name) for name in ("actor", "action", "after"))
    lines = await context.engine.guarded_store.actions(
        ActionSelection(actor, action, limit=LISTED + 1, after=after)
    )
    return dashboard_page(
        context,
        "dashboard_audit.html",
        "/audit",
        title="Audit log",
        lines=lines[:LISTED],
        next=lines[LISTED - 1].id if len(lines) > LISTED else None,
        actor=actor or "",
        action=action or "",
        after=after,
        kept=AUDIT_KEPT,
        kept_days=AUDIT_KEPT_DAYS,
    )
