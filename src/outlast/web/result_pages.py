"""Result pages, for the owner and for readers of a shared link, and their exports."""

import asyncio
import json
import logging
import mimetypes
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from markupsafe import Markup
from starlette.responses import Response

from outlast.core.analyses.analysis import Analysis, LinkPreview
from outlast.core.analyses.own_pages import PageView
from outlast.domain.messages import message
from outlast.ports.results import StoredResult
from outlast.web.api import missing_result
from outlast.web.headers import own_origin
from outlast.web.problems import Problem, not_found
from outlast.web.request_context import RequestContext
from outlast.web.security_headers import new_nonce
from outlast.web.snapshot import links

log = logging.getLogger(__name__)
T = TypeVar("T")

SHARED_HEADERS = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}
"""Keep a shared link out of `Referer` headers and search engines."""


async def owner_page(
    context: RequestContext, stored: StoredResult, *, again: bool, made_at: datetime | None = None
) -> Response:
    """Render for the owner, with exports and sharing; `again` adds the button to start it anew, if it can be.

    `made_at`: the result was reused, and is from that time.
    """
    page = links(context.session_id, context.root)["page"]
    if context.read_only:
        return await _render(context, stored, page, headers=SHARED_HEADERS, shared=True)
    kept_until = stored.completed_at + timedelta(hours=context.settings.result_retention_hours)
    return await _render(
        context,
        stored,
        page,
        links=links(context.session_id, context.root),
        again=again and stored.analysis in context.engine.catalogue,
        share_address=stored.share and context.shared_address(stored.share),
        share_expires_at=stored.share_expires_at,
        secret=stored.share is not None,
        kept_until=kept_until,
        made_at=made_at,
    )


async def shared(context: RequestContext) -> Response:
    """The result, through its share link."""
    stored = await _shared_result(context)
    page = f"{context.root}/shared/{context.parameters['link']}"
    return await _render(context, stored, page, headers=SHARED_HEADERS, shared=True)


async def export(context: RequestContext) -> Response:
    """A file made from the result (`exports=` of its analysis)."""
    stored = await context.engine.sessions.result(context.session_id, owner=context.session_owner)
    if stored is None:
        raise await missing_result(context)
    return await _export_response(context, stored)


async def shared_export(context: RequestContext) -> Response:
    """A file made from the shared result."""
    answer = await _export_response(context, await _shared_result(context))
    answer.headers.update(SHARED_HEADERS)
    return answer


async def shared_picture(context: RequestContext) -> Response:
    """The picture of a shared result, for what other sites show of its link."""
    stored = await _shared_result(context)
    analysis = _analysis_of(context, stored)

    def drawn() -> bytes | None:
        preview = _preview(analysis, json.loads(stored.result), stored)
        draw = preview and preview.picture
        return _of_hook(draw, "preview", stored) if draw else None

    async with context.limits.rendering():
        content = await asyncio.to_thread(drawn)
    if content is None:
        raise not_found()
    # other sites show it; not for long after the link is turned off
    headers = {
        **SHARED_HEADERS,
        "Cache-Control": "private, max-age=300",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Content-Type": "image/png",
    }
    return Response(content, headers=headers)


async def _shared_result(context: RequestContext) -> StoredResult:
    stored = await context.engine.sessions.shared(context.parameters["link"])
    if stored is None:
        raise not_found()
    return stored


async def _render(context: RequestContext, stored: StoredResult, page: str, **values: Any) -> Response:
    """Parse and render in a thread, as a result may have megabytes."""
    analysis = _analysis_of(context, stored)
    nonce = new_nonce()
    added = analysis.add_files if analysis is not None and values.get("again") else None
    shared = values.setdefault("shared", False)
    view = PageView(
        page,
        context.query,
        shared,
        nonce,
        context.root,
        takes_files=added is not None,
        language=context.language,
    )

    def rendered() -> tuple[str, Any, Markup | None, LinkPreview | None]:
        result = json.loads(stored.result)
        if analysis is None:
            return stored.analysis, result, None, None
        title_of, render = analysis.page_title, analysis.render
        title = title_of and _of_hook(lambda: title_of(result), "page_title", stored)
        html = render and _of_hook(lambda: render(result, view), "render", stored)
        shown = None if html is None else Markup(html)  # noqa: S704 - the hook promises safe HTML
        preview = _preview(analysis, result, stored) if shared else None
        return title or analysis.shown_title, result if shown is None else None, shown, preview

    hint_of = added.hint if added is not None else None
    async with context.limits.rendering():
        title, result, html, preview = await asyncio.to_thread(rendered)
        hint = hint_of and await asyncio.to_thread(
            lambda: _of_hook(lambda: hint_of(view), "hint of its added files", stored)
        )
    exports = {f"{page}/export/{name}": e.title for name, e in analysis.exports.items()} if analysis else {}
    headers = values.pop("headers", None)
    return context.page(
        "result.html",
        headers=headers,
        nonce=nonce,
        title=title,
        result=result,
        result_bytes=len(stored.result),
        result_html=html,
        exports=exports,
        add_files=added,
        add_files_hint=Markup(hint or ""),  # noqa: S704 - as above
        preview=preview,
        preview_address=f"{own_origin(context.scope, context.settings)}{page}",
        **values,
    )


async def _export_response(context: RequestContext, stored: StoredResult) -> Response:
    name = context.parameters["file"]
    analysis = _analysis_of(context, stored)
    export = analysis.exports.get(name) if analysis else None
    if export is None:
        raise not_found()
    async with context.limits.rendering():
        content = await asyncio.to_thread(
            lambda: _of_hook(lambda: export.make(json.loads(stored.result)), f"export {name}", stored)
        )
    if content is None:
        raise Problem(410, message("This file cannot be made from this result any more."))
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if isinstance(content, str):
        content = content.encode()
        kind += "; charset=utf-8" if kind != "application/json" else ""
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="{name}"',
        # if a browser displays the file after all, none of its scripts may run
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Content-Type": kind,
    }
    return Response(content, headers=headers)


def _preview(analysis: Analysis | None, result: Any, stored: StoredResult) -> LinkPreview | None:
    hook = analysis and analysis.preview
    return _of_hook(lambda: hook(result), "preview", stored) if hook else None


def _of_hook(call: Callable[[], T], hook: str, stored: StoredResult) -> T | None:
    """Return what a hook of the analysis returns; `None` if it raises.

    A result outlives the version that made it, and today's hook may not understand it.
    """
    try:
        return call()
    except Exception:
        log.exception(
            "The result of session %s (%s) is shown without its %s, which raised.",
            stored.session_id,
            stored.analysis,
            hook,
        )
        return None


def _analysis_of(context: RequestContext, stored: StoredResult) -> Analysis | None:
    return context.engine.catalogue.by_name.get(stored.analysis)
