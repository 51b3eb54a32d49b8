"""Reads a shop's HTTP response within limits, or raises `FetchError`."""

import codecs
import email.utils
import io
import re
from dataclasses import dataclass

import httpx

from outlast import message
from outlast_reviews.progress import Progress
from outlast_reviews.sources.errors import SAVE_IT, FetchError, NotReviews
from outlast_reviews.sources.fetching.addresses import Address
from outlast_reviews.sources.formats.gunzip import gunzip
from outlast_reviews.sources.limits import MIB, ReadLimits, Usage

_READABLE = frozenset(
    {"text/html", "application/xhtml+xml", "application/json", "application/ld+json", "text/json"}
)
_LATER = frozenset({408, 425, 429})
_LONGEST_WAIT = 86_400.0
_BLOCK = 64 * 1024
_CHARSET = re.compile(r"""charset\s{0,3}=\s{0,3}["']?([a-z0-9_-]{3,20})""")
_KNOWN_CHARSET = re.compile(
    r"utf-?8|utf-16(?:le|be)?|iso-8859-\d{1,2}|latin-?1|us-ascii|windows-125\d|cp125\d|koi8-[ru]"
    r"|shift_jis|euc-(?:jp|kr)|gb2312|gbk|gb18030|big5"
)


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """What was fetched."""

    address: str
    """Where it was found, after redirects."""
    content_type: str
    body: bytes
    """Unpacked; in UTF-8 with a byte order mark where the shop named an encoding, so that no reader need guess."""


async def read_page(
    address: Address, response: httpx.Response, most_bytes: int, progress: Progress
) -> FetchedPage:
    """Raises `FetchError` for any answer but a page."""
    _refuse_status(address, response)
    kind, _, parameters = response.headers.get("content-type", "").partition(";")
    kind = kind.strip().lower()
    if kind not in _READABLE:
        raise FetchError(
            message(
                "The address is not a web page but “{kind}”. Give the address of a product's page.", kind=kind[:60]
            )
            if kind
            else message(
                "The address is not a web page but something without a type. Give the address of a product's page."
            )
        )
    packed = response.headers.get("content-encoding", "identity").strip().lower()
    if packed not in ("identity", "gzip", "x-gzip", ""):
        raise FetchError(f"{message('The shop sends the page in a packing that was not asked for.')} {SAVE_IT}")
    body = await _body(response, most_bytes, progress)
    if packed.endswith("gzip"):
        body = _unpacked(body, most_bytes)
    return FetchedPage(str(address), kind, _in_utf8(body, parameters))


def _refuse_status(address: Address, response: httpx.Response) -> None:
    status, host = response.status_code, address.host[:100]
    if 200 <= status < 300:
        return
    if status in _LATER or status >= 500:
        later = (
            message("“{host}” asks to be left alone for a while. Try again later.", host=host)
            if status == 429
            else message(
                "“{host}” has trouble answering (status {status}). Try again later.", host=host, status=status
            )
        )
        raise FetchError(later, transient=True, retry_after=retry_after(response.headers))
    if status in (404, 410):
        raise FetchError(message("“{host}” has no such page. Check the address.", host=host))
    refused = message("“{host}” does not show this page to programs (status {status}).", host=host, status=status)
    raise FetchError(f"{refused} {SAVE_IT}")


def retry_after(headers: httpx.Headers) -> float | None:
    """Seconds; a date is counted from the shop's own clock."""
    raw = headers.get("retry-after", "").strip()
    if raw.isdecimal() and len(raw) < 10:
        return min(float(raw), _LONGEST_WAIT)
    try:
        until = email.utils.parsedate_to_datetime(raw)
        now = email.utils.parsedate_to_datetime(headers.get("date", ""))
        return min(max((until - now).total_seconds(), 0.0), _LONGEST_WAIT)
    except (ValueError, TypeError):
        return None


async def _body(response: httpx.Response, most_bytes: int, progress: Progress) -> bytes:
    refused = message("The page is larger than {most:g} MiB.", most=most_bytes / MIB)
    too_large = FetchError(f"{refused} {SAVE_IT}")
    stated = response.headers.get("content-length", "")
    total = int(stated) if stated.isdecimal() and len(stated) < 15 else most_bytes
    if total > most_bytes:
        raise too_large
    body = bytearray()
    try:
        async for chunk in response.aiter_raw(_BLOCK):
            body += chunk
            if len(body) > most_bytes:
                raise too_large
            progress(min(len(body), total), total)
    except httpx.TransportError as error:
        raise FetchError(message("The connection broke while the page arrived."), transient=True) from error
    return bytes(body)


def _unpacked(body: bytes, most_bytes: int) -> bytes:
    packed = io.BytesIO(body)
    limits = ReadLimits(unpacked=most_bytes)
    try:
        return b"".join(gunzip(iter(lambda: packed.read(_BLOCK), b""), limits, Usage(limits)))
    except NotReviews:
        raise FetchError(f"{message('The page is packed wrongly, or unpacks to too much.')} {SAVE_IT}") from None


def _in_utf8(body: bytes, parameters: str) -> bytes:
    """Unchanged where the shop names no encoding, an unknown one, or one that the body is not in."""
    named = _CHARSET.search(parameters[:500].lower())
    if not named or not _KNOWN_CHARSET.fullmatch(named[1]):
        return body
    if body.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return body
    try:
        return codecs.BOM_UTF8 + body.decode("cp1252" if named[1] == "iso-8859-1" else named[1]).encode()
    except (LookupError, UnicodeError):
        return body
