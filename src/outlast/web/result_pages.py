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
from outlast.web.drawing import Drawing
from outlast.web.exchange import Exchange
from outlast.web.payloads import links
from outlast.web.problems import Problem, not_found
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

    def __init__(self, drawing: Drawing) -> None:
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

    async def of_owner(self, exchange: Exchange, stored: StoredResult, *, again: bool) -> Response:
        """With links to its files, the form of its own link, and `again` the button that starts it anew."""
        page = links(exchange.session_id, exchange.root)["page"]
        kept_until = stored.completed_at + timedelta(hours=exchange.settings.result_retention_hours)
        return await self._draw(
            exchange,
            stored,
            page,
            links=links(exchange.session_id, exchange.root),
            again=again,
            share_address=stored.share and exchange.shared_address(stored.share),
            kept_until=kept_until,
        )

    async def shared(self, exchange: Exchange) -> Response:
        """`GET /shared/{link}`: read-only, without a word of session or owner."""
        stored = await self._of_link(exchange)
        page = f"{exchange.root}/shared/{exchange.parameters['link']}"
        return await self._draw(exchange, stored, page, headers=SHARED_HEADERS, shared=True)

    async def export(self, exchange: Exchange) -> Response:
        """`GET /analysis/{id}/export/{file}`."""
        stored = await exchange.engine.sessions.result(exchange.session_id, owner=exchange.owner)
        if stored is None:
            raise await missing_result(exchange)
        return await self._file(exchange, stored)

    async def shared_export(self, exchange: Exchange) -> Response:
        """`GET /shared/{link}/export/{file}`."""
        answer = await self._file(exchange, await self._of_link(exchange))
        answer.headers.update(SHARED_HEADERS)
        return answer

    async def share(self, exchange: Exchange) -> Response:
        """`POST /analysis/{id}/share`: the button without JavaScript."""
        await checked_form(exchange)
        if await exchange.engine.sessions.share(exchange.session_id, owner=exchange.owner) is None:
            raise await missing_result(exchange)
        return _see_share(exchange)

    async def unshare(self, exchange: Exchange) -> Response:
        """`POST /analysis/{id}/unshare`."""
        await checked_form(exchange)
        if not await exchange.engine.sessions.unshare(exchange.session_id, owner=exchange.owner):
            raise await missing_result(exchange)
        return _see_share(exchange)

    async def _of_link(self, exchange: Exchange) -> StoredResult:
        stored = await exchange.engine.sessions.shared(exchange.parameters["link"])
        if stored is None:
            raise not_found()
        return stored

    async def _draw(self, exchange: Exchange, stored: StoredResult, page: str, **context: Any) -> Response:
        """Parsed and rendered in a thread: a result may be some megabytes, and others are waiting."""
        analysis = _analysis_of(exchange, stored)
        view = PageView(page, _query(exchange), shared=context.setdefault("shared", False))

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
        headers = context.pop("headers", None)
        return self._drawing.page(
            "result.html",
            exchange,
            headers=headers,
            title=title,
            result=result,
            result_bytes=len(stored.result),
            result_html=html,
            exports=exports,
            **context,
        )

    async def _file(self, exchange: Exchange, stored: StoredResult) -> Response:
        name = exchange.parameters["file"]
        analysis = _analysis_of(exchange, stored)
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


def _analysis_of(exchange: Exchange, stored: StoredResult) -> Analysis | None:
    return exchange.engine.catalogue.by_name.get(stored.analysis)


def _query(exchange: Exchange) -> dict[str, str]:
    text = exchange.scope.get("query_string", b"").decode("latin-1")
    return dict(parse_qsl(text, max_num_fields=None)[-MOST_QUERY:])


def _see_share(exchange: Exchange) -> Response:
    return RedirectResponse(links(exchange.session_id, exchange.root)["page"] + "#share", 303)
