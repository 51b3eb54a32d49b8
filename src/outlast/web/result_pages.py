"""Result pages, for the owner and for readers of a shared link, their exports, and sharing."""

import asyncio
import json
import mimetypes
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from outlast.core.analyses.analysis import Analysis, PageView
from outlast.ports.results import StoredResult
from outlast.web.api import missing_result
from outlast.web.page_templates import PageTemplates
from outlast.web.payloads import links
from outlast.web.problems import Problem, not_found
from outlast.web.request_context import RequestContext
from outlast.web.uploads import checked_form

SHARED_HEADERS = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}
"""Keep a shared link out of `Referer` headers and search engines."""
MAX_RENDERING = 2
"""Results rendered at the same time."""
MAX_QUEUED = 32
"""Results being rendered or waiting, each in memory; beyond it requests get 503."""
MAX_QUERY_FIELDS = 20
"""Fields of a query string that are used: the last ones."""


class ResultPages:
    """The endpoints of result pages, exports and sharing."""

    def __init__(self, templates: PageTemplates) -> None:
        self._templates = templates
        self._slots = asyncio.Semaphore(MAX_RENDERING)
        self._waiting = 0

    @asynccontextmanager
    async def _slot(self) -> AsyncGenerator[None]:
        """Limit how many large results are parsed and rendered at once, for threads and memory."""
        if self._waiting >= MAX_QUEUED:
            raise Problem(
                503, "Many results are being read just now. Please try again in a moment.", retry_after=5
            )
        self._waiting += 1
        try:
            async with self._slots:
                yield
        finally:
            self._waiting -= 1

    async def owner_page(self, context: RequestContext, stored: StoredResult, *, again: bool) -> Response:
        """Render for the owner, with exports and sharing; `again` adds the button to start it anew."""
        page = links(context.session_id, context.root)["page"]
        kept_until = stored.completed_at + timedelta(hours=context.settings.result_retention_hours)
        return await self._render(
            context,
            stored,
            page,
            links=links(context.session_id, context.root),
            again=again,
            share_address=stored.share and context.shared_address(stored.share),
            kept_until=kept_until,
        )

    async def shared(self, context: RequestContext) -> Response:
        """`GET /shared/{link}`: read-only, and without the session's id or its owner."""
        stored = await self._shared_result(context)
        page = f"{context.root}/shared/{context.parameters['link']}"
        return await self._render(context, stored, page, headers=SHARED_HEADERS, shared=True)

    async def export(self, context: RequestContext) -> Response:
        """`GET /analysis/{id}/export/{file}`."""
        stored = await context.engine.sessions.result(context.session_id, owner=context.owner)
        if stored is None:
            raise await missing_result(context)
        return await self._export_response(context, stored)

    async def shared_export(self, context: RequestContext) -> Response:
        """`GET /shared/{link}/export/{file}`."""
        answer = await self._export_response(context, await self._shared_result(context))
        answer.headers.update(SHARED_HEADERS)
        return answer

    async def share(self, context: RequestContext) -> Response:
        """`POST /analysis/{id}/share`."""
        await checked_form(context)
        if await context.engine.sessions.share(context.session_id, owner=context.owner) is None:
            raise await missing_result(context)
        return _redirect_to_share(context)

    async def unshare(self, context: RequestContext) -> Response:
        """`POST /analysis/{id}/unshare`."""
        await checked_form(context)
        if not await context.engine.sessions.unshare(context.session_id, owner=context.owner):
            raise await missing_result(context)
        return _redirect_to_share(context)

    async def _shared_result(self, context: RequestContext) -> StoredResult:
        stored = await context.engine.sessions.shared(context.parameters["link"])
        if stored is None:
            raise not_found()
        return stored

    async def _render(self, context: RequestContext, stored: StoredResult, page: str, **values: Any) -> Response:
        """Parse and render in a thread, as a result may have megabytes."""
        analysis = _analysis_of(context, stored)
        view = PageView(page, _query(context), shared=values.setdefault("shared", False))

        def rendered() -> tuple[str, Any, Markup | None]:
            result = json.loads(stored.result)
            if analysis is None:
                return stored.analysis, result, None
            title = analysis.page_title(result) if analysis.page_title else analysis.title
            if analysis.render is None:
                return title, result, None
            return title, None, Markup(analysis.render(result, view))  # noqa: S704 - the hook promises safe HTML

        async with self._slot():
            title, result, html = await asyncio.to_thread(rendered)
        exports = {f"{page}/export/{name}": e.title for name, e in analysis.exports.items()} if analysis else {}
        headers = values.pop("headers", None)
        return self._templates.page(
            "result.html",
            context,
            headers=headers,
            title=title,
            result=result,
            result_bytes=len(stored.result),
            result_html=html,
            exports=exports,
            **values,
        )

    async def _export_response(self, context: RequestContext, stored: StoredResult) -> Response:
        name = context.parameters["file"]
        analysis = _analysis_of(context, stored)
        export = analysis.exports.get(name) if analysis else None
        if export is None:
            raise not_found()
        async with self._slot():
            content = await asyncio.to_thread(lambda: export.make(json.loads(stored.result)))
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


def _analysis_of(context: RequestContext, stored: StoredResult) -> Analysis | None:
    return context.engine.catalogue.by_name.get(stored.analysis)


def _query(context: RequestContext) -> dict[str, str]:
    text = context.scope.get("query_string", b"").decode("latin-1")
    return dict(parse_qsl(text, max_num_fields=None)[-MAX_QUERY_FIELDS:])


def _redirect_to_share(context: RequestContext) -> Response:
    return RedirectResponse(links(context.session_id, context.root)["page"] + "#share", 303)
