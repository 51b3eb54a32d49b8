"""The HTML pages: the start form, a session's page, and the forms' POST endpoints; they need no JavaScript."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from starlette.datastructures import FormData, UploadFile
from starlette.responses import RedirectResponse, Response

from outlast.core.analyses.analysis import Analysis
from outlast.core.sessions import Started
from outlast.domain.errors import InvalidInput, OutlastError
from outlast.domain.status import Status
from outlast.ports.store import RetryAnswer
from outlast.web.addresses import client_address
from outlast.web.api import RESULT_GONE, RETRY_REFUSED, start_within_limits, wait_inline
from outlast.web.forms import Field, form_fields, form_values, one_or_all
from outlast.web.limits import UPLOAD_OVERHEAD
from outlast.web.page_templates import PageTemplates
from outlast.web.payloads import links
from outlast.web.problems import Problem, not_found, problem_of
from outlast.web.progress import snapshot_body
from outlast.web.request_context import RequestContext
from outlast.web.result_pages import ResultPages
from outlast.web.uploads import MAX_PAGE_FILES, checked_form, read_form, store_file


class Pages:
    """The endpoints of the HTML pages."""

    def __init__(self, templates: PageTemplates, results: ResultPages) -> None:
        self._templates = templates
        self._results = results

    async def form(self, context: RequestContext) -> Response:
        """`GET /`."""
        return self._form(context, {a.name: form_fields(a) for a in context.engine.catalogue})

    async def submit(self, context: RequestContext) -> Response:
        """`POST /`: start an analysis and redirect to its session; the form's way without JavaScript."""
        form = await read_form(context, context.settings.max_upload_bytes + UPLOAD_OVERHEAD, MAX_PAGE_FILES)
        try:
            context.access.verify_token(context.visitor, str(form.get("csrf_token", "")))
            analysis = context.engine.catalogue[str(form.get("analysis", ""))]
            fields = form_fields(analysis)
            values = form_values(fields, form)
            try:
                await self._store_files(context, fields, form, values)
                started = await start_within_limits(context, analysis.name, values)
            except OutlastError as error:
                return self._form_with_errors(context, analysis, values, error)
        finally:
            await form.close()
        return await self._redirect_to_started(context, started)

    async def page(self, context: RequestContext) -> Response:
        """`GET /analysis/{id}`: the progress of a session, or its result."""
        sessions = context.engine.sessions
        view = await sessions.get(context.session_id, owner=context.owner)
        if view is None:
            stored = await sessions.result(context.session_id, owner=context.owner)
            if stored is None:
                raise not_found()
            # the session has been cleaned up, and its input with it
            return await self._results.owner_page(context, stored, again=False)
        session = view.session
        if session.status is Status.COMPLETED:
            if session.redirect_url is not None:
                return RedirectResponse(session.redirect_url, 303)
            stored = await sessions.result(context.session_id, owner=context.owner)
            if stored is None:
                raise Problem(410, RESULT_GONE)
            return await self._results.owner_page(context, stored, again=True)
        catalogue = context.engine.catalogue
        known = session.analysis in catalogue
        return self._templates.page(
            "analysis.html",
            context,
            title=catalogue[session.analysis].title if known else session.analysis,
            snapshot=json.loads(await snapshot_body(context, view)),
        )

    async def cancel(self, context: RequestContext) -> Response:
        """`POST /analysis/{id}/cancel`."""
        await checked_form(context)
        if await context.engine.sessions.cancel(context.session_id, owner=context.owner) is None:
            raise not_found()
        return _redirect(context, context.session_id)

    async def retry(self, context: RequestContext) -> Response:
        """`POST /analysis/{id}/retry`."""
        await checked_form(context)
        await context.limits.start(context.owner, client_address(context.scope))
        answer = await context.engine.sessions.retry(context.session_id, owner=context.owner)
        if answer is None:
            raise not_found()
        if answer is RetryAnswer.ANOTHER_IN_FLIGHT:
            raise Problem(409, RETRY_REFUSED[answer])
        return _redirect(context, context.session_id)

    async def again(self, context: RequestContext) -> Response:
        """`POST /analysis/{id}/again`: start the same input anew and redirect to the new session."""
        await checked_form(context)
        view = await context.engine.sessions.get(context.session_id, owner=context.owner)
        if view is None:
            raise not_found()
        session = view.session
        analysis = context.engine.catalogue[session.analysis]
        values: dict[str, Any] = json.loads(session.input)
        try:
            started = await start_within_limits(context, analysis.name, values)
        except OutlastError as error:
            typed = {k: v for k, v in values.items() if "upload:" not in str(v)}
            return self._form_with_errors(context, analysis, typed, error)
        return await self._redirect_to_started(context, started)

    async def _redirect_to_started(self, context: RequestContext, started: Started) -> Response:
        if context.settings.inline:
            async with context.engine.watch.follow(started.session) as watched:
                await wait_inline(context, watched)
        return _redirect(context, started.session.id)

    def _form(
        self,
        context: RequestContext,
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
            for a in context.engine.catalogue
        ]
        title = analyses[0]["title"] if len(analyses) == 1 else self._templates.title
        answer = self._templates.page(
            "form.html",
            context,
            problem.status if problem else 200,
            title=title,
            analyses=analyses,
            form_error=error,
            max_upload_mb=context.settings.max_upload_mb,
        )
        answer.headers.update(problem.headers if problem else {})
        return answer

    def _form_with_errors(
        self, context: RequestContext, analysis: Analysis, values: Mapping[str, Any], error: OutlastError
    ) -> Response:
        problem = problem_of(error)
        field_errors = {}
        if isinstance(error, InvalidInput):
            field_errors = {p.lstrip("/").partition("/")[0]: d for p, d in error.faults}
        fields = {a.name: form_fields(a) for a in context.engine.catalogue}
        questions = {} if not isinstance(error, InvalidInput) else {next(iter(field_errors)): error.questions}
        fields[analysis.name] = form_fields(analysis, values, field_errors, questions)
        named = {f["name"] for f in fields[analysis.name]}
        general = None if field_errors and field_errors.keys() <= named else problem.sentence
        return self._form(context, fields, general, problem)

    async def _store_files(
        self, context: RequestContext, fields: Sequence[Field], form: FormData, values: dict[str, Any]
    ) -> None:
        for field in fields:
            name = field["name"]
            if field["kind"] not in {"source", "file"}:
                continue
            given = form.getlist(name + "_file" if field["kind"] == "source" else name)
            files = [file for file in given if isinstance(file, UploadFile) and file.filename]
            kept: list[str] = []
            for file in files if field["multiple"] else files[-1:]:
                await context.limits.start("upload " + context.owner, client_address(context.scope))
                kept.append("upload:" + (await store_file(context, file)).sha256)
            if kept:
                values[name] = one_or_all(kept, field)


def _redirect(context: RequestContext, session_id: str) -> Response:
    return RedirectResponse(links(session_id, context.root)["page"], 303)
