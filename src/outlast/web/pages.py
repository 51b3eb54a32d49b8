"""The pages: the form, a session at its own address, and what the forms post; all work without JavaScript."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup
from starlette.datastructures import FormData, UploadFile
from starlette.responses import HTMLResponse, RedirectResponse, Response

from outlast.core.analysis import Analysis
from outlast.domain.errors import InvalidInput, OutlastError
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.ports.results import StoredResult
from outlast.ports.store import RetryAnswer
from outlast.web.access import client_address
from outlast.web.api import RESULT_GONE, RETRY_REFUSED, begin, wait_inline
from outlast.web.exchange import Exchange
from outlast.web.forms import Field, form_fields, form_values, one_or_all
from outlast.web.limits import MAX_BODY, UPLOAD_OVERHEAD
from outlast.web.payloads import links
from outlast.web.problems import Problem, not_found, problem_of
from outlast.web.progress import body_of
from outlast.web.uploads import MAX_PAGE_FILES, read_form, store_file

CSP = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "img-src 'self' data:"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
}


class Pages:
    """Draws the pages of one site."""

    def __init__(self, title: str, stylesheets: Sequence[str]) -> None:
        self._title = title
        self._stylesheets = stylesheets
        self._templates = Environment(
            loader=PackageLoader("outlast.web"), autoescape=select_autoescape(), trim_blocks=True
        )
        # A result that is shown as JSON keeps its own order and letters.
        self._templates.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "sort_keys": False}

    async def form(self, exchange: Exchange) -> Response:
        """`GET /`."""
        return self._form(exchange, {a.name: form_fields(a) for a in exchange.engine.catalogue})

    async def submit(self, exchange: Exchange) -> Response:
        """`POST /`: what the form does without JavaScript; answers with the session's address."""
        form = await read_form(exchange, exchange.settings.max_upload_bytes + UPLOAD_OVERHEAD, MAX_PAGE_FILES)
        try:
            exchange.access.check_value(exchange.visitor, str(form.get("csrf_token", "")))
            analysis = exchange.engine.catalogue[str(form.get("analysis", ""))]
            fields = form_fields(analysis)
            values = form_values(fields, form)
            try:
                await self._keep_files(exchange, fields, form, values)
                started = await begin(exchange, analysis.name, values)
            except OutlastError as error:
                return self._refused(exchange, analysis, values, error)
        finally:
            await form.close()
        if exchange.settings.inline:
            async with exchange.engine.watch.follow(started.view.session) as watched:
                await wait_inline(exchange, watched)
        return _see(exchange, started.view.session.id)

    async def page(self, exchange: Exchange) -> Response:
        """`GET /analysis/{id}`: progress, then the result, at one address."""
        sessions = exchange.engine.sessions
        view = await sessions.get(exchange.session_id, owner=exchange.owner)
        if view is None:
            stored = await sessions.result(exchange.session_id, owner=exchange.owner)
            if stored is None:
                raise not_found()
            return self._outlived(exchange, stored)
        session = view.session
        snapshot = json.loads(await body_of(exchange, view))
        result_html = None
        if session.status is Status.COMPLETED:
            if session.redirect_url is not None:
                return RedirectResponse(session.redirect_url, 303)
            result_html = await self._result(exchange, session)
        return self._draw(
            "analysis.html",
            exchange,
            title=self._title_of(exchange, session.analysis),
            snapshot=snapshot,
            result_html=result_html,
        )

    async def cancel(self, exchange: Exchange) -> Response:
        """`POST /analysis/{id}/cancel`."""
        await self._check_form(exchange)
        if await exchange.engine.sessions.cancel(exchange.session_id, owner=exchange.owner) is None:
            raise not_found()
        return _see(exchange, exchange.session_id)

    async def retry(self, exchange: Exchange) -> Response:
        """`POST /analysis/{id}/retry`."""
        await self._check_form(exchange)
        await exchange.limits.start(exchange.owner, client_address(exchange.scope))
        answer = await exchange.engine.sessions.retry(exchange.session_id, owner=exchange.owner)
        if answer is None:
            raise not_found()
        if answer is RetryAnswer.ANOTHER_IN_FLIGHT:
            raise Problem(409, RETRY_REFUSED[answer])
        return _see(exchange, exchange.session_id)

    def problem(self, root: str, problem: Problem) -> Response:
        """An error as a page."""
        html = self._templates.get_template("problem.html").render(
            **self._frame(root, ""),
            status=problem.status,
            title=problem.title,
            error=problem.sentence,
            reference=problem.reference,
        )
        return HTMLResponse(html, problem.status, {**HEADERS, **problem.headers})

    def _form(
        self,
        exchange: Exchange,
        fields: Mapping[str, list[Field]],
        error: str | None = None,
        problem: Problem | None = None,
    ) -> Response:
        analyses = [
            {
                "name": a.name,
                "title": a.title,
                "intro_html": Markup(a.intro) if a.intro else None,  # noqa: S704 - the developer's own HTML
                "fields": fields[a.name],
            }
            for a in exchange.engine.catalogue
        ]
        title = analyses[0]["title"] if len(analyses) == 1 else self._title
        answer = self._draw(
            "form.html",
            exchange,
            problem.status if problem else 200,
            title=title,
            analyses=analyses,
            form_error=error,
            max_upload_mb=exchange.settings.max_upload_mb,
        )
        answer.headers.update(problem.headers if problem else {})
        return answer

    def _refused(
        self, exchange: Exchange, analysis: Analysis, values: Mapping[str, Any], error: OutlastError
    ) -> Response:
        problem = problem_of(error)
        faults = {}
        if isinstance(error, InvalidInput):
            faults = {p.lstrip("/").partition("/")[0]: d for p, d in error.faults}
        fields = {a.name: form_fields(a) for a in exchange.engine.catalogue}
        asked = {} if not isinstance(error, InvalidInput) else {next(iter(faults)): error.questions}
        fields[analysis.name] = form_fields(analysis, values, faults, asked)
        named = {f["name"] for f in fields[analysis.name]}
        general = None if faults and faults.keys() <= named else problem.sentence
        return self._form(exchange, fields, general, problem)

    async def _keep_files(
        self, exchange: Exchange, fields: Sequence[Field], form: FormData, values: dict[str, Any]
    ) -> None:
        for field in fields:
            name = field["name"]
            if field["kind"] not in {"source", "file"}:
                continue
            given = form.getlist(name + "_file" if field["kind"] == "source" else name)
            files = [file for file in given if isinstance(file, UploadFile) and file.filename]
            kept: list[str] = []
            for file in files if field["multiple"] else files[-1:]:
                await exchange.limits.start("upload " + exchange.owner, client_address(exchange.scope))
                kept.append("upload:" + (await store_file(exchange, file)).sha256)
            if kept:
                values[name] = one_or_all(kept, field)

    async def _check_form(self, exchange: Exchange) -> None:
        form = await read_form(exchange, MAX_BODY)
        exchange.access.check_value(exchange.visitor, str(form.get("csrf_token", "")))

    async def _result(self, exchange: Exchange, session: AnalysisSession) -> Markup | None:
        stored = await exchange.engine.sessions.result(session.id, owner=exchange.owner)
        if stored is None:
            raise Problem(410, RESULT_GONE)
        return self._rendered(exchange, stored)

    def _rendered(self, exchange: Exchange, stored: StoredResult) -> Markup | None:
        catalogue = exchange.engine.catalogue
        render = catalogue[stored.analysis].render if stored.analysis in catalogue else None
        if render is None:
            return None
        return Markup(render(json.loads(stored.result)))  # noqa: S704 - the hook promises safe HTML

    def _outlived(self, exchange: Exchange, stored: StoredResult) -> Response:
        """The result of a session that has been cleaned up."""
        return self._draw(
            "analysis.html",
            exchange,
            title=self._title_of(exchange, stored.analysis),
            snapshot={
                "status": "completed",
                "phase": "completed",
                "result": json.loads(stored.result),
                "links": links(stored.session_id, exchange.root),
            },
            result_html=self._rendered(exchange, stored),
        )

    def _title_of(self, exchange: Exchange, analysis: str) -> str:
        catalogue = exchange.engine.catalogue
        return catalogue[analysis].title if analysis in catalogue else analysis

    def _draw(self, template: str, exchange: Exchange, status: int = 200, **context: Any) -> Response:
        token = exchange.access.token(exchange.visitor) if exchange.visitor else ""
        html = self._templates.get_template(template).render(**self._frame(exchange.root, token), **context)
        return HTMLResponse(html, status, HEADERS)

    def _frame(self, root: str, token: str) -> dict[str, Any]:
        return {
            "site_title": self._title,
            "csrf_token": token,
            "root_path": root,
            "stylesheets": [root + s for s in self._stylesheets],
            "lang": "en",
        }


def _see(exchange: Exchange, session_id: str) -> Response:
    return RedirectResponse(links(session_id, exchange.root)["page"], 303)
