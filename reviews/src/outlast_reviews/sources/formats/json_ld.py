"""Reads schema.org reviews in the JSON-LD of web pages."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, cast

from outlast import message, plural
from outlast_reviews.review import ReviewSet
from outlast_reviews.sources.errors import NotReviews
from outlast_reviews.sources.formats.columns import columns_of
from outlast_reviews.sources.formats.content import Content
from outlast_reviews.sources.formats.rows import ReviewCollector, plain_text
from outlast_reviews.sources.formats.stars import scaled_stars
from outlast_reviews.sources.limits import MIB

Node = dict[str, Any]

_LONGEST_SCRIPT = 2 * MIB
_LONGEST_SCRIPTS = 4 * MIB
"""All of them together; as objects they are many times that."""
_MOST_SCRIPTS = 200
_MOST_NODES = 100_000
_PRODUCTS = frozenset(
    {"product", "productgroup", "productmodel", "individualproduct", "softwareapplication", "book"}
)
_REVIEWS = frozenset({"review", "userreview", "criticreview", "employerreview"})
_PARTS = ("review_id", "rating", "date", "title", "text", "author")
_COLUMNS = columns_of(_PARTS)
_RELATED = ("isRelatedTo", "isSimilarTo", "isAccessoryOrSparePartFor", "isConsumableFor")
"""Other products, of which a page may show reviews too."""
_SCRIPT = re.compile(r"<script\b[^<>]{0,500}application/ld(?:\+|&#43;|&#x2b;)json[^>]{0,500}>", re.IGNORECASE)
_SCRIPT_END = re.compile(r"</script", re.IGNORECASE)
_WRAPPING = re.compile(r"<!--|-->|<!\[CDATA\[|\]\]>")
_TRAILING = re.compile(r",(\s{0,100}[}\]])")
_BROKEN = object()


@dataclass(slots=True)
class _Subject:
    """Something that is reviewed, and its reviews in the order of the page."""

    node: Node
    reviews: list[Node] = field(default_factory=list[Node])
    is_related: bool = False
    """Shown beside the page's own product."""

    @property
    def is_product(self) -> bool:
        return not _types(self.node).isdisjoint(_PRODUCTS)

    @property
    def aggregate(self) -> Node:
        found = _first_node(self.node.get("aggregateRating"))
        return found if found is not None else {}

    @property
    def stated_total(self) -> int | None:
        return _count(self.aggregate.get("reviewCount"))

    @property
    def stated_ratings(self) -> int | None:
        """Of people, of whom some wrote no review."""
        return _count(self.aggregate.get("ratingCount"))

    @property
    def says_how_many(self) -> bool:
        return self.stated_total is not None or self.stated_ratings is not None

    @property
    def stated(self) -> str | None:
        """How many reviews or ratings the page says there are, in a sentence."""
        name = self.name and self.name[:80]
        if self.stated_total and name:
            return plural(
                "The page says that “{product}” has {n:,} review.",
                "The page says that “{product}” has {n:,} reviews.",
                self.stated_total,
                product=name,
            )
        if self.stated_total:
            return plural(
                "The page says that the product has {n:,} review.",
                "The page says that the product has {n:,} reviews.",
                self.stated_total,
            )
        if self.stated_ratings and name:
            return plural(
                "The page says that “{product}” has {n:,} rating.",
                "The page says that “{product}” has {n:,} ratings.",
                self.stated_ratings,
                product=name,
            )
        if self.stated_ratings:
            return plural(
                "The page says that the product has {n:,} rating.",
                "The page says that the product has {n:,} ratings.",
                self.stated_ratings,
            )
        return None

    @property
    def name(self) -> str | None:
        return plain_text(self.node.get("name"))[:500] or None


class JsonLd:
    """Reads the product with the most reviews; other reviewed things, such as the shop itself, are left out."""

    names = (message("page with schema.org reviews"),)

    def recognises(self, content: Content) -> bool:
        return _read(content.page()).subject is not None

    def read(self, content: Content) -> ReviewSet:
        page = _read(content.page())
        subject = page.subject
        if subject is None:
            raise NotReviews(message("There are no schema.org reviews in the page."))
        title = subject.name
        if not subject.reviews and (stated := subject.stated):
            why = message(
                "But it does not carry the reviews themselves in a form that can be read. Save the page after they"
                " have appeared, or give an export."
            )
            raise NotReviews(f"{stated} {why}")
        rows = ReviewCollector(content.limits, content.mapping)
        for review in subject.reviews:
            rows.add(_COLUMNS, _values(review))
        found = rows.finish(
            _format(content.encoding),
            product_title=title,
            product_rating=_aggregate_stars(subject.aggregate),
            stated_total=subject.stated_total,
            stated_ratings=subject.stated_ratings,
            description=subject.node.get("description"),
        )
        return replace(found, left_out=(*found.left_out, *page.left_out))


def _format(encoding: str | None) -> str:
    if encoding:
        return message("schema.org reviews in a web page ({encoding})", encoding=encoding)
    return message("schema.org reviews in a web page")


class _Page(NamedTuple):
    """What a page says in JSON-LD."""

    subject: _Subject | None
    """`None` where nothing on the page has reviews or says how many it has."""
    left_out: list[str]


def _read(page: str) -> _Page:
    documents = [_parsed(script) for script in _scripts(page)]
    subjects = _subjects(list(_nodes(documents)))
    found = [subject for subject in subjects if subject.reviews or subject.says_how_many]
    own = [subject for subject in found if not subject.is_related]
    best = max(own, key=lambda subject: (subject.is_product, len(subject.reviews)), default=None)
    left_out = [
        message("reviews of “{product}” ({reviews:,})", product=other.name[:80], reviews=len(other.reviews))
        if other.name
        else message("reviews of something else ({reviews:,})", reviews=len(other.reviews))
        for other in found
        if other is not best and other.reviews
    ]
    left_out += [
        message("a part of the page's structured data, which is not valid JSON") for d in documents if d is _BROKEN
    ]
    return _Page(best, left_out)


def _subjects(nodes: Sequence[Node]) -> list[_Subject]:
    by_id: dict[str, Node] = {}
    for node in nodes:
        if isinstance(node.get("@id"), str) and len(node) > 1:
            by_id.setdefault(node["@id"], node)
    related = {id(n) for node in nodes for key in _RELATED for n in _as_nodes(node.get(key))}
    groups = {
        _key(_resolved(variant, by_id)): node
        for node in nodes
        for variant in _as_nodes(node.get("hasVariant"))
        if _key(_resolved(variant, by_id)) != _key(node)
    }
    products = [node for node in nodes if id(node) not in related and not _types(node).isdisjoint(_PRODUCTS)]
    only = products[0] if len({_key(groups.get(_key(product), product)) for product in products}) == 1 else {}
    subjects: dict[object, _Subject] = {}
    owned: set[int] = set()

    def own(subject: Node, review: Node) -> None:
        subject, review = _resolved(subject, by_id), _resolved(review, by_id)
        subject = groups.get(_key(subject), subject)
        if id(review) not in owned:
            owned.add(id(review))
            met = _Subject(subject, is_related=id(subject) in related)
            subjects.setdefault(_key(subject), met).reviews.append(review)

    for node in nodes:
        for review in _as_nodes(node.get("review")) + _as_nodes(node.get("reviews")):
            own(node, review)
        if isinstance(node.get("aggregateRating"), dict | list) and id(node) not in related:
            whole = groups.get(_key(node), node)
            subjects.setdefault(_key(whole), _Subject(whole))
    for node in nodes:
        if id(node) not in owned and not _types(node).isdisjoint(_REVIEWS):
            about = node.get("itemReviewed")
            own(_first_node(about) or ({"name": about} if isinstance(about, str) else only), node)
    return list(subjects.values())


def _scripts(page: str) -> Iterator[str]:
    """The contents of JSON-LD scripts, found without parsing the page, in time linear to its length."""
    at, remaining = 0, _LONGEST_SCRIPTS
    for _ in range(_MOST_SCRIPTS):
        begin = _SCRIPT.search(page, at)
        end = _SCRIPT_END.search(page, begin.end()) if begin else None
        if begin is None or end is None:
            return
        at = end.end()
        length = end.start() - begin.end()
        if length <= min(_LONGEST_SCRIPT, remaining):
            remaining -= length
            yield page[begin.end() : end.start()]


def _parsed(script: str) -> object:
    """`_BROKEN` for what is not JSON even when the usual faults of templates are mended."""
    text = _WRAPPING.sub("", script)
    start = min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=len(text))
    text = text[start : max(text.rfind("}"), text.rfind("]")) + 1]
    for mended in (script, text, _TRAILING.sub(r"\1", text.replace("\\'", "'"))):
        try:
            return json.loads(mended, strict=False)
        except (ValueError, RecursionError):
            continue
    return _BROKEN if "eview" in script else None


def _nodes(documents: list[Any]) -> Iterator[Node]:
    queue: list[Any] = list(documents)
    for met, value in enumerate(queue):
        if met > _MOST_NODES:
            return
        if isinstance(value, dict):
            node = cast("Node", value)
            yield node
            queue.extend(node.values())
        elif isinstance(value, list):
            queue.extend(cast("list[Any]", value))


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
    worst = _number(node.get("worstRating"))
    if value is not None and best is not None and worst is not None and best <= value <= worst != best:
        return round(1 + 4 * (worst - value) / (worst - best), 2)  # as school marks, of which 1 is the best
    if value == 0 and worst is not None:
        return None if worst else 1.0
    if value is None or best is None or best == 5 or not 0 <= value <= best:
        return node.get("ratingValue")
    return scaled_stars(value, best) if value else f"0/{best:g}"


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


def _count(raw: object) -> int | None:
    """A count as people write it: "1,234", "1.234", "1 234"."""
    if isinstance(raw, str):
        digits = re.sub(r"[\s.,'’]", "", raw[:40])
        return int(digits) if digits.isdecimal() else None
    number = _number(raw)
    return None if number is None else int(number)


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
    name = node.get("@id") or node.get("name") or node.get("sku") or node.get("url")
    return name if isinstance(name, str) else id(node) if node else None
