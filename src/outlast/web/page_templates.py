"""Renders the Jinja templates of the site's pages, with the layout's values and security headers."""

import gzip
import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.responses import HTMLResponse, RedirectResponse, Response

from outlast.core.analyses.own_pages import OwnPage
from outlast.web.problems import Problem
from outlast.web.security_headers import new_nonce, page_policy
from outlast.web.static_files import StaticFiles
from outlast.web.wording import clock, duration, moment, step_meta, step_state, time_left

HEADERS = {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
SCRIPTS = {"site.js": ("start-form.js", "analysis-progress.js", "copy-button.js")}
"""The script of the pages, and the modules that it joins."""
STATIC = Path(str(files("outlast.web") / "static"))
LEVEL = 6
"""Of compression."""


def environment() -> Environment:
    """The templates, with the functions that they call."""
    templates = Environment(loader=PackageLoader("outlast.web"), autoescape=select_autoescape(), trim_blocks=True)
    # results shown as JSON keep the order of their keys and their characters
    templates.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "sort_keys": False}
    templates.filters["json"] = json.dumps  # quotes and brackets are escaped with the attribute
    functions: tuple[Any, ...] = (clock, duration, moment, step_meta, step_state, time_left)
    templates.globals.update({function.__name__: function for function in functions})
    return templates


class PageTemplates:
    """The templates of one site."""

    def __init__(
        self,
        title: str,
        assets: Path | None,
        form_target: str | None = None,
        own_pages: Mapping[str, OwnPage] | None = None,
    ) -> None:
        """`assets` is the folder of the site's own style sheets and modules, `own_pages` its pages by name.

        `form_target` is the other origin to which forms may lead, as that of a login.
        """
        self.title = title
        self._own_pages: Mapping[str, OwnPage] = {} if own_pages is None else own_pages
        self.static = StaticFiles(STATIC, "/static/", bundles=SCRIPTS)
        self.assets = StaticFiles(assets, "/assets/")
        self._form_target = form_target
        self._templates = environment()

    def page(
        self,
        template: str,
        root: str,
        token: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        compress: bool = False,
        **values: Any,
    ) -> Response:
        """Render a template as a response; `headers` extend or override those of every page.

        `compress` it only if the client accepts gzip, and if it contains no secret that is the same each time.
        """
        values.setdefault("nonce", new_nonce())
        html = self._templates.get_template(template).render(**self._frame(root, token), **values)
        sent = {
            **HEADERS,
            "Content-Security-Policy": page_policy(values["nonce"], self._form_target),
            **(headers or {}),
        }
        if not compress:
            return HTMLResponse(html, status, sent)
        return HTMLResponse(
            gzip.compress(html.encode(), LEVEL, mtime=0), status, {**sent, "Content-Encoding": "gzip"}
        )

    def problem(self, root: str, problem: Problem) -> Response:
        """Render an error page, or the redirect that people get instead."""
        if problem.redirect is not None:
            return RedirectResponse(problem.redirect, 303, {"Cache-Control": "no-store"})
        return self.page(
            "problem.html", root, "", problem.status, problem.headers, title=problem.title, problem=problem
        )

    def _frame(self, root: str, token: str) -> dict[str, Any]:
        def static(name: str) -> str:
            return root + self.static.url(name)

        return {
            "site_title": self.title,
            "site_pages": [page for page in self._own_pages.values() if page.linked],
            "csrf_token": token,
            "root_path": root,
            "static": static,
            "stylesheets": [root + url for url in self.assets.urls(".css")],
            "modules": [root + url for url in self.assets.urls(".js")],
            "lang": "en",
        }
