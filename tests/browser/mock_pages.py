"""The real templates, with the contexts that the web edge gives them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from markupsafe import Markup
from pydantic import Field, HttpUrl

import outlast
from outlast import Upload
from outlast.core.analyses.analysis import Analysis
from outlast.web.form_shapes import shapes_of
from outlast.web.forms import form_fields
from outlast.web.page_templates import SCRIPTS, STATIC, environment
from outlast.web.problems import Problem
from outlast.web.static_files import StaticFiles

WEB = Path(outlast.__file__).parent / "web"
ROOT = Path(__file__).parents[2]
TOKEN = "token-of-the-page"

REPORT = Markup('<section class="card"><h2>Grade B</h2><p id="report">Nothing unusual was found.</p></section>')


async def product(
    source: Annotated[
        Upload | HttpUrl,
        Field(
            title="Reviews",
            description="A file of reviews (CSV, TSV, JSON, saved pages) or a product page that carries them.",
        ),
    ],
    limit: Annotated[int, Field(title="At most", description="How many reviews to look at.")] = 300,
    strict: Annotated[bool, Field(title="Flag weak evidence too")] = False,
) -> None: ...


FIELDS = form_fields(shapes_of(Analysis("product", product)) or (), "product")


class Pages:
    """Renders the pages of one site."""

    def __init__(self, root_path: str = "") -> None:
        self._root_path = root_path
        self.stylesheets: list[str] = []
        self.result: Markup | None = REPORT
        self._environment = environment()
        self.files = StaticFiles(STATIC, "/static/", bundles=SCRIPTS)

    def form(self, *, fields: list[dict[str, Any]] | None = None, form_error: str | None = None) -> str:
        product = {
            "name": "product",
            "title": "Analysis of product reviews",
            "intro_html": Markup("<p>Which reviews of a product can you believe? Give a file or an address.</p>"),
            "fields": FIELDS if fields is None else fields,
        }
        return self._render(
            "form.html", title="Judge product reviews", analyses=[product], form_error=form_error, max_upload_mb=1
        )

    def analysis(self, snapshot: dict[str, Any]) -> str:
        done = snapshot["status"] == "completed"
        title = "Report on reviews.csv" if done else "Analysis of reviews.csv"
        if not done:
            return self._render("progress.html", title=title, snapshot=snapshot)
        return self._render(
            "result.html",
            title=title,
            result_html=self.result,
            result=snapshot["result"],
            result_bytes=1_000,
            links=snapshot["links"],
            exports={},
            shared=False,
            share_address=None,
            kept_until=datetime(2026, 6, 3, tzinfo=UTC),
            again=True,
        )

    def problem(self) -> str:
        return self._render(
            "problem.html",
            title="Not found",
            problem=Problem(404, "There is nothing at this address, or not for you."),
        )

    def host(self, attributes: str = "", inside: str = "", lang: str = "en") -> str:
        """A page of a host, with styles and a token of its own, that mounts an empty element."""
        return (
            f'<!doctype html><html lang="{lang}"><title>Host</title>'
            '<meta name="viewport" content="width=device-width">'
            '<meta name="csrf-token" content="of the host, not ours">'
            f'<link rel="stylesheet" href="{self._root_path}/host.css">'
            f'<script type="module" src="{self._root_path}/static/analysis-progress.js"></script>'
            f"<main><h1>Host</h1><analysis-progress src='{self._root_path}/api/analysis/progress/"
            f"m4rzrk2v6w3hq7ypl5xtcdnbga' {attributes}>{inside}</analysis-progress></main></html>"
        )

    def host_form(self) -> str:
        """A page of a host with a form of its own."""
        return (
            '<!doctype html><html lang="en"><title>Host</title><meta name="viewport" content="width=device-width">'
            '<link rel="icon" href="/static/icon.svg">'
            f'<script type="module" src="{self._root_path}/static/analysis-form.js"></script>'
            '<main><h1>Host</h1><form data-analysis="letters" data-progress="#mine">'
            '<p><label>Text <input name="text" aria-describedby="help"></label>'
            ' <span id="help">Any text.</span></p><p><label>At most <input name="limit" type="number"></label>'
            ' <em data-error-for="limit" hidden></em></p>'
            '<p><label><input name="strict" type="checkbox"> Strict</label></p>'
            '<p><label>Kinds <select name="kinds" multiple><option>a<option>b<option>c</select></label></p>'
            '<p><label>Table <input name="table" type="file"></label></p>'
            "<p><button>Count</button></p></form>"
            '<analysis-progress id="mine" hidden></analysis-progress></main></html>'
        )

    def _render(self, template: str, **context: Any) -> str:
        everywhere = {
            "site_title": "Outlast Reviews",
            "csrf_token": TOKEN,
            "root_path": self._root_path,
            "static": lambda name: self._root_path + self.files.url(name),
            "stylesheets": self.stylesheets,
            "lang": "en",
        }
        return self._environment.get_template(template).render(everywhere | context)
