"""The pages of a program's own (`Outlast.page`)."""

import asyncio

from markupsafe import Markup
from starlette.responses import Response

from outlast.core.analyses.own_pages import PageView
from outlast.web.problems import not_found
from outlast.web.request_context import RequestContext
from outlast.web.security_headers import new_nonce


async def own_page(context: RequestContext) -> Response:
    """A page of your own (`Outlast.page`)."""
    page = context.engine.catalogue.pages.get(context.parameters["file"])
    if page is None:
        raise not_found()
    nonce = new_nonce()
    address = f"{context.root}/pages/{page.name}"
    view = PageView(
        address, context.query, shared=False, nonce=nonce, root=context.root, language=context.language
    )
    async with context.limits.rendering():
        html = await asyncio.to_thread(page.render, view)
    # another site's page keeps its handle on this one only if this page does not ask to be isolated from it
    headers = {"Cross-Origin-Opener-Policy": "unsafe-none"} if page.takes_messages else None
    return context.page(
        "own_page.html",
        headers=headers,
        nonce=nonce,
        title=page.title,
        page_html=Markup(html),  # noqa: S704 - the hook promises safe HTML
    )
