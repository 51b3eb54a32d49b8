"""JSON with a list of reviews in it: the list itself, a browser extension's export, or any object around one."""

from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

from outlast_reviews.review import ReviewSet
from outlast_reviews.sources.columns import named, plain_name
from outlast_reviews.sources.content import Content
from outlast_reviews.sources.json_rows import JsonRows, entry_keys
from outlast_reviews.sources.json_stream import JsonStream, Path
from outlast_reviews.sources.limits import NotReviews
from outlast_reviews.sources.rows import Rows, plain_text
from outlast_reviews.sources.stars import UnreadableStars, read_stars

_LISTS = ("reviews", "review", "data", "items", "results")
_TITLES = frozenset({"productinfotitle", "producttitle", "productname", "producttitletext"})
_RATINGS = frozenset({"productinfoamazonrating", "productinforating", "amazonrating", "averagerating"})
_DESCRIPTIONS = frozenset({"description", "productdescription", "productinfodescription"})
_TOTALS = frozenset(
    {"productinfototalreviewsonamazon", "totalreviewsonamazon", "totalreviews", "reviewcount", "reviewscount"}
)
_WAITING = 1_000


class JsonDocument:
    """Lists whose entries have stars and words are read; one that is called after reviews goes before others."""

    def recognises(self, content: Content) -> bool:
        return content.opening.lstrip(" \t\r\n\ufeff")[:1] in ("{", "[") and not content.is_page

    def read(self, content: Content) -> ReviewSet:
        lists = _Lists(content)
        facts = _Facts()
        empty = False
        for path, value, is_item in JsonStream(content.chunks(), content.limits).walk():
            if not is_item:
                facts.note(path, value)
                empty = empty or (value == [] and (not path or path[-1].lower() in _LISTS))
            elif within := lists.entries.within(value):
                for entry in within[1]:
                    lists.take((*path, within[0]), entry, facts)
            else:
                lists.take(path, value, facts)
        if lists.chosen:
            lists.entries.refuse_unseen()
        elif not empty:
            raise _no_reviews(lists.entries, lists.waiting, facts)
        found = lists.rows.finish(
            facts.format + content.encoding_note,
            product_title=facts.title,
            product_rating=facts.rating,
            stated_total=facts.total,
            description=facts.description,
        )
        return replace(found, left_out=lists.left_out)


class _Lists:
    """Decides, list by list of a document, whether its entries are the reviews."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self.rows = Rows(content.limits)
        self.entries = JsonRows(self.rows, content.mapping)
        self.chosen: Counter[Path] = Counter()
        """The lists that are read, with their entries so far."""
        self._keys: list[str] = []
        self._others: Counter[Path] = Counter()
        self.waiting: defaultdict[Path, list[Any]] = defaultdict(list)
        """Entries that hold no reviews, of lists of which another may."""
        self._met = 0

    @property
    def left_out(self) -> tuple[str, ...]:
        return tuple(
            f"the list “{'.'.join(path)[:80]}” ({count:,} {'entry' if count == 1 else 'entries'})"
            for path, count in self._others.items()
        )

    def take(self, path: Path, entry: object, facts: "_Facts") -> None:
        if path in self.chosen:
            self._add(path, entry)
        elif path in self._others:
            self._others[path] += 1
        elif self.entries.columns(entry).hold_reviews:
            self._decide(path, entry)
        elif not self.chosen:
            self._met += 1
            if self._met > self._content.limits.rows:
                raise _no_reviews(self.entries, self.waiting, facts)
            if len(self.waiting[path]) < _WAITING:
                self.waiting[path].append(entry)

    def _decide(self, path: Path, entry: object) -> None:
        known = next(iter(self.chosen), None)
        if known is not None and _is_named(known) > _is_named(path):
            self._others[path] += 1
            return
        if known is not None and _is_named(known) < _is_named(path):
            self._others += self.chosen
            self.chosen.clear()
            self.rows = Rows(self._content.limits)
            self.entries = JsonRows(self.rows, self._content.mapping)
        elif known is not None and not _is_named(path) and self._keys != entry_keys(entry):
            self._others[path] += 1
            return
        if not self.chosen:
            self._keys = entry_keys(entry)
        for earlier in self.waiting.pop(path, []):
            self._add(path, earlier)
        self.waiting.clear()
        self._add(path, entry)

    def _add(self, path: Path, entry: object) -> None:
        self.chosen[path] += 1
        self.entries.add(entry)


def _is_named(path: Path) -> bool:
    """Whether the list is called after reviews."""
    return bool(path) and "review" in path[-1].lower()


class _Facts:
    """What the document says about the product, outside of its reviews."""

    def __init__(self) -> None:
        self.title: str | None = None
        self.rating: float | None = None
        self.total: int | None = None
        self.description: object = None
        self.keys: list[str] = []

    @property
    def format(self) -> str:
        return "JSON of a browser extension" if {"asin", "country"} <= set(self.keys) else "JSON"

    def note(self, path: Path, value: object) -> None:
        if len(self.keys) < 100:
            self.keys.append(".".join(path))
        name = plain_name("".join(path))
        if name in _TITLES:
            self.title = self.title or plain_text(value)[:500] or None
        elif name in _DESCRIPTIONS:
            self.description = self.description or value
        elif name in _RATINGS:
            try:
                self.rating = read_stars(value)
            except UnreadableStars:
                return
        elif name in _TOTALS:
            digits = "".join(character for character in str(value)[:40] if character in "0123456789")
            self.total = int(digits) if digits else None


def _no_reviews(entries: JsonRows, lists: dict[Path, list[Any]], facts: _Facts) -> NotReviews:
    """A refusal that says what there is instead; raises `UnknownColumns` where there is a list of something."""
    nothing: list[Any] = []
    found = max(lists.values(), key=lambda items: (len(entry_keys(items[0])) > 1, len(items)), default=nothing)
    if len(entry_keys(found[0] if found else None)) > 1:
        entries.refuse("This is JSON, but its list of entries", found)
    keys = [key for key in facts.keys if key]
    there = f"It has: {named(keys)}." if keys else "It holds no objects at all."
    return NotReviews(
        f"This is JSON, but there is no list of reviews in it. {there} "
        "A review needs a “rating” and a “text”; export the reviews as a list of such objects."
    )
