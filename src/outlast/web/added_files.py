"""Adds files to a finished analysis (`AddFiles`): a new session with the same input and these files."""

from typing import Any, cast

from starlette.datastructures import UploadFile
from starlette.responses import Response

from outlast.core.analyses.payload import NotUnderstood
from outlast.domain.errors import OutlastError
from outlast.domain.messages import message
from outlast.domain.status import Status
from outlast.web.api import start_within_limits
from outlast.web.bodies import UPLOAD_OVERHEAD
from outlast.web.pages import form_with_errors, redirect_to_started, store_given
from outlast.web.problems import Problem, fault, not_found
from outlast.web.request_context import RequestContext
from outlast.web.uploads import MAX_PAGE_FILES, read_form

CHANGED = message("This analysis has changed since then, so start a new one with all of your files.")


async def add_files(context: RequestContext) -> Response:
    """Analyse again with more files (`AddFiles`): `303` to the new session's page."""
    form = await read_form(context, context.settings.max_upload_bytes + UPLOAD_OVERHEAD, MAX_PAGE_FILES)
    try:
        context.access.verify_token(context.identity, str(form.get("csrf_token", "")))
        view = await context.engine.sessions.get(context.session_id, owner=context.owner)
        if view is None:
            raise not_found()
        analysis = context.engine.sessions.offered(view.session.analysis)
        added = analysis.add_files
        if added is None or view.session.status is not Status.COMPLETED:
            raise Problem(409, message("There is no result here that takes more files."))
        try:
            values: dict[str, Any] = analysis.stored_input(view.session.input).model_dump(mode="json")
        except NotUnderstood:
            raise Problem(409, CHANGED) from None
        files = [file for file in form.getlist("files") if isinstance(file, UploadFile) and file.filename]
        if not files:
            raise fault(message("Choose at least one file to add."), "/files")
        known = _as_list(values[added.field])
        values[added.field] = list(dict.fromkeys([*known, *await store_given(context, files)]))
        if len(values[added.field]) == len(known):
            raise fault(message("These files are part of this result already. Choose others."), "/files")
        if added.earlier is not None:
            values[added.earlier] = view.session.id
        try:
            started = await start_within_limits(context, analysis.name, values)
        except OutlastError as error:
            return form_with_errors(context, analysis, values, error)
    finally:
        await form.close()
    return await redirect_to_started(context, started)


def _as_list(value: object) -> list[object]:
    """The sources of a field that takes one or several; none of an empty one."""
    if isinstance(value, list):
        return cast("list[object]", value)
    return [] if value is None else [value]
