"""The upload endpoint, and form parsing within limits."""

import re
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from typing import Any, cast

from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.responses import JSONResponse, Response

from outlast.domain.messages import message
from outlast.ports.blobs import StoredUpload
from outlast.web.bodies import MAX_BODY, UPLOAD_OVERHEAD, limit_body
from outlast.web.limits import client_address
from outlast.web.problems import Problem, fault
from outlast.web.request_context import RequestContext

MULTIPART = b"multipart/form-data"
MAX_FILES = 5
MAX_PAGE_FILES = 20
"""Files in the form of a page, whose fields may accept several each."""
MAX_FIELDS = 100
MAX_PAGE_FIELDS = 2_000
"""Fields in the form of a page, whose lists may have many items."""
CHARSET = re.compile(r';\s*charset\s*=\s*(?:"[^"]*"|[^;]*)', re.IGNORECASE)


async def upload(context: RequestContext) -> Response:
    """Store a file (multipart field `file`); answers its `source`, for the input of a start."""
    if context.media_type != MULTIPART:
        raise Problem(415, "Send the file as multipart/form-data, in the field file.")
    await context.limits.count_or_refuse("upload " + context.owner, client_address(context.scope))
    stored = await read_upload(context, "file")
    source = "upload:" + stored.sha256
    headers = await context.limits.rate_headers("upload " + context.owner)
    return JSONResponse(
        {"success": True, "source": source, "name": stored.name, "bytes": stored.bytes}, 200, headers
    )


async def verify_form_token(context: RequestContext) -> None:
    """Parse a form and verify its CSRF token; other fields are ignored."""
    await read_fields(context)


async def read_fields(context: RequestContext) -> dict[str, str]:
    """Parse a form, verify its CSRF token and return its text fields; files are discarded."""
    form = await read_form(context, MAX_BODY)
    try:
        context.access.verify_token(context.identity, str(form.get("csrf_token", "")))
        return {name: value for name, value in form.items() if isinstance(value, str)}
    finally:
        await form.close()


async def read_upload(context: RequestContext, field: str) -> StoredUpload:
    """Store the file in `field` of a multipart body."""
    limit = context.settings.max_upload_bytes
    form = await read_form(context, limit + UPLOAD_OVERHEAD)
    try:
        file = form.get(field)
        if not isinstance(file, UploadFile):
            raise fault(f"There is no file in the field {field}.", f"/{field}")
        return await store_file(context, file)
    finally:
        await form.close()


async def read_form(
    context: RequestContext, limit: int, max_files: int = MAX_FILES, max_fields: int = MAX_FIELDS
) -> FormData:
    """Parse the form; raises 413 beyond `limit` bytes (`MAX_BODY` unless multipart), 400 if it is malformed."""
    request = context.request
    limit = limit if context.media_type == MULTIPART else min(limit, MAX_BODY)
    request._receive = limit_body(context.scope, context.receive, limit)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - Starlette offers no other place for a limit
    try:
        if context.media_type != MULTIPART:
            return await request.form(max_fields=max_fields, max_part_size=MAX_BODY)
        async with _expected(context, limit), aclosing(request.stream()) as body:
            parser = WholeForm(
                _in_utf8(request.headers), body, max_files=max_files, max_fields=max_fields, max_part_size=MAX_BODY
            )
            return await parser.parse()
    except MultiPartException as error:
        raise Problem(400, message("The form cannot be read: {fault}", fault=error.message)) from None


def _expected(context: RequestContext, limit: int) -> AbstractAsyncContextManager[object]:
    """Count a large body towards its owner's storage while it arrives, as it takes up disk space too."""
    announced = context.headers.get(b"content-length", b"")
    size = int(announced) if announced.isdigit() else limit
    return context.engine.sessions.reserving(context.owner, size) if size > MAX_BODY else nullcontext()


def _in_utf8(headers: Headers) -> Headers:
    """Force UTF-8, which browsers send: a form may name any codec of Python's, and some take hours to decode."""
    kind = CHARSET.sub("", headers.get("content-type", ""))
    return Headers({"content-type": kind})


class WholeForm(MultiPartParser):
    """Rejects a form that ends before its closing boundary, as its last file would be truncated."""

    _ended = False

    def on_end(self) -> None:
        self._ended = True

    async def parse(self) -> FormData:
        form = await super().parse()
        if not self._ended:
            for file in self._files_to_close_on_error:
                file.close()
            raise MultiPartException(message("it ends in the middle."))
        return form


async def store_file(context: RequestContext, file: UploadFile) -> StoredUpload:
    """Store an uploaded file for its owner; raises 413 if it is too large and 422 if it is empty."""
    limit = context.settings.max_upload_bytes
    if (file.size or 0) > limit:
        raise Problem(
            413,
            message(
                "The file has {size:.1f} MB; at most {limit:g} MB are accepted.",
                size=(file.size or 0) / 1e6,
                limit=limit / 1e6,
            ),
        )
    if not file.size:
        raise fault(message("The file is empty."), "/file")
    name = re.sub(r"[\x00-\x1f\x7f/\\]", "_", file.filename or "file")[-120:]
    sessions = context.engine.sessions
    return await sessions.store_upload(context.owner, name, cast("Any", file.file))
