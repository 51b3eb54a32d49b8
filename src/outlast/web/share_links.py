"""Share links of results: made, listed and revoked, by programs and on pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from starlette.responses import JSONResponse, RedirectResponse, Response

from outlast.core.sessions import EXPIRY_BOUNDS, LONGEST_SHARE
from outlast.ports.results import LinkCursor, ShareLink
from outlast.web.api import missing_result, read_json
from outlast.web.listing import list_limit, next_cursor, parse_cursor
from outlast.web.problems import OWN_SESSIONS, fault
from outlast.web.request_context import RequestContext
from outlast.web.snapshot import links, rfc3339
from outlast.web.uploads import read_fields

LINKS_SHOWN = 100
"""Share links on the page of one's analyses."""


@dataclass(frozen=True, slots=True)
class OwnerLink:
    """A share link as a page shows it."""

    session_id: str
    title: str
    subject: str
    address: str
    page: str
    """The owner's page of the result."""
    expires_at: datetime | None
    completed_at: datetime


async def share(context: RequestContext) -> Response:
    """`POST`: `{"url", "expires_at"}` at which others may read the result; `DELETE` revokes it.

    `{"expires_in": seconds}` sets the expiry.
    """
    sessions, link = context.engine.sessions, None
    if context.scope["method"] == "POST":
        expires_in = _expires_in(await read_json(context)) if context.media_type else None
        link = await sessions.share(context.session_id, owner=context.session_owner, expires_in=expires_in)
        found = link is not None
    else:
        found = await sessions.unshare(context.session_id, owner=context.session_owner)
    if not found:
        raise await missing_result(context)
    body = {
        "success": True,
        "url": link and context.shared_address(link.link),
        "expires_at": link and rfc3339(link.expires_at),
    }
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


async def list_links(context: RequestContext) -> Response:
    """The owner's valid share links, those of the newest results first: `?limit=`, `?after=`."""
    limit, after = list_limit(context.query), context.query.get("after")
    before = LinkCursor(*parse_cursor(after)) if after else None
    found = await context.engine.sessions.share_links(context.owner, limit=limit + 1, before=before)
    page = found[:limit]
    shown = [
        {
            "session_id": link.session_id,
            "analysis": link.analysis,
            "subject": link.subject,
            "url": context.shared_address(link.link),
            "expires_at": rfc3339(link.expires_at),
            "completed_at": rfc3339(link.completed_at),
        }
        for link in page
    ]
    following = next_cursor(page[-1].completed_at, page[-1].session_id) if len(found) > limit else None
    return JSONResponse({"links": shown, "next": following}, headers={"Cache-Control": "no-store"})


async def page_share(context: RequestContext) -> Response:
    """Create the share link: the button without JavaScript."""
    seconds = (await read_fields(context)).get("expires_in") or None
    if seconds is not None and not (seconds.isascii() and seconds.isdigit() and len(seconds) < 10):
        raise _out_of_bounds()
    expires_in = _expires_in({"expires_in": seconds and int(seconds)})
    sessions = context.engine.sessions
    if await sessions.share(context.session_id, owner=context.session_owner, expires_in=expires_in) is None:
        raise await missing_result(context)
    return RedirectResponse(links(context.session_id, context.root)["page"] + "#share", 303)


async def page_unshare(context: RequestContext) -> Response:
    """Revoke the share link."""
    form = await read_fields(context)
    if not await context.engine.sessions.unshare(context.session_id, owner=context.session_owner):
        raise await missing_result(context)
    if form.get("back") == "list":
        return RedirectResponse(f"{context.root}{OWN_SESSIONS}", 303)
    return RedirectResponse(links(context.session_id, context.root)["page"] + "#share", 303)


async def shown_links(context: RequestContext) -> Sequence[OwnerLink]:
    """The owner's share links, for the page of their analyses."""
    catalogue = context.engine.catalogue
    return [
        OwnerLink(
            link.session_id,
            catalogue[link.analysis].shown_title if link.analysis in catalogue else link.analysis,
            link.subject,
            context.shared_address(link.link),
            links(link.session_id, context.root)["page"],
            link.expires_at,
            link.completed_at,
        )
        for link in await _newest(context)
    ]


async def _newest(context: RequestContext) -> Sequence[ShareLink]:
    return await context.engine.sessions.share_links(context.owner, limit=LINKS_SHOWN)


def _expires_in(body: Any) -> timedelta | None:
    """The time that a link is to be valid, of a request's body; `None` if it says none."""
    if not isinstance(body, dict):
        raise fault('The body is empty or a JSON object: {"expires_in": 86400}.', "")
    seconds = cast("dict[str, Any]", body).get("expires_in")
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise _out_of_bounds()
    if not 1 <= seconds <= LONGEST_SHARE.total_seconds():
        raise _out_of_bounds()
    return timedelta(seconds=seconds)


def _out_of_bounds() -> Exception:
    return fault(EXPIRY_BOUNDS, "/expires_in")
