"""Renders the Jinja templates of the site's pages, with the layout's values and security headers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.responses import HTMLResponse, Response

from outlast.web.problems import Problem
from outlast.web.wording import clock, duration, step_meta, step_state, time_left

CSP = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "img-src 'self' data:"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
}


def environment() -> Environment:
    """The templates, with the functions that they call."""
    templates = Environment(loader=PackageLoader("outlast.web"), autoescape=select_autoescape(), trim_blocks=True)
    # results shown as JSON keep the order of their keys and their characters
    templates.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "sort_keys": False}
    functions: tuple[Any, ...] = (clock, duration, step_meta, step_state, time_left)
    templates.globals.update({function.__name__: function for function in functions})
    return templates


class PageTemplates:
    """The templates of one site."""

    def __init__(self, title: str, assets: Path | None) -> None:
        """`assets` is the folder of the site's own style sheets and modules."""
        self.title = title
        self.assets = assets
        self._stylesheets = _assets(assets, "*.css")
        self._modules = _assets(assets, "*.js")
        self._templates = environment()

    def page(
        self,
        template: str,
        root: str,
        token: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> Response:
        """Render a template as a response; `headers` extend or override those of every page."""
        html = self._templates.get_template(template).render(**self._frame(root, token), **values)
        return HTMLResponse(html, status, {**HEADERS, **(headers or {})})

    def problem(self, root: str, problem: Problem) -> Response:
        """Render an error page."""
        return self.page(
            "problem.html", root, "", problem.status, problem.headers, title=problem.title, problem=problem
        )

    def _frame(self, root: str, token: str) -> dict[str, Any]:
        return {
            "site_title": self.title,
            "csrf_token": token,
            "root_path": root,
            "stylesheets": [root + s for s in self._stylesheets],
            "modules": [root + m for m in self._modules],
            "lang": "en",
        }


def _assets(folder: Path | None, pattern: str) -> list[str]:
    return [f"/assets/{path.name}" for path in sorted(folder.glob(pattern))] if folder else []
