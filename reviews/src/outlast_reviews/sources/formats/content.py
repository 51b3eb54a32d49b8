"""Streams a file as text: decompressed, decoded, within limits, with progress."""

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import BinaryIO

from outlast import message
from outlast_reviews.progress import Progress
from outlast_reviews.sources.errors import NotReviews
from outlast_reviews.sources.formats.columns import NO_MAPPING, Part
from outlast_reviews.sources.formats.encoding import Decoder
from outlast_reviews.sources.formats.gunzip import GZIP_MAGIC, gunzip
from outlast_reviews.sources.formats.mhtml import MHTML_OPENING, page_of
from outlast_reviews.sources.formats.refusals import refuse_binary
from outlast_reviews.sources.limits import MIB, ReadLimits, Usage

_BLOCK = 64 * 1024
_REPORT_EVERY = 4 * _BLOCK

_HTML = re.compile(
    r"<(?:!doctype html|html|head|body|script|div|meta|title|table|link|style|base|span|p|section|main|ul)\b",
    re.IGNORECASE,
)
MOST_NULS = 100
"""NUL characters up to which a file is a damaged text; they are left out."""
_MOST_COMMENTS = 100
"""Before the first tag."""


class Content:
    """One file being read: `opening` can be inspected repeatedly, the rest is read once."""

    def __init__(
        self,
        file: BinaryIO,
        size: int,
        limits: ReadLimits,
        progress: Progress,
        mapping: Mapping[Part, str] = NO_MAPPING,
        usage: Usage | None = None,
    ) -> None:
        if size > limits.file:
            raise NotReviews(
                message(
                    "The file has {size} MiB; at most {most} MiB can be read. Give the reviews of one product"
                    " alone.",
                    size=size // MIB,
                    most=limits.file // MIB,
                )
            )
        self.limits = limits
        self.mapping = mapping
        """The user's mapping of parts to columns."""
        self._usage = usage or Usage(limits)
        self._blocks = _counted(file, size, limits, progress)
        head = _first(self._blocks)
        packed = head.startswith(GZIP_MAGIC)
        if packed:
            self._blocks = gunzip(chain([head], self._blocks), limits, self._usage)
            head = _first(self._blocks)
        if not head:
            raise NotReviews(message("The file is empty. Give a file with reviews in it."))
        if packed and head.startswith(GZIP_MAGIC):
            raise NotReviews(
                message("This is a gzip file inside a gzip file. Unpack it once and give the result.")
            )
        if not packed:
            _refuse_millions(head, size, limits)
        if MHTML_OPENING.match(head):
            self._blocks = page_of(chain([head], self._blocks))
            head = _first(self._blocks)
        self._decoder = Decoder(head)
        self._nuls = 0
        if not self._decoder.declared:
            refuse_binary(head)
        self.opening = self._decode(head)
        self.is_page = _is_page(self.opening)
        """Whether it is a web page, of whatever kind."""
        self._page: str | None = None

    @property
    def encoding(self) -> str | None:
        """What the text is written in, where that is not Unicode."""
        return self._decoder.encoding

    def with_encoding(self, name: str) -> str:
        """A format's name, with the encoding where that is not Unicode."""
        return f"{name} ({self.encoding})" if self.encoding else name

    def read_first_line(self) -> None:
        """Makes the opening longer, until it has more than one line or as much as a line may have."""
        while "\n" not in self.opening.strip() and len(self.opening) <= self.limits.line:
            block = next(self._blocks, None)
            if block is None:
                return
            self.opening += self._decode(block)

    def chunks(self) -> Iterator[str]:
        """The whole text in pieces; ends with `NotReviews` if the guess at the encoding does not hold."""
        yield self.opening
        for block in self._blocks:
            self._usage.time()
            yield self._decode(block)
        yield self._decoder.finish()

    def lines(self) -> Iterator[str]:
        """Without their ends, which may be LF, CR LF or, where the opening has only those, lone CRs."""
        end = "\r" if "\r" in self.opening and "\n" not in self.opening else "\n"
        rest = ""
        for chunk in self.chunks():
            lines = (rest + chunk).split(end)
            rest = lines.pop()
            self._usage.lines(len(lines))
            for line in lines:
                self._refuse_long(line)
                yield line.removesuffix("\r")
            self._refuse_long(rest)
        if rest:
            yield rest

    def page(self) -> str:
        """Return a whole web page; cached."""
        if self._page is None:
            parts: list[str] = []
            length = 0
            for chunk in self.chunks():
                parts.append(chunk)
                length += len(chunk)
                if length > self.limits.page:
                    raise NotReviews(
                        message(
                            "The web page is larger than {most} MiB. Save one page of reviews alone and give that"
                            " file.",
                            most=self.limits.page // MIB,
                        )
                    )
            self._page = "".join(parts)
        return self._page

    def _decode(self, block: bytes) -> str:
        text = self._decoder.decode(block)
        if "\0" in text:
            self._nuls += text.count("\0")
            if self._nuls > MOST_NULS:
                raise NotReviews(
                    message(
                        "The file holds many NUL characters, which no text has: it is damaged or not a text."
                        " Export it again."
                    )
                )
            return text.replace("\0", "")
        return text

    def _refuse_long(self, line: str) -> None:
        if len(line) > self.limits.line:
            raise NotReviews(
                message(
                    "A line of the file is longer than {most} MiB, so it is not a list of reviews. Export it"
                    " again with one review per line.",
                    most=self.limits.line // MIB,
                )
            )


def _is_page(opening: str) -> bool:
    """Whether the first tag is one of HTML's, or there are only comments."""
    rest = opening.lstrip("\ufeff \t\r\n")
    if rest.startswith("<?xml"):
        rest = rest[rest.find(">") + 1 :].lstrip()
    for _ in range(_MOST_COMMENTS):
        if not rest.startswith("<!--"):
            break
        end = rest.find("-->")
        if end < 0:
            return True
        rest = rest[end + 3 :].lstrip()
    return _HTML.match(rest) is not None


def _counted(file: BinaryIO, size: int, limits: ReadLimits, progress: Progress) -> Iterator[bytes]:
    done = reported = 0
    while block := file.read(_BLOCK):
        done += len(block)
        if done > limits.file:
            raise NotReviews(
                message(
                    "The file has more than {most} MiB. Give the reviews of one product alone.",
                    most=limits.file // MIB,
                )
            )
        if done - reported >= _REPORT_EVERY:
            reported = done
            progress(min(done, size), size)
        yield block
    progress(size, size)


def _first(blocks: Iterator[bytes]) -> bytes:
    head = bytearray()
    while len(head) < _BLOCK and (block := next(blocks, b"")):
        head += block
    return bytes(head)


def _refuse_millions(head: bytes, size: int, limits: ReadLimits) -> None:
    """Refuse early a file whose opening shows that it has far too many rows."""
    if len(head) < _BLOCK:
        return
    expected = max(head.count(b"\n"), head.count(b"{")) * size // len(head)
    if expected > 2 * limits.lines:
        raise NotReviews(
            message(
                "The file seems to have about {millions} million rows, more than one analysis can take. Give the"
                " reviews of one product alone.",
                millions=expected // 1_000_000,
            )
        )
