"""A result as a page: for its owner, and for whoever has its link; its files, and the link itself."""

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

from outlast.core.analysis import Analysis, PageView
from outlast.ports.results import StoredResult
from outlast.web.api import missing_result
from outlast.web.page_templates import PageTemplates
from outlast.web.payloads import links
from outlast.web.problems import Problem, not_found
from outlast.web.request_context import RequestContext
from outlast.web.uploads import checked_form

SHARED_HEADERS = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}
"""Who reads by a link tells nobody of it."""
AT_ONCE = 2
"""Results that are drawn at the same time."""
MOST_WAITING = 32
"""Results that are drawn or wait for it, each in memory; whoever comes then is asked to come again."""
MOST_QUERY = 20
"""Fields of a query that are read."""


class ResultPages:
    """Draws results and what belongs to them."""

    def __init__(self, drawing: PageTemplates) -> None:
        self._drawing = drawing
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None]:
        """Large results are parsed and drawn a few at a time: others want threads and memory too."""
        if self._waiting >= MOST_WAITING:
            raise Problem(
                503, "Many results are being read just now. Please try again in a moment.", retry_after=5
            )
        self._waiting += 1
        try:
            async with self._turns:
                yield
        finally:
            self._waiting -= 1

    async def of_owner(self, context: RequestContext, stored: StoredResult, *, again: bool) -> Response:
        """With links to its files, the form of its own link, and `again` the button that starts it anew."""
        page = links(context.session_id, context.root)["page"]
        kept_until = stored.completed_at + timedelta(hours=context.settings.result_retention_hours)
        return await self._draw(
            context,
            stored,
            page,
            links=links(context.session_id, context.root),
            again=again,
            share_address=stored.share and context.shared_address(stored.share),
            kept_until=kept_until,
        )

    async def shared(self, context: RequestContext) -> Response:
        """`GET /shared/{link}`: read-only, without a word of session or owner."""
        stored = await self._of_link(context)
        page = f"{context.root}/shared/{context.parameters['link']}"
        return await self._draw(context, stored, page, headers=SHARED_HEADERS, shared=True)

    async def export(self, context: RequestContext) -> Response:
        """`GET /analysis/{id}/export/{file}`."""
        stored = await context.engine.sessions.result(context.session_id, owner=context.owner)
        if stored is None:
            raise await missing_result(context)
        return await self._file(context, stored)

    async def shared_export(self, context: RequestContext) -> Response:
        """`GET /shared/{link}/export/{file}`."""
        answer = await self._file(context, await self._of_link(context))
        answer.headers.update(SHARED_HEADERS)
        return answer

    async def share(self, context: RequestContext) -> Response:
        """`POST /analysis/{id}/share`: the button without JavaScript."""
        await checked_form(context)
        if await context.engine.sessions.share(context.session_id, owner=context.owner) is None:
            raise await missing_result(context)
        return _see_share(context)

    async def unshare(self, context: RequestContext) -> Response:
        """`POST /analysis/{id}/unshare`."""
        await checked_form(context)
        if not await context.engine.sessions.unshare(context.session_id, owner=context.owner):
            raise await missing_result(context)
        return _see_share(context)

    async def _of_link(self, context: RequestContext) -> StoredResult:
        stored = await context.engine.sessions.shared(context.parameters["link"])
        if stored is None:
            raise not_found()
        return stored

    async def _draw(self, context: RequestContext, stored: StoredResult, page: str, **values: Any) -> Response:
        """Parsed and rendered in a thread: a result may be some megabytes, and others are waiting."""
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

        async with self._turn():
            title, result, html = await asyncio.to_thread(rendered)
        exports = {f"{page}/export/{name}": e.title for name, e in analysis.exports.items()} if analysis else {}
        headers = values.pop("headers", None)
        return self._drawing.page(
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

    async def _file(self, context: RequestContext, stored: StoredResult) -> Response:
        name = context.parameters["file"]
        analysis = _analysis_of(context, stored)
        export = analysis.exports.get(name) if analysis else None
        if export is None:
            raise not_found()
        async with self._turn():
            content = await asyncio.to_thread(lambda: export.make(json.loads(stored.result)))
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        if isinstance(content, str):
            content = content.encode()
            kind += "; charset=utf-8" if kind != "application/json" else ""
        headers = {
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="{name}"',
            # should a browser show it after all, nothing in it may run
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Content-Type": kind,
        }
        return Response(content, headers=headers)


def _analysis_of(context: RequestContext, stored: StoredResult) -> Analysis | None:
    return context.engine.catalogue.by_name.get(stored.analysis)


def _query(context: RequestContext) -> dict[str, str]:
    text = context.scope.get("query_string", b"").decode("latin-1")
    return dict(parse_qsl(text, max_num_fields=None)[-MOST_QUERY:])


def _see_share(context: RequestContext) -> Response:
    return RedirectResponse(links(context.session_id, context.root)["page"] + "#share", 303)
