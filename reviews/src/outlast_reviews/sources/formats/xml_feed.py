"""Reads XML feeds of reviews, such as Google's, as a stream; refuses doctypes and entities."""

import re
from collections.abc import Mapping
from typing import NoReturn
from xml.parsers import expat

from outlast import message
from outlast_reviews.review import ReviewSet
from outlast_reviews.sources.errors import NotReviews, UnknownFormat
from outlast_reviews.sources.formats.columns import LONGEST_NAME, Part
from outlast_reviews.sources.formats.content import Content
from outlast_reviews.sources.formats.json_rows import JsonRows
from outlast_reviews.sources.formats.rows import ReviewCollector
from outlast_reviews.sources.limits import MIB, ReadLimits

_BEGINNING = re.compile(r"<(?:\?xml\s|!--|!DOCTYPE|[A-Za-z_][\w.:-]{0,80}[\s/>])")
_GOOGLE = ("product_reviews.xsd", "<aggregator", "<publisher")
_DEEPEST = 32
_MOST_FIELDS = 500
_MOST_NAMES, _LONGEST_NAMES = 10_000, MIB
"""Of elements and attributes, and characters of all of them: the parser keeps every one."""
_BEST = 5.0


class XmlFeed:
    """Every element called `review` is one; what stands in it is understood by its names, as in JSON."""

    names = ("XML",)

    def recognises(self, content: Content) -> bool:
        return _BEGINNING.match(content.opening.lstrip("\ufeff \t\r\n")) is not None

    def read(self, content: Content) -> ReviewSet:
        rows = ReviewCollector(content.limits, content.mapping)
        reader = _Reader(rows, content.limits, content.mapping)
        for chunk in content.chunks():
            reader.feed(chunk)
        reader.finish()
        google = any(mark in content.opening for mark in _GOOGLE)
        return rows.finish(_google_feed(content.encoding) if google else content.with_encoding("XML"))


def _google_feed(encoding: str | None) -> str:
    if encoding:
        return message("Google product review feed ({encoding})", encoding=encoding)
    return message("Google product review feed")


class _Reader:
    """Follows the parser's events and gathers one review at a time."""

    def __init__(self, rows: ReviewCollector, limits: ReadLimits, mapping: Mapping[Part, str]) -> None:
        self._rows = rows
        self._limits = limits
        self._entries = JsonRows(rows, mapping)
        self._first: list[dict[str, object]] = []
        self._path: list[str] = []
        """Of each element that is open the names from the review's own down, or "" where they are too long."""
        self._names: set[str] = set()
        self._names_length = 0
        self._root = 0
        """Depth of the review's element; 0 outside of reviews."""
        self._fields: dict[str, object] = {}
        self._text: list[str] = []
        self._length = 0
        self._since = 0
        """Elements met since the last review."""
        self._scale = ""
        self._fed = 0
        self._empty = False
        self._parser = expat.ParserCreate(intern=None)
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._doctype

    def feed(self, text: str) -> None:
        self._parse(text)
        self._fed += len(text.encode())
        # an unfinished tag is parsed anew with each piece: long ones would take for ever
        if self._fed - self._parser.CurrentByteIndex > 2 * self._limits.line:
            self._refuse_long()

    def finish(self) -> None:
        self._parse("", final=True)
        self._entries.end()
        if self._first and not (self._entries.has_stars and self._entries.has_words):
            self._refuse_other()
        if not self._first and not self._empty:
            raise UnknownFormat(message("This is XML, but there are no <review> elements in it."))
        self._entries.refuse_missing()

    def _parse(self, text: str, *, final: bool = False) -> None:
        try:
            self._parser.Parse(text, final)
        except expat.ExpatError as error:
            if final:
                raise NotReviews(
                    message("The XML breaks off before its end: part of it is missing. Export or copy it again.")
                ) from None
            raise NotReviews(
                message(
                    "The file begins like XML but is not valid XML in line {line:,} ({error}). Export it again.",
                    line=error.lineno,
                    error=expat.ErrorString(error.code),
                )
            ) from None

    def _doctype(self, *_about: object) -> None:
        raise NotReviews(
            message(
                "The XML has a document type declaration, which no feed of reviews needs and which can do harm."
                " Remove the line that begins with <!DOCTYPE and give the file again."
            )
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name not in self._names or attributes:
            self._note(name, attributes)
        if ":" in name:
            name = name.rpartition(":")[2]
        path, depth = name, len(self._path)
        if depth > self._root > 0:
            above = self._path[-1]
            path = above and f"{above}.{name}"
        self._path.append(path if len(path) <= LONGEST_NAME else "")
        if depth >= _DEEPEST:
            raise NotReviews(
                message("The XML is nested far deeper than reviews are. Export the reviews as a plain list.")
            )
        self._since += 1
        if self._since > self._limits.rows:
            raise UnknownFormat(message("This is XML, but far too much in it is not in <review> elements."))
        if name == "reviews":
            self._empty = True
        self._text.clear()
        self._scale = attributes.get("max", "")[:10] if attributes else ""
        if not self._root and name == "review":
            self._root = depth + 1
            self._fields, self._length = {}, 0
            if attributes.get("id"):
                self._fields["id"] = attributes["id"][:200]

    def _characters(self, text: str) -> None:
        if self._root:
            self._length += len(text)
            if self._length > self._limits.line:
                self._refuse_long()
            self._text.append(text)

    def _end(self, _name: str) -> None:
        if self._root and len(self._path) > self._root:
            path = self._path[-1]
            if path and self._text and len(self._fields) < _MOST_FIELDS and (text := "".join(self._text).strip()):
                self._fields.setdefault(path, self._scaled(text))
        elif self._root:
            if not self._fields and (text := "".join(self._text).strip()):
                self._fields["text"] = text
            if len(self._first) < 3:
                self._first.append(self._fields)
            self._entries.add(self._fields, self._length)
            self._root = self._since = 0
            if self._entries.lacks_reviews:
                self._refuse_other()
        self._text.clear()
        self._path.pop()

    def _note(self, name: str, attributes: dict[str, str]) -> None:
        new = {name, *attributes} - self._names
        self._names |= new
        self._names_length += sum(map(len, new))
        if len(self._names) > _MOST_NAMES or self._names_length > _LONGEST_NAMES:
            raise NotReviews(
                message(
                    "The XML has far more different elements and attributes than a feed of reviews. Export the"
                    " reviews as a plain list."
                )
            )

    def _scaled(self, text: str) -> str:
        """As "8/10" where the element says max="10"."""
        if not self._scale:
            return text
        try:
            plain = float(self._scale) == _BEST
        except ValueError:
            plain = True
        scaled, self._scale = text if plain else f"{text}/{self._scale}", ""
        return scaled

    def _refuse_other(self) -> NoReturn:
        self._entries.refuse(message("This is XML with <review> elements."), self._first)

    def _refuse_long(self) -> None:
        raise NotReviews(
            message(
                "A single part of the XML is longer than {most} MiB, or the XML is broken there. Export it again.",
                most=self._limits.line // MIB,
            )
        )
