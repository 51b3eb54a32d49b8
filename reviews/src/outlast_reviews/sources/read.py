"""Reads any file of reviews: detects its format and returns a `ReviewSet`, or raises `NotReviews`."""

import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO

from outlast_reviews.review import ReviewSet
from outlast_reviews.sources.amazon_page import AmazonPage
from outlast_reviews.sources.columns import NO_MAPPING, Part
from outlast_reviews.sources.content import Content
from outlast_reviews.sources.delimited import Delimited, shape_of
from outlast_reviews.sources.file_hints import about_page
from outlast_reviews.sources.json_document import JsonDocument
from outlast_reviews.sources.json_ld import JsonLd
from outlast_reviews.sources.json_lines import JsonLines
from outlast_reviews.sources.limits import (
    WHAT_TO_GIVE,
    NotReviews,
    Progress,
    ReadLimits,
    TooMuch,
    Usage,
    ignore_progress,
)
from outlast_reviews.sources.source import SourceFormat
from outlast_reviews.sources.xml_feed import XmlFeed
from outlast_reviews.sources.zip_archive import ZIP_MAGIC, is_zip, read_zip

HEAD = 256 * 1024
"""Bytes at the start of a file that `preview` reads."""

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


def preview(head: bytes, size: int, mapping: Mapping[Part, str] = NO_MAPPING) -> Sequence[str]:
    """The products that the first `HEAD` bytes of a file of `size` bytes name, if several, the most frequent
    first. Raises the `NotReviews` that can be known from them.
    """
    if size <= len(head):
        with suppress(TooMuch):  # that is for the worker to find out
            return list(read_reviews(io.BytesIO(head), size, limits=_EARLY, mapping=mapping).products)
    elif not head.startswith(ZIP_MAGIC):
        content = Content(io.BytesIO(head), size, _EARLY_OF_LARGE, ignore_progress, mapping)
        if not content.is_page:
            source = _source_of(content)
            if isinstance(source, Delimited):
                shape_of(content.opening, content.limits, mapping)
            if isinstance(source, Delimited | JsonLines):
                with suppress(NotReviews):  # it is cut off somewhere
                    return list(source.read(content).products)
    return ()


def _read_one(
    file: BinaryIO, size: int, progress: Progress, limits: ReadLimits, mapping: Mapping[Part, str], usage: Usage
) -> ReviewSet:
    content = Content(file, size, limits, progress, mapping, usage)
    return _source_of(content).read(content)


def _source_of(content: Content) -> SourceFormat:
    for source in (AmazonPage(), JsonLd(), JsonLines(), JsonDocument(), XmlFeed(), Delimited()):
        if source.recognises(content):
            return source
    if content.is_page:
        raise about_page(content.page())
    raise NotReviews(f"This is text, but not a table or list of reviews. {WHAT_TO_GIVE}")
