"""An owner's own sessions: their list as JSON and as a page, and deletion."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from starlette.responses import JSONResponse, RedirectResponse, Response

from outlast.core.ids import owner_hash
from outlast.core.watch import SessionView
from outlast.domain.messages import message, plural
from outlast.domain.status import Status
from outlast.domain.storable_text import storable_text
from outlast.ports.deletions import DeleteAnswer, Deleted
from outlast.ports.failures import Cursor, Selection
from outlast.web.listing import list_limit, next_cursor, parse_cursor
from outlast.web.problems import OWN_SESSIONS, Problem, fault, not_found
from outlast.web.request_context import RequestContext
from outlast.web.share_links import shown_links
from outlast.web.snapshot import snapshot
from outlast.web.translated import translated_snapshot
from outlast.web.uploads import verify_form_token

HASHED = re.compile(r"(input|upload):[0-9a-f]{64}.*")
"""A subject that tells people nothing."""
RETRY_DELETION_AFTER = 5
"""Seconds until what is being stopped has probably ended."""
CANCEL_FIRST = message("It is still on its way. Cancel it first, and delete it once it has stopped.")


async def list_sessions(context: RequestContext) -> Response:
    """The owner's sessions, newest first: `?limit=`, `?after=`, `?status=`, `?analysis=`."""
    found, cursor = await _page_of_sessions(context, _selection(context))
    sessions = [
        {**_snapshot(context, view), "elapsed_ms": view.elapsed_ms(context.engine.clock.monotonic())}
        for view in found
    ]
    body = {"sessions": sessions, "next": cursor}
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


async def delete_result(context: RequestContext) -> Response:
    """Delete an ended session with its result, upload, share link and remembered facts."""
    await _delete(context)
    told = context.translations.said(message("The analysis and everything that belongs to it are deleted."))
    body = {"success": True, "session_id": context.session_id, "message": told}
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


async def delete_everything(context: RequestContext) -> Response:
    """Cancel and delete everything of this owner; `202` while some of it is still being stopped."""
    deleted = await context.engine.sessions.delete_all(context.owner)
    counts = {name: getattr(deleted, name) for name in ("sessions", "results", "uploads", "facts")}
    remaining = list(deleted.remaining)
    body = {
        "success": True,
        "message": context.translations.said(_deletion_message(deleted)),
        "deleted": counts,
        "remaining": remaining,
    }
    headers = {"Cache-Control": "no-store"}
    if deleted.remaining:
        headers["Retry-After"] = str(RETRY_DELETION_AFTER)
    return JSONResponse(body, 202 if deleted.remaining else 200, headers)


async def sessions_page(context: RequestContext) -> Response:
    """The list as a page, with buttons to cancel and to delete, and the share links."""
    found, cursor = await _page_of_sessions(context, _selection(context))
    catalogue = context.engine.catalogue
    rows = [
        {
            "snapshot": _snapshot(context, view),
            "title": catalogue[view.session.analysis].shown_title
            if view.session.analysis in catalogue
            else view.session.analysis,
            "subject": "" if HASHED.fullmatch(view.session.subject) else view.session.subject,
            "created_at": view.session.created_at,
        }
        for view in found
    ]
    after = cursor and f"{context.root}{OWN_SESSIONS}?after={quote(cursor)}"
    # a page of older sessions does not repeat what the first one has shown
    shared = () if context.query.get("after") else await shown_links(context)
    return context.page(
        "sessions.html",
        title=message("Your analyses"),
        secret=bool(shared),
        rows=rows,
        older=after,
        shared_links=shared,
        continues=context.access.continues(context.scope, context.headers),
        offers_devices=context.access.offers_devices,
    )


async def page_delete(context: RequestContext) -> Response:
    """Delete an ended session: the button without JavaScript."""
    await verify_form_token(context)
    await _delete(context)
    return RedirectResponse(context.root + OWN_SESSIONS, 303)


async def page_delete_everything(context: RequestContext) -> Response:
    """Delete everything of this owner: the button without JavaScript."""
    await verify_form_token(context)
    await context.engine.sessions.delete_all(context.owner)
    return RedirectResponse(context.root + OWN_SESSIONS, 303)


async def _delete(context: RequestContext) -> None:
    answer = await context.engine.sessions.delete(context.session_id, owner=context.session_owner)
    if answer is None:
        raise not_found()
    if answer is DeleteAnswer.IN_FLIGHT:
        raise Problem(409, CANCEL_FIRST, link=(f"/analysis/{context.session_id}", message("See the analysis")))


def _deletion_message(deleted: Deleted) -> str:
    count = len(deleted.remaining)
    if not count:
        return message("Everything of yours is deleted.")
    return plural(
        "{n} analysis is still being stopped. Delete again once this has happened; the rest is deleted.",
        "{n} analyses are still being stopped. Delete again once this has happened; the rest is deleted.",
        count,
    )


async def _page_of_sessions(
    context: RequestContext, wanted: Selection
) -> tuple[Sequence[SessionView], str | None]:
    """The views of one page, and the cursor of the next one."""
    more = replace(wanted, limit=wanted.limit + 1)
    found = await context.engine.sessions.select(more)
    page = found[: wanted.limit]
    views = [await context.engine.watch.view(session) for session in page]
    if len(found) == len(page):
        return views, None
    return views, next_cursor(page[-1].created_at, page[-1].id)


def _selection(context: RequestContext) -> Selection:
    query = context.query
    status, after = query.get("status"), query.get("after")
    if status and status not in set(Status):
        raise fault(f"status is one of {', '.join(Status)}.", "?status")
    return Selection(
        owner_hash(context.owner),
        Status(status) if status else None,
        storable_text(query.get("analysis", "")) or None,
        list_limit(query),
        after=Cursor(*parse_cursor(after)) if after else None,
    )


def _snapshot(context: RequestContext, view: SessionView) -> dict[str, Any]:
    """The snapshot without the result and `elapsed_ms`."""
    parts = snapshot(
        view,
        root=context.root,
        interval_ms=context.limits.interval_ms(view.queue_position),
        keep_hours=context.settings.retention_hours(view.session.status),
        result=None,
        offered=view.session.analysis in context.engine.catalogue,
    )
    return translated_snapshot(parts, context.translations)
