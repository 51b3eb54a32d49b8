"""A visitor continues on another device: a code makes that device's browser the same owner, once.

The code is in the fragment of the link, which browsers send to nobody: no log, no referrer and no preview of the
link has it. The other device posts it after a confirmation.
"""

import base64
import hashlib
import json
import re
from datetime import timedelta
from typing import Final

import segno
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from outlast.core.ids import ANONYMOUS, new_share_token
from outlast.domain.messages import message
from outlast.ports.facts import StoredFact
from outlast.web.headers import own_origin
from outlast.web.limits import client_address
from outlast.web.problems import OWN_SESSIONS, not_found
from outlast.web.request_context import RequestContext
from outlast.web.uploads import read_fields, verify_form_token

CODES: Final = "outlast: codes for other devices"
"""The space of facts with the owners of codes, by the hash of the code."""
VALID_FOR: Final = timedelta(minutes=10)
CODE: Final = re.compile("[a-z2-7]{26}")
TITLE: Final = message("Continue on another device")
NOT_VALID: Final = message(
    "This code is not valid. A code works once, for 10 minutes. Make a new one on the device with your analyses."
)


async def device_link(context: RequestContext) -> Response:
    """Make a link and a QR code with which another device continues as this visitor."""
    _require_offered(context)
    await verify_form_token(context)
    await context.limits.count_or_refuse("device " + context.owner, client_address(context.scope))
    code = new_share_token()
    fact = StoredFact(_digest(code), "", json.dumps(_sealed(context.owner.removeprefix(ANONYMOUS), code)))
    until = context.engine.clock.now() + VALID_FOR
    await context.engine.guarded_store.remember(CODES, [fact], until=until)
    page = f"{own_origin(context.scope, context.settings)}{context.root}/continue"
    return context.page(
        "device_link.html",
        secret=True,
        title=TITLE,
        address=f"{page}#{code}",
        page_address=page,
        code=code,
        picture=Markup(picture(f"{page}#{code}")),  # noqa: S704 - drawn from squares
    )


async def device_page(context: RequestContext) -> Response:
    """Ask whether this browser continues as the visitor of another device; the request has no code."""
    _require_offered(context)
    return context.page("device.html", title=TITLE)


async def page_continue(context: RequestContext) -> Response:
    """Continue as the visitor of another device: `303` to their analyses."""
    _require_offered(context)
    form = await read_fields(context)
    await context.limits.count_or_refuse("device " + context.owner, client_address(context.scope))
    code = re.sub(r"[\s-]", "", form.get("code", "")).lower()
    taken = await context.engine.guarded_store.take(CODES, _digest(code)) if CODE.fullmatch(code) else ()
    if not taken:
        return context.page("device.html", 422, title=TITLE, error=NOT_VALID)
    owner = ANONYMOUS + _sealed(json.loads(taken[0].value), code)
    return _redirect(context, context.access.continued(context.scope, context.headers, owner))


async def page_return(context: RequestContext) -> Response:
    """Go back to the analyses that this browser had before it continued as another visitor."""
    _require_offered(context)
    await verify_form_token(context)
    return _redirect(context, context.access.returned(context.scope, context.headers))


def picture(address: str) -> str:
    """The QR code of an address, as an SVG element."""
    return segno.make_qr(address, error="m").svg_inline(omitsize=True, border=4, light="#fff", dark="#000")


def _redirect(context: RequestContext, set_cookies: tuple[str, ...]) -> Response:
    answer = RedirectResponse(context.root + OWN_SESSIONS, 303, {"Cache-Control": "no-store"})
    for value in set_cookies:
        answer.headers.append("Set-Cookie", value)
    return answer


def _require_offered(context: RequestContext) -> None:
    if not context.access.offers_devices:
        raise not_found()


def _digest(code: str) -> str:
    return hashlib.sha256(b"outlast code\0" + code.encode()).hexdigest()


def _sealed(name: str, code: str) -> str:
    """Seal a visitor's name with the code, or open it again.

    The store has only hashes of owners, and whoever reads it learns no name without the code.
    """
    plain = base64.b32decode(name.upper())
    pad = hashlib.sha256(b"outlast owner of a code\0" + code.encode()).digest()
    return base64.b32encode(bytes(a ^ b for a, b in zip(plain, pad, strict=False))).decode().lower()
