"""Extracts the page from MHTML, the single-file format of browsers (RFC 2557), line by line."""

import binascii
import re
from collections.abc import Callable, Iterable, Iterator

from outlast import message
from outlast_reviews.sources.errors import NotReviews
from outlast_reviews.sources.limits import MIB

MHTML_OPENING = re.compile(
    rb"(?:From|MIME-Version|Subject|Snapshot-Content-Location|Content-Type): ", re.IGNORECASE
)
"""What such a file may begin with, as the headers of a message."""

_BOUNDARY = re.compile(rb"""boundary=(?:"([^"\r\n]{1,100})"|([^\s;"]{1,100}))""", re.IGNORECASE)
_IS_PAGE = re.compile(rb"^content-type: *(?:text/html|application/xhtml\+xml)\b", re.IGNORECASE | re.MULTILINE)
_PACKED_AS = re.compile(rb"^content-transfer-encoding: *([\w-]{1,30})", re.IGNORECASE | re.MULTILINE)
_MOST_HEADERS = 64 * 1024
_BLOCK = 64 * 1024


def page_of(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The first web page in it, as bytes; raises `NotReviews` when there is none."""
    lines = _lines(blocks)
    found = _BOUNDARY.search(_headers(lines))
    boundary = b"--" + (found[1] or found[2]) if found else b""
    while boundary and _skipped_to(boundary, lines):
        headers = _headers(lines)
        if _IS_PAGE.search(headers):
            packed = _PACKED_AS.search(headers)
            unpack = _UNPACK.get(packed[1].lower() if packed else b"", _as_it_is)
            yield from _unpacked(lines, boundary, unpack)
            return
    raise NotReviews(
        message(
            "This is a page saved as a single file (MHTML), and there is no web page in it. Save it again as"
            " “Webpage, HTML only” and give that."
        )
    )


def _unpacked(lines: Iterator[bytes], boundary: bytes, unpack: Callable[[bytes], bytes]) -> Iterator[bytes]:
    gathered = bytearray()
    for line in lines:
        if line.startswith(boundary):
            break
        try:
            gathered += unpack(line)
        except binascii.Error:
            raise NotReviews(
                message(
                    "This page, saved as a single file (MHTML), is damaged. Save it again as “Webpage, HTML only”"
                    " and give that."
                )
            ) from None
        if len(gathered) >= _BLOCK:
            yield bytes(gathered)
            gathered.clear()
    yield bytes(gathered)


def _skipped_to(boundary: bytes, lines: Iterator[bytes]) -> bool:
    return any(line.startswith(boundary) for line in lines)


def _headers(lines: Iterator[bytes]) -> bytes:
    """Those up to the next empty line, each in one line."""
    headers = bytearray()
    for line in lines:
        if not line.strip() or len(headers) > _MOST_HEADERS:
            break
        headers += line
    return re.sub(rb"\r?\n[ \t]+", b" ", headers)


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).splitlines(keepends=True) or [b""]
        yield from lines
        if len(rest) > MIB:
            raise NotReviews(
                message(
                    "This page, saved as a single file (MHTML), has endless lines. Save it again as “Webpage, HTML"
                    " only” and give that."
                )
            )
    if rest:
        yield rest


def _as_it_is(line: bytes) -> bytes:
    return line


_UNPACK: dict[bytes, Callable[[bytes], bytes]] = {
    b"quoted-printable": binascii.a2b_qp,
    b"base64": binascii.a2b_base64,
}
