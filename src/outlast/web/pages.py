"""The HTML pages, which need no JavaScript: the start form and a session's page; and the files that they load."""

import asyncio
import json
import mimetypes
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from markupsafe import Markup
from starlette.datastructures import UploadFile
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from outlast.core.analyses.analysis import Analysis
from outlast.core.analyses.own_pages import Intro, PageView, intro_html
from outlast.core.analyses.payload import NotUnderstood
from outlast.core.session_starts import Started
from outlast.domain.errors import InvalidInput, OutlastError, RefreshTooSoon
from outlast.domain.messages import message
from outlast.domain.questions import Asked, Question, load_asked
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.ports.store import RetryAnswer
from outlast.web.api import (
    INLINE_MARGIN,
    RESULT_GONE,
    RETRY_REFUSED,
    answer_within_limits,
    start_within_limits,
    wait_for_end,
)
from outlast.web.bearers import cookie_name, token_in_query, token_seconds
from outlast.web.bodies import UPLOAD_OVERHEAD
from outlast.web.form_shapes import Shape, shapes_of
from outlast.web.forms import (
    Field,
    Posted,
    file_fields,
    form_fields,
    form_values,
    pressed,
    row_counts,
)
from outlast.web.headers import cookie, own_origin
from outlast.web.limits import client_address
from outlast.web.problems import Problem, not_found, problem_of
from outlast.web.progress import snapshot_body
from outlast.web.request_context import RequestContext
from outlast.web.result_pages import owner_page
from outlast.web.snapshot import links
from outlast.web.uploads import (
    MAX_PAGE_FIELDS,
    MAX_PAGE_FILES,
    read_fields,
    read_form,
    store_file,
    verify_form_token,
)
from outlast.web.wording import correction

SECURITY_TXT_HOLDS = timedelta(days=90)


async def start_page(context: RequestContext) -> Response:
    """The form."""
    return _form(context, {})


async def submit(context: RequestContext) -> Response:
    """Submit the form: `303` to the session's page, or the form again after its buttons for lists."""
    limit = context.settings.max_upload_bytes + UPLOAD_OVERHEAD
    form = await read_form(context, limit, MAX_PAGE_FILES, MAX_PAGE_FIELDS)
    files: dict[str, list[str]] = {}
    try:
        context.access.verify_token(context.identity, str(form.get("csrf_token", "")))
        analysis = context.engine.catalogue[str(form.get("analysis", ""))]
        posted: Posted = {name: form.getlist(name) for name in form}
        shapes = shapes_of(analysis) or ()
        try:
            if (change := pressed(posted)) is not None:
                posted, focus = change
                await _store_files(context, shapes, posted, files)
                values, rows = form_values(shapes, posted, files), row_counts(shapes, posted)
                drawn = form_fields(shapes, analysis.name, values, rows=rows, focus=focus)
                return _form(context, {analysis.name: drawn})
            await _store_files(context, shapes, posted, files)
            started = await start_within_limits(context, analysis.name, form_values(shapes, posted, files))
        except OutlastError as error:
            return form_with_errors(context, analysis, form_values(shapes, posted, files), error)
    finally:
        await form.close()
    return await redirect_to_started(context, started)


async def session_page(context: RequestContext) -> Response:
    """Progress, then the result, at one address."""
    token = token_in_query(context.scope) if context.read_only else None
    if token is not None:  # into a cookie, so that the page and its requests need no token in their addresses
        page = _redirect(context, context.session_id)
        page.headers["Set-Cookie"] = cookie(
            context.scope,
            context.settings,
            cookie_name(context.session_id),
            token,
            path=context.root or "/",
            seconds=token_seconds(token, context.engine.clock),
        )
        return page
    sessions = context.engine.sessions
    view = await sessions.get(context.session_id, owner=context.session_owner)
    if view is None:
        stored = await sessions.result(context.session_id, owner=context.session_owner)
        if stored is None:
            raise not_found()
        # the session has been cleaned up, and its input with it
        return await owner_page(context, stored, again=False)
    session = view.session
    if session.status is Status.COMPLETED:
        if session.redirect_url is not None:
            return RedirectResponse(session.redirect_url, 303)
        stored = await sessions.result(context.session_id, owner=context.session_owner)
        if stored is None:
            raise Problem(410, RESULT_GONE)
        return await owner_page(context, stored, again=True, made_at=session.result_at)
    catalogue = context.engine.catalogue
    known = session.analysis in catalogue
    if session.asked is not None and known:
        return _question_page(context, catalogue[session.analysis], session)
    return context.page(
        "progress.html",
        title=catalogue[session.analysis].shown_title if known else session.analysis,
        snapshot=json.loads(await snapshot_body(context, view)),
    )


async def cancel(context: RequestContext) -> Response:
    """The cancel button without JavaScript."""
    await verify_form_token(context)
    if await context.engine.sessions.cancel(context.session_id, owner=context.session_owner) is None:
        raise not_found()
    return _redirect(context, context.session_id)


async def retry(context: RequestContext) -> Response:
    """The retry button without JavaScript."""
    await verify_form_token(context)
    await context.limits.count_or_refuse(context.owner, client_address(context.scope))
    answer = await context.engine.sessions.retry(context.session_id, owner=context.session_owner)
    if answer is None:
        raise not_found()
    if answer is RetryAnswer.ANOTHER_IN_FLIGHT:
        raise Problem(409, RETRY_REFUSED[answer])
    return _redirect(context, context.session_id)


async def answer(context: RequestContext) -> Response:
    """Answer the questions on the session's page: `303` back to it."""
    form = await read_fields(context)
    view = await context.engine.sessions.get(context.session_id, owner=context.session_owner)
    if view is None:
        raise not_found()
    session = view.session
    if session.asked is None:  # answered already, perhaps in another tab
        return _redirect(context, session.id)
    analysis, asked = context.engine.sessions.offered(session.analysis), load_asked(session.asked)
    shapes = [shape for shape in shapes_of(analysis) or () if shape.name == asked.field]
    answers = form_values(shapes, {name: [text] for name, text in form.items()}).get(asked.field, {})
    try:
        await answer_within_limits(context, answers)
    except InvalidInput as error:
        further = Asked(asked.pointer, error.questions) if error.questions else asked
        return _question_page(context, analysis, session, further, answers, error)
    return _redirect(context, session.id)


async def again(context: RequestContext) -> Response:
    """Start again with the same input: `303` to the new session's page."""
    await verify_form_token(context)
    view = await context.engine.sessions.get(context.session_id, owner=context.session_owner)
    if view is None:
        raise not_found()
    session = view.session
    analysis = context.engine.sessions.offered(session.analysis)
    values: dict[str, Any]
    try:
        values = analysis.stored_input(session.input).model_dump(mode="json")
    except NotUnderstood:  # the form says what is wrong with it
        values = json.loads(session.input)
    try:
        started = await start_within_limits(context, analysis.name, values, refresh=True)
    except RefreshTooSoon as error:
        problem = problem_of(error)
        problem.link = (f"/analysis/{session.id}", message("See the result"))
        raise problem from None
    except OutlastError as error:
        typed = {k: v for k, v in values.items() if "upload:" not in str(v)}
        return form_with_errors(context, analysis, typed, error)
    return await redirect_to_started(context, started)


async def correct(context: RequestContext) -> Response:
    """The form with the input of a session that has ended without a result, to change it."""
    view = await context.engine.sessions.get(context.session_id, owner=context.owner)
    if view is None:
        raise not_found()
    session = view.session
    analysis = context.engine.sessions.offered(session.analysis)
    try:
        values = analysis.stored_input(session.input).model_dump(mode="json")
    except NotUnderstood:
        values = json.loads(session.input)
    shapes = shapes_of(analysis) or ()
    at_fault = next((shape.name for shape in shapes if values.get(shape.name)), None)
    told = {f"/{at_fault}": session.error or ""} if at_fault and correction(session) is not None else {}
    return _form(context, {analysis.name: form_fields(shapes, analysis.name, values, told)})


async def static(context: RequestContext) -> Response:
    """Style sheet, scripts, icon."""
    return context.templates.static.respond(context.parameters["file"], context.headers)


async def assets(context: RequestContext) -> Response:
    """Style sheets and modules of your own site (`Outlast(assets=…)`)."""
    return context.templates.assets.respond(context.parameters["file"], context.headers)


async def favicon(context: RequestContext) -> Response:
    """The icon, for what asks for it without reading a page."""
    return context.templates.static.respond("icon.svg", context.headers)


async def robots(context: RequestContext) -> Response:
    """What search engines leave alone. Shared results say themselves that they are not to be indexed."""
    hidden = "".join(f"Disallow: {context.root}{path}\n" for path in ("/analysis/", "/api/", "/dashboard"))
    return PlainTextResponse("User-agent: *\n" + hidden, headers={"Cache-Control": "public, max-age=86400"})


async def security_txt(context: RequestContext) -> Response:
    """Where to report vulnerabilities (RFC 9116), if `ANALYSIS_SECURITY_CONTACT` is set."""
    contact = context.settings.security_contact
    if contact is None:
        raise not_found()
    expires = context.engine.clock.now() + SECURITY_TXT_HOLDS
    lines = [f"Contact: {contact}", f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}", "Preferred-Languages: en"]
    if context.settings.public_url is not None:
        address = f"{own_origin(context.scope, context.settings)}{context.root}/.well-known/security.txt"
        lines.append(f"Canonical: {address}")
    headers = {"Cache-Control": "public, max-age=86400"}
    return PlainTextResponse("\n".join(lines) + "\n", headers=headers)


async def well_known(context: RequestContext) -> Response:
    """A public file of your own (`outlast.well_known`)."""
    name = context.parameters["file"]
    make = context.engine.catalogue.well_known.get(name)
    if make is None:
        raise not_found()
    async with context.limits.rendering():
        content = await asyncio.to_thread(make)
    kind = mimetypes.guess_type(name)[0] or "text/plain"
    return Response(content, media_type=kind, headers={"Cache-Control": "public, max-age=3600"})


async def redirect_to_started(context: RequestContext, started: Started) -> Response:
    if context.settings.inline:
        async with context.engine.watch.follow(started.session) as watched:
            await wait_for_end(context, watched, started.session.timeout + INLINE_MARGIN)
    return _redirect(context, started.session.id)


def _form(
    context: RequestContext,
    fields: Mapping[str, Sequence[Field]],
    error: str | None = None,
    problem: Problem | None = None,
) -> Response:
    analyses = [
        {
            "name": a.name,
            "title": a.shown_title,
            "intro_html": _intro(context, a.intro),
            "fields": fields.get(a.name) or _empty_fields(a),
        }
        for a in context.engine.catalogue
    ]
    title = analyses[0]["title"] if len(analyses) == 1 else context.templates.title
    answer = context.page(
        "form.html",
        problem.status if problem else 200,
        title=title,
        analyses=analyses,
        form_error=error,
        form_link=problem.link if problem else None,
        max_upload_mb=context.settings.max_upload_mb,
    )
    answer.headers.update(problem.headers if problem else {})
    return answer


def form_with_errors(
    context: RequestContext, analysis: Analysis, values: Mapping[str, Any], error: OutlastError
) -> Response:
    problem = problem_of(error)
    faults: dict[str, list[str]] = {}
    questions: dict[str, Sequence[Question]] = {}
    if isinstance(error, InvalidInput):
        for pointer, detail in error.faults:
            faults.setdefault(pointer, []).append(detail)
        questions[next(iter(faults))] = error.questions
    told = {pointer: " ".join(details) for pointer, details in faults.items()}
    drawn = form_fields(shapes_of(analysis) or (), analysis.name, values, told, questions)
    helped = next((field for field in drawn if field["error"]), None)
    if helped is not None and isinstance(error, InvalidInput):
        helped["help_html"] = Markup(context.translations.said(error.help))  # noqa: S704 - the developer's own HTML
    general = " ".join(told.values()) if faults else problem.sentence
    return _form(context, {analysis.name: drawn}, general or None, problem)


def _empty_fields(analysis: Analysis) -> list[Field] | None:
    """The fields as a new visitor sees them; `None`: there is no form."""
    shapes = shapes_of(analysis)
    return None if shapes is None else form_fields(shapes, analysis.name)


async def _store_files(
    context: RequestContext, shapes: Sequence[Shape], posted: Posted, stored: dict[str, list[str]]
) -> None:
    """Store the files of a form, and add the uploads to `stored` by the names of their fields."""
    for name, sent_as, shape in file_fields(shapes, posted):
        files = [file for file in posted.get(sent_as, ()) if isinstance(file, UploadFile) and file.filename]
        if kept := await store_given(context, files if shape.multiple else files[-1:]):
            stored.setdefault(name, []).extend(kept)


async def store_given(context: RequestContext, files: Sequence[UploadFile]) -> list[str]:
    """Store the files of a form; return their sources."""
    kept: list[str] = []
    for file in files:
        await context.limits.count_or_refuse("upload " + context.owner, client_address(context.scope))
        kept.append("upload:" + (await store_file(context, file)).sha256)
    return kept


def _redirect(context: RequestContext, session_id: str) -> Response:
    return RedirectResponse(links(session_id, context.root)["page"], 303)


def _question_page(
    context: RequestContext,
    analysis: Analysis,
    session: AnalysisSession,
    asked: Asked | None = None,
    answers: Mapping[str, str] | None = None,
    error: InvalidInput | None = None,
) -> Response:
    """The form with the questions of a session, where its progress was."""
    asked = asked or load_asked(session.asked or "")
    shapes = [shape for shape in shapes_of(analysis) or () if shape.name == asked.field]
    sentence, pointer = str(error) if error else session.error or "", "/" + asked.field
    fields = form_fields(
        shapes, analysis.name, {asked.field: answers}, {pointer: sentence}, {pointer: asked.questions}
    )
    return context.page(
        "question.html",
        422 if error else 200,
        title=analysis.shown_title,
        asked=None if context.read_only else next(iter(fields), None),
        sentence=sentence,
        links=links(session.id, context.root),
    )


def _intro(context: RequestContext, intro: Intro | None) -> Markup | None:
    view = PageView(f"{context.root}/", context.query, shared=False, root=context.root, language=context.language)
    html = intro_html(intro, view)
    return Markup(context.translations.said(html)) if html else None  # noqa: S704 - the developer's own HTML
