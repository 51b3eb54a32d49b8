"""Any web page that describes its product and reviews for search engines: schema.org in JSON-LD."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from outlast_reviews.review import ReviewSet
from outlast_reviews.sources.columns import columns_of
from outlast_reviews.sources.content import Content
from outlast_reviews.sources.limits import MIB, NotReviews
from outlast_reviews.sources.rows import Rows, plain_text
from outlast_reviews.sources.stars import scaled_stars

Node = dict[str, Any]

_LONGEST_SCRIPT = 2 * MIB
_MOST_SCRIPTS = 200
_MOST_NODES = 100_000
_PRODUCTS = frozenset(
    {"product", "productgroup", "productmodel", "individualproduct", "softwareapplication", "book"}
)
_REVIEWS = frozenset({"review", "userreview", "criticreview", "employerreview"})
_PARTS = ("review_id", "rating", "date", "title", "text", "author")
_COLUMNS = columns_of(_PARTS)


@dataclass(slots=True)
class _Subject:
    """Something that is reviewed, and its reviews in the order of the page."""

    node: Node
    reviews: list[Node] = field(default_factory=list[Node])

    @property
    def is_product(self) -> bool:
        return not _types(self.node).isdisjoint(_PRODUCTS)

    @property
    def aggregate(self) -> Node:
        found = _first_node(self.node.get("aggregateRating"))
        return found if found is not None else {}

    @property
    def stated_total(self) -> int | None:
        counts = [_number(self.aggregate.get(key)) for key in ("reviewCount", "ratingCount")]
        return max((int(count) for count in counts if count is not None), default=None)


class JsonLd:
    """Reads the product with the most reviews; other reviewed things, such as the shop itself, are left out."""

    def recognises(self, content: Content) -> bool:
        return content.is_page and _subject(content.page()) is not None

    def read(self, content: Content) -> ReviewSet:
        subject = _subject(content.page())
        if subject is None:
            raise NotReviews("There are no schema.org reviews in the page.")
        title = plain_text(subject.node.get("name"))[:500] or None
        if not subject.reviews and subject.stated_total:
            raise NotReviews(
                f"The page says that {f'“{title[:80]}”' if title else 'the product'} has {subject.stated_total:,} "
                "reviews, but does not carry the reviews themselves in a form that can be read. "
                "Save the page after they have appeared, or give an export."
            )
        rows = Rows(content.limits)
        for review in subject.reviews:
            rows.add(_COLUMNS, _values(review))
        return rows.finish(
            "schema.org reviews in a web page" + content.encoding_note,
            product_title=title,
            product_rating=_aggregate_stars(subject.aggregate),
            stated_total=subject.stated_total,
            description=subject.node.get("description"),
        )


def _subject(page: str) -> _Subject | None:
    """`None` where nothing on the page has reviews or says how many it has."""
    nodes = list(_nodes([_parsed(script) for script in _scripts(page)]))
    by_id: dict[str, Node] = {}
    for node in nodes:
        if isinstance(node.get("@id"), str) and len(node) > 1:
            by_id.setdefault(node["@id"], node)
    subjects: dict[object, _Subject] = {}
    owned: set[int] = set()

    def own(subject: Node, review: Node) -> None:
        subject, review = _resolved(subject, by_id), _resolved(review, by_id)
        if id(review) not in owned:
            owned.add(id(review))
            subjects.setdefault(_key(subject), _Subject(subject)).reviews.append(review)

    for node in nodes:
        for review in _as_nodes(node.get("review")) + _as_nodes(node.get("reviews")):
            own(node, review)
        if isinstance(node.get("aggregateRating"), dict | list):
            subjects.setdefault(_key(node), _Subject(node))
    for node in nodes:
        if id(node) not in owned and not _types(node).isdisjoint(_REVIEWS):
            own(_first_node(node.get("itemReviewed")) or {}, node)
    found = [subject for subject in subjects.values() if subject.reviews or subject.stated_total is not None]
    return max(found, key=lambda subject: (subject.is_product, len(subject.reviews)), default=None)


def _scripts(page: str) -> Iterator[str]:
    """The contents of JSON-LD scripts, found without parsing the page, in time linear to its length."""
    at = 0
    for _ in range(_MOST_SCRIPTS):
        mark = page.find("application/ld+json", at)
        start = page.find(">", mark)
        end = page.find("</script", start)
        if mark < 0 or start < 0 or end < 0:
            return
        at = end
        if end - start <= _LONGEST_SCRIPT and page.rfind("<script", max(0, mark - 500), mark) >= 0:
            yield page[start + 1 : end]


def _parsed(script: str) -> object:
    text = script.strip().removeprefix("//").removeprefix("<!--").removeprefix("<![CDATA[")
    text = text.strip().removesuffix("-->").removesuffix("]]>").rstrip().removesuffix("//").strip().rstrip(";")
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def _nodes(documents: list[Any]) -> Iterator[Node]:
    """Every object in the documents, outer ones first."""
    waiting: list[Any] = list(documents)
    for met, value in enumerate(waiting):
        if met > _MOST_NODES:
            return
        if isinstance(value, dict):
            node = cast("Node", value)
            yield node
            waiting.extend(node.values())
        elif isinstance(value, list):
            waiting.extend(cast("list[Any]", value))


def _values(review: Node) -> list[object]:
    """In the order of `_PARTS`."""
    author = _first_node(review.get("author"))
    return [
        review.get("@id"),
        _stars(review.get("reviewRating")),
        review.get("datePublished") or review.get("dateCreated"),
        review.get("name") or review.get("headline"),
        review.get("reviewBody") or review.get("description"),
        author.get("name") if author is not None else review.get("author"),
    ]


def _stars(rating: object) -> object:
    """A rating on a scale of its own, as stars; else whatever stands there, for the row to judge."""
    node = _first_node(rating)
    if node is None:
        return rating
    value, best = _number(node.get("ratingValue")), _number(node.get("bestRating"))
    if value is None or best is None or best == 5 or not 0 <= value <= best:
        return node.get("ratingValue")
    return scaled_stars(value, best)


def _aggregate_stars(aggregate: Node) -> float | None:
    value = _number(_stars(aggregate))
    return value if value is not None and 1 <= value <= 5 else None


def _number(raw: object) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return None
    try:
        value = float(raw.strip().replace(",", ".") if isinstance(raw, str) else raw)
    except (ValueError, OverflowError):
        return None
    return value if 0 <= value < 1e9 else None


def _types(node: Node) -> set[str]:
    kinds = node.get("@type")
    listed: Sequence[object] = cast("list[object]", kinds) if isinstance(kinds, list) else [kinds]
    return {kind.rsplit("/", 1)[-1].lower() for kind in listed if isinstance(kind, str)}


def _as_nodes(value: object) -> list[Node]:
    listed = cast("list[object]", value) if isinstance(value, list) else [value]
    return [cast("Node", item) for item in listed if isinstance(item, dict)]


def _first_node(value: object) -> Node | None:
    return next(iter(_as_nodes(value)), None)


def _resolved(node: Node, by_id: dict[str, Node]) -> Node:
    reference = node.get("@id")
    return by_id.get(reference, node) if isinstance(reference, str) and len(node) <= 2 else node


def _key(node: Node) -> object:
    name = node.get("@id") or node.get("name")
    return name if isinstance(name, str) else id(node)
