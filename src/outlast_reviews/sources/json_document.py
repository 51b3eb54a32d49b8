"""JSON with a list of reviews in it: the list itself, a browser extension's export, or any object around one."""

from collections import defaultdict
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
    """The first list whose entries have stars and words is the one that is read."""

    def recognises(self, content: Content) -> bool:
        return content.opening.lstrip(" \t\r\n\ufeff")[:1] in ("{", "[") and not content.is_page

    def read(self, content: Content) -> ReviewSet:
        rows = Rows(content.limits)
        entries = JsonRows(rows, content.mapping)
        facts = _Facts()
        chosen: Path | None = None
        empty = False
        others = 0
        waiting: defaultdict[Path, list[Any]] = defaultdict(list)
        for path, value, is_item in JsonStream(content.chunks(), content.limits).walk():
            if not is_item:
                facts.note(path, value)
                empty = empty or (value == [] and (not path or path[-1].lower() in _LISTS))
            elif chosen is None:
                if entries.columns(value).hold_reviews:
                    chosen = path
                    for earlier in waiting.pop(path, []):
                        entries.add(earlier)
                    waiting.clear()
                    entries.add(value)
                else:
                    others += 1
                    if others > content.limits.rows:
                        raise _no_reviews(entries, waiting, facts)
                    if len(waiting[path]) < _WAITING:
                        waiting[path].append(value)
            elif path == chosen:
                entries.add(value)
        if chosen is not None:
            entries.refuse_unseen()
        elif not empty:
            raise _no_reviews(entries, waiting, facts)
        return rows.finish(
            facts.format + content.encoding_note,
            product_title=facts.title,
            product_rating=facts.rating,
            stated_total=facts.total,
            description=facts.description,
        )


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
