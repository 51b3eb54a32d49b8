"""Reads JSONL, and JSON documents that contain a list of reviews at any depth."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from outlast import message, plural
from outlast_reviews.review import ReviewSet
from outlast_reviews.sources.errors import NotReviews, TooMuch, quoted
from outlast_reviews.sources.formats.columns import LONGEST_NAME, columns_of, named, plain_name
from outlast_reviews.sources.formats.content import Content
from outlast_reviews.sources.formats.json_rows import JsonRows, entry_keys
from outlast_reviews.sources.formats.json_stream import JsonPath, JsonStream
from outlast_reviews.sources.formats.rows import ReviewCollector, plain_text
from outlast_reviews.sources.formats.stars import UnreadableStars, read_stars
from outlast_reviews.sources.limits import MIB

_LISTS = ("reviews", "review", "data", "items", "results")
_TITLES = frozenset({"productinfotitle", "producttitle", "productname", "producttitletext"})
_RATINGS = frozenset({"productinfoamazonrating", "productinforating", "amazonrating", "averagerating"})
_DESCRIPTIONS = frozenset({"description", "productdescription", "productinfodescription"})
_TOTALS = frozenset(
    {"productinfototalreviewsonamazon", "totalreviewsonamazon", "totalreviews", "reviewcount", "reviewscount"}
)
_MOST_PENDING = 1_000
_MOST_PENDING_LENGTH = MIB
"""Characters of all that waits; as objects they are many times that."""
_MOST_READ = 10_000
"""Lists whose entries are reviews."""
_MOST_NAMED = 100
"""Lists that are left out."""
_LOOK_AT = 20
_SHOWN = 20
"""Entries that a refusal looks at."""
_MCAULEY_2018 = {"overall", "reviewText"}
_MCAULEY_2023 = {"parent_asin", "helpful_vote"}


class JsonLines:
    """Recognised by lines that each begin and end like an object; a single line counts if it is a review."""

    names = ("JSONL",)

    def recognises(self, content: Content) -> bool:
        if not content.opening.lstrip("\ufeff \t\r\n").startswith("{"):
            return False
        content.read_first_line()
        lines = [line.strip() for line in content.opening.splitlines()[:_LOOK_AT] if line.strip()]
        whole = [line for line in lines if line[0] == "{" and line[-1] == "}" and len(line) > 2]
        if len(whole) > 1 or (len(whole) == 1 and len(lines) > 1 and lines[1][0] == "{" and whole[0] == lines[0]):
            return True
        return (
            len(lines) == len(whole) == 1
            and columns_of(list(_object(whole[0]) or ()), content.mapping).hold_reviews
        )

    def read(self, content: Content) -> ReviewSet:
        rows = ReviewCollector(content.limits, content.mapping)
        entries = JsonRows(rows, content.mapping)
        first: list[dict[str, Any]] = []
        for line in content.lines():
            if not line or line.isspace():
                continue
            entry = _object(line)
            if entry is None:
                entries.skip(message("the line is not a JSON object"))
                continue
            if len(first) < _SHOWN:
                first.append(entry)
            within = entries.within(entry)
            for one in within[1] if within else [entry]:
                entries.add(one, len(line))
            if entries.lacks_reviews:
                break
        entries.end()
        if first and not (entries.has_stars and entries.has_words):
            entries.refuse(message("This is JSONL."), first)
        entries.refuse_missing()
        found = rows.finish(content.with_encoding(_format(set(first[0]) if first else set())))
        return replace(found, columns=entries.named_columns())


def _object(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line, strict=False)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _format(keys: set[str]) -> str:
    if keys >= _MCAULEY_2018:
        return "JSONL (McAuley 2018)"
    return "JSONL (McAuley 2023)" if keys >= _MCAULEY_2023 else "JSONL"


class JsonDocument:
    """Lists whose entries have stars and words are read; one that is called after reviews goes before others."""

    names = ("JSON",)

    def recognises(self, content: Content) -> bool:
        return content.opening.lstrip(" \t\r\n\ufeff")[:1] in ("{", "[")

    def read(self, content: Content) -> ReviewSet:
        lists = _Lists(content)
        facts = _ProductFacts()
        empty = False
        stream = JsonStream(content.chunks(), content.limits)
        for path, value, is_item in stream.walk():
            if not is_item:
                facts.note(path, value)
                empty = empty or (value == [] and (not path or path[-1].lower() in _LISTS))
            elif within := lists.entries.within(value):
                for entry in within[1]:
                    lists.add((*path, within[0][:LONGEST_NAME]), entry, stream.length, facts)
            else:
                lists.add(path, value, stream.length, facts)
        if lists.chosen:
            lists.entries.end()
            lists.entries.refuse_missing()
        elif not empty:
            lists.end()
            raise _no_reviews(lists.entries, lists.samples, facts)
        found = lists.rows.finish(
            facts.format(content.encoding),
            product_title=facts.title,
            product_rating=facts.rating,
            stated_total=facts.total,
            description=facts.description,
        )
        return replace(found, left_out=(*found.left_out, *lists.left_out), columns=lists.entries.named_columns())


class _Lists:
    """Decides, list by list of a document, whether its entries are the reviews."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self.rows = ReviewCollector(content.limits, content.mapping)
        self.entries = JsonRows(self.rows, content.mapping)
        self.chosen: Counter[JsonPath] = Counter()
        """The lists that are read, with their entries so far."""
        self._keys: list[str] = []
        self._others: Counter[JsonPath] = Counter()
        self._unnamed = 0
        """Entries of further lists."""
        self._pending = _PendingList(())
        self.samples: list[object] = []
        """The first entries of the list that is most like one of reviews, where none is."""
        self._likeness = (False, 0)
        self._count = 0

    @property
    def left_out(self) -> tuple[str, ...]:
        named = [
            plural(
                "the list “{path}” ({n:,} entry)",
                "the list “{path}” ({n:,} entries)",
                entries,
                path=quoted(".".join(path), 80),
            )
            for path, entries in self._others.items()
        ]
        if not self._unnamed:
            return tuple(named)
        others = plural("further lists ({n:,} entry)", "further lists ({n:,} entries)", self._unnamed)
        return (*named, others)

    def add(self, path: JsonPath, entry: object, length: int, facts: "_ProductFacts") -> None:
        """An entry that is so many characters long."""
        if path in self.chosen:
            self._add(path, entry, length)
        elif path in self._others:
            self._others[path] += 1
        elif self.entries.columns(entry).hold_reviews:
            self._decide(path, entry, length)
        elif not self.chosen:
            self._count += 1
            if self._count > self._content.limits.rows:
                self.end()
                raise _no_reviews(self.entries, self.samples, facts)
            if path != self._pending.path:
                self.end()
                self._pending = _PendingList(path)
            self._pending.add(entry, length)

    def end(self) -> None:
        """Of the list that is waiting: none of its entries is a review."""
        if self._pending.likeness > self._likeness:
            self._likeness, self.samples = self._pending.likeness, self._pending.entries[:_SHOWN]

    def _leave_out(self, path: JsonPath, entries: int) -> None:
        if path in self._others or len(self._others) < _MOST_NAMED:
            self._others[path] += entries
        else:
            self._unnamed += entries

    def _decide(self, path: JsonPath, entry: object, length: int) -> None:
        known = next(iter(self.chosen), None)
        if len(self.chosen) >= _MOST_READ:
            raise TooMuch(
                message(
                    "The JSON has more than {most:,} lists of reviews. Give the reviews of one product alone.",
                    most=_MOST_READ,
                )
            )
        if known is not None and _is_named(known) > _is_named(path):
            self._leave_out(path, 1)
            return
        if known is not None and _is_named(known) < _is_named(path):
            for other, entries in self.chosen.items():
                self._leave_out(other, entries)
            self.chosen.clear()
            self.rows = ReviewCollector(self._content.limits, self._content.mapping)
            self.entries = JsonRows(self.rows, self._content.mapping)
        elif known is not None and not _is_named(path) and self._keys != entry_keys(entry):
            self._leave_out(path, 1)
            return
        if not self.chosen:
            self._keys = entry_keys(entry)
        pending, self._pending = self._pending, _PendingList(())
        if pending.path == path:
            for earlier in pending.entries:
                self._add(path, earlier, 0)
            for _ in range(pending.count - len(pending.entries)):
                self.entries.skip(message("the entry stands far before the first one that has stars and words"))
        self._add(path, entry, length)

    def _add(self, path: JsonPath, entry: object, length: int) -> None:
        self.chosen[path] += 1
        self.entries.add(entry, length)


class _PendingList:
    """Buffers the entries of a list until one of them is recognised as a review."""

    def __init__(self, path: JsonPath) -> None:
        self.path = path
        self.entries: list[object] = []
        self.count = self._length = 0

    def add(self, entry: object, length: int) -> None:
        self.count += 1
        self._length += length
        if self.count <= _MOST_PENDING and (self._length <= _MOST_PENDING_LENGTH or not self.entries):
            self.entries.append(entry)

    @property
    def likeness(self) -> tuple[bool, int]:
        """To a list of reviews: its entries have several keys, and there are many of them."""
        return len(entry_keys(self.entries[0] if self.entries else None)) > 1, self.count


def _is_named(path: JsonPath) -> bool:
    return bool(path) and "review" in path[-1].lower()


class _ProductFacts:
    """What the document says about the product, outside of its reviews."""

    def __init__(self) -> None:
        self.title: str | None = None
        self.rating: float | None = None
        self.total: int | None = None
        self.description: object = None
        self.keys: list[str] = []

    def format(self, encoding: str | None) -> str:
        if not {"asin", "country"} <= set(self.keys):
            return f"JSON ({encoding})" if encoding else "JSON"
        if encoding:
            return message("JSON of a browser extension ({encoding})", encoding=encoding)
        return message("JSON of a browser extension")

    def note(self, path: JsonPath, value: object) -> None:
        if len(self.keys) < 100:
            self.keys.append(".".join(path))
        name = plain_name("".join(path))
        if name in _TITLES:
            self.title = self.title or plain_text(value)[:500] or None
        elif name in _DESCRIPTIONS:
            self.description = self.description or (value if isinstance(value, str) else None)
        elif name in _RATINGS:
            try:
                self.rating = read_stars(value)
            except UnreadableStars:
                return
        elif name in _TOTALS:
            digits = "".join(character for character in str(value)[:40] if character in "0123456789")
            self.total = int(digits) if digits else None


def _no_reviews(entries: JsonRows, samples: Sequence[object], facts: _ProductFacts) -> NotReviews:
    """A refusal that says what there is instead; raises `UnknownColumns` where there is a list of something."""
    if len(entry_keys(samples[0] if samples else None)) > 1:
        entries.refuse(message("This is JSON with a list of entries."), samples)
    keys = [key for key in facts.keys if key]
    sentences = (
        message("This is JSON, but there is no list of reviews in it."),
        message("It has: {keys}.", keys=named(keys)) if keys else message("It holds no objects at all."),
        message("A review needs a “rating” and a “text”; export the reviews as a list of such objects."),
    )
    return NotReviews(" ".join(sentences))
