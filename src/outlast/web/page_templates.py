"""Renders the Jinja templates of the site's pages, with the layout's values and security headers."""

import gzip
import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Scope

from outlast.core.analyses.own_pages import OwnPage
from outlast.web.languages import SiteLanguages, switch, tag
from outlast.web.problems import Problem
from outlast.web.security_headers import new_nonce, page_policy
from outlast.web.static_files import StaticFiles
from outlast.web.translations import ENGLISH, Translations
from outlast.web.wording import clock, duration, moment, step_meta, step_state, time_left

HEADERS = {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
SCRIPTS = {"site.js": ("start-form.js", "analysis-progress.js", "copy-button.js")}
"""The script of the pages, and the modules that it joins."""
STATIC = Path(str(files("outlast.web") / "static"))
LEVEL = 6
"""Of compression."""
FOR_OPERATORS = ("dashboard", "docs")
"""How the names of templates begin that are in English only."""


def environment(translations: Translations | None = None) -> Environment:
    """The templates in one language, by default English, with the functions that they call."""
    words = translations or Translations(ENGLISH)
    templates = Environment(
        loader=PackageLoader("outlast.web"),
        autoescape=select_autoescape(),
        trim_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    templates.policies["ext.i18n.trimmed"] = True

    def said(text: Any) -> Any:
        """Translate texts alone: HTML is the application's own."""
        return words.said(text) if type(text) is str else text

    made: Any = templates  # the extension adds the method
    made.install_gettext_callables(words.gettext, words.ngettext, newstyle=True)
    made.filters["said"] = said
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
        languages: SiteLanguages | None = None,
    ) -> None:
        """`assets` is the folder of the site's own style sheets and modules, `own_pages` its pages by name.

        `form_target` is the other origin to which forms may lead, as that of a login.
        """
        self.title = title
        self._own_pages: Mapping[str, OwnPage] = {} if own_pages is None else own_pages
        self.static = StaticFiles(STATIC, "/static/", bundles=SCRIPTS)
        self.assets = StaticFiles(assets, "/assets/")
        self._form_target = form_target
        self.languages = languages or SiteLanguages()
        self._environments: dict[str, Environment] = {}

    def page(
        self,
        template: str,
        root: str,
        token: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        language: str = ENGLISH,
        here: tuple[str, bytes] = ("", b""),
        compress: bool = False,
        **values: Any,
    ) -> Response:
        """Render a template in a language as a response; `headers` extend or override those of every page.

        The links to the other languages lead to `here`: a path, empty for that of the request, and a query.
        `compress` it only if the client accepts gzip, and if it contains no secret that is the same each time.
        """
        values.setdefault("nonce", new_nonce())
        frame = self._frame(root, token)
        in_english = template.startswith(FOR_OPERATORS)
        if self.languages.several and not in_english:
            frame["languages"] = switch(self.languages.offered, *here)
        language = ENGLISH if in_english else language
        frame["lang"] = tag(language)
        html = self._environment(language).get_template(template).render(**frame, **values)
        own = self.languages.headers(language)
        sent = {
            **HEADERS,
            **own,
            "Vary": ", ".join(filter(None, (HEADERS["Vary"], own.get("Vary")))),
            "Content-Security-Policy": page_policy(values["nonce"], self._form_target),
            **(headers or {}),
        }
        if not compress:
            return HTMLResponse(html, status, sent)
        return HTMLResponse(
            gzip.compress(html.encode(), LEVEL, mtime=0), status, {**sent, "Content-Encoding": "gzip"}
        )

    def problem(self, scope: Scope, problem: Problem) -> Response:
        """Render an error page, or the redirect that people get instead."""
        if problem.redirect is not None:
            return RedirectResponse(problem.redirect, 303, {"Cache-Control": "no-store"})
        root: str = scope.get("root_path", "")
        reads = scope["method"] in {"GET", "HEAD"}
        return self.page(
            "problem.html",
            root,
            "",
            problem.status,
            problem.headers,
            language=self.languages.of(scope),
            here=("", scope.get("query_string", b"")) if reads else (f"{root}/", b""),
            title=problem.title,
            problem=problem,
        )

    def _environment(self, language: str) -> Environment:
        if language not in self._environments:
            self._environments[language] = environment(self.languages.translations(language))
        return self._environments[language]

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
        }
