"""Reads any file of reviews: detects its format and returns a `ReviewSet`, or raises `NotReviews`."""

import io
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import BinaryIO, Protocol

from outlast import message
from outlast_reviews.progress import Progress, ignore_progress
from outlast_reviews.review import ReviewSet
from outlast_reviews.sources.errors import NotReviews, TooMuch, UnknownFormat
from outlast_reviews.sources.formats.amazon_page import AmazonPage
from outlast_reviews.sources.formats.columns import NO_MAPPING, Part
from outlast_reviews.sources.formats.content import Content
from outlast_reviews.sources.formats.delimited import Delimited, shape_of
from outlast_reviews.sources.formats.json_files import JsonDocument, JsonLines
from outlast_reviews.sources.formats.json_ld import JsonLd
from outlast_reviews.sources.formats.refusals import about_page
from outlast_reviews.sources.formats.scales import Scale, UnknownScale
from outlast_reviews.sources.formats.xml_feed import XmlFeed
from outlast_reviews.sources.formats.zip_archive import ZIP_MAGIC, is_zip, read_zip
from outlast_reviews.sources.limits import ReadLimits, Usage


class SourceFormat(Protocol):
    """One format, recognised by content and never by file name."""

    @property
    def names(self) -> Sequence[str]:
        """What people call its files."""
        ...

    def recognises(self, content: Content) -> bool:
        """Look at `content.opening` or, for a web page, at `content.page()`; consume nothing else."""
        ...

    def read(self, content: Content) -> ReviewSet:
        """Every row becomes a review or is named in `skipped`; raises `NotReviews` when nothing can be read."""
        ...


PAGE_FORMATS: Sequence[SourceFormat] = (AmazonPage(), JsonLd())
"""Asked about web pages in this order; the first that recognises the content reads it."""
FILE_FORMATS: Sequence[SourceFormat] = (JsonLines(), JsonDocument(), XmlFeed(), Delimited())
"""Asked about all other files."""

*_FIRST, LAST_FORMAT = (name for known in reversed(FILE_FORMATS) for name in known.names)
FORMATS = ", ".join(_FIRST)
"""The names of all kinds of files but the last, for a sentence."""

HEAD = 256 * 1024
"""Bytes at the start of a file that `preview` reads."""

_NOTHING = ReviewSet((), "")
_LIMITS = ReadLimits()
_EARLY = ReadLimits(unpacked=4 * HEAD, rows=20_000, text=8 * HEAD, seconds=0.5)
"""Limits of the preview at start, which runs in the web process."""
_EARLY_OF_LARGE = replace(_EARLY, file=_LIMITS.file, lines=_LIMITS.lines)


def read_reviews(
    file: BinaryIO,
    size: int,
    progress: Progress = ignore_progress,
    *,
    limits: ReadLimits = _LIMITS,
    mapping: Mapping[Part, str] = NO_MAPPING,
) -> ReviewSet:
    """The reviews in a file of `size` bytes, read once from its beginning, recognised by its content alone.

    `mapping` says of a table which column holds what. Raises `NotReviews`, whose message is for the person who
    gave the file. A set without any review means that the source was read and holds none.
    """
    usage = Usage(limits)
    if is_zip(file):
        return read_zip(file, size, progress, limits, mapping, usage, _read_one)
    return _read_one(file, size, progress, limits, mapping, usage)


def preview(head: bytes, size: int, mapping: Mapping[Part, str] = NO_MAPPING) -> ReviewSet:
    """What the first `HEAD` bytes of a file of `size` bytes hold, as far as they can be read by themselves.

    Raises the `NotReviews` that can be known from them.
    """
    if size <= len(head):
        with suppress(TooMuch):  # that is for the worker to find out
            return read_reviews(io.BytesIO(head), size, limits=_EARLY, mapping=mapping)
    elif not head.startswith(ZIP_MAGIC):
        with _saying_what_to_give():
            content = Content(io.BytesIO(head), size, _EARLY_OF_LARGE, ignore_progress, mapping)
            if not content.is_page:
                known = _format_of(content)
                if isinstance(known, Delimited):
                    shape_of(content.opening, content.limits, mapping)
                if isinstance(known, Delimited | JsonLines):
                    try:
                        return known.read(content)
                    except UnknownScale as unknown:
                        if Scale.THUMBS in unknown.scales:  # zeros alone, as the file may be sorted by its ratings
                            return _NOTHING
                        raise
                    except NotReviews:  # it is cut off somewhere
                        return _NOTHING
    return _NOTHING


def _read_one(
    file: BinaryIO, size: int, progress: Progress, limits: ReadLimits, mapping: Mapping[Part, str], usage: Usage
) -> ReviewSet:
    with _saying_what_to_give():
        content = Content(file, size, limits, progress, mapping, usage)
        return _format_of(content).read(content)


def _format_of(content: Content) -> SourceFormat:
    for known in PAGE_FORMATS if content.is_page else FILE_FORMATS:
        if known.recognises(content):
            return known
    if content.is_page:
        raise about_page(content.page())
    raise UnknownFormat(message("This is text, but not a table or list of reviews."))


@contextmanager
def _saying_what_to_give() -> Generator[None]:
    """Only here all formats are known that a refusal may name."""
    try:
        yield
    except UnknownFormat as refused:
        instead = message(
            "Give a {formats} or {last} file of reviews (gzip is fine), a saved review page, or a ZIP of these.",
            formats=FORMATS,
            last=LAST_FORMAT,
        )
        raise NotReviews(f"{refused} {instead}") from None
