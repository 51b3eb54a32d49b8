"""Facts of earlier analyses: which reviewers wrote about which products, as salted hashes."""

import datetime as dt
import hashlib
import secrets
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from outlast import Fact, Facts
from outlast_reviews.checks.facts import (
    EarlierReview,
    ReviewFacts,
    Sighting,
    review_mark,
    reviewer_mark,
    text_mark,
)
from outlast_reviews.progress import Progress, ignore_progress
from outlast_reviews.review import Review

RETENTION = dt.timedelta(days=400)
PUBLIC_PREFIXES = ("amazon:", "web:")
"""Prefixes of public subjects; all others are uploads."""
MOST_REVIEWERS = 5_000
MOST_EARLIER = 20_000
"""Reviews whose marks are stored; keeps a fact below a megabyte."""
SKETCH = 64
"""Texts with the lowest marks, which identify a product (a MinHash sketch)."""
MOST_TEXTS_COMPARED = 5_000
LEAST_SHARED, LEAST_SHARE = 4, 0.25
"""Texts of a sketch, and their share, that two sets of one product have in common."""
BATCH_SIZE = 1_000
MOST_DATES = 5
SHORT_MARK = 8
"""Digits of a text's mark, stored beside each date."""
_Seen = tuple[int, str, float | None]
"""A review of another product: its day, the short mark of its text, and its stars."""


@dataclass(frozen=True, slots=True)
class _OtherProducts:
    """Known products: those that equal this one, and the size of every sketch."""

    same: frozenset[str]
    sketches: Mapping[str, int]


class KnownReviewers:
    """Reads and writes the facts. Names and texts are stored as marks: hashes salted per installation.

    Uploads are untrusted, so their facts stay private to their owner. Public pages are compared only within one
    shop. So nobody can invent products to incriminate the reviewers of another.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def known(
        self, reviews: Sequence[Review], subject: str, description: str = "", progress: Progress = ignore_progress
    ) -> ReviewFacts:
        """Return the facts that the checks use besides the reviews."""
        salt, space = self._salt(), self._space(subject)
        texts = _texts(reviews, salt, progress)
        others = _other_products(space, texts, subject)
        product = _own_name(others, subject)
        marks = sorted({m for r in reviews if (m := reviewer_mark(r, salt))})[:MOST_REVIEWERS]
        matches = _sightings(space, marks)
        same = others.same | _repeating_their_texts(matches, frozenset(text[:SHORT_MARK] for text in texts))
        sightings = [
            Sighting(mark, item, dt.date.fromordinal(day), rating)
            for mark, by_product in matches.items()
            for item, seen in by_product.items()
            if item not in same
            for day, _, rating in seen
        ]
        earlier, on = _earlier(space, product)
        return ReviewFacts(
            description=description,
            product=product,
            secret=salt,
            seen=sightings,
            others=len(others.sketches.keys() - same - {product}),
            earlier=earlier,
            earlier_on=on,
        )

    def remember(
        self, reviews: Sequence[Review], subject: str, today: dt.date, progress: Progress = ignore_progress
    ) -> str:
        """Store the facts of an analysis and return the product's internal name. Idempotent."""
        salt, space = self._salt(), self._space(subject)
        texts = _texts(reviews, salt, lambda done, total: progress(done, 4 * total))
        product = _own_name(_other_products(space, texts, subject), subject)
        sketch = texts[:SKETCH]
        kept: list[tuple[str, str, str, Any]] = [("products", "", product, len(sketch))]
        kept += [("text", mark, product, None) for mark in sketch]
        seen: defaultdict[str, set[_Seen]] = defaultdict(set)
        for n, review in enumerate(reviews):
            if n % BATCH_SIZE == 0:
                progress(len(reviews) + n, 4 * len(reviews))
            if review.date and not review.approximate and (mark := reviewer_mark(review, salt)):
                text = (text_mark(review, salt) or "")[:SHORT_MARK]
                seen[mark].add((review.date.toordinal(), text, review.rating))
        kept += [
            ("seen", mark, product, sorted(seen[mark], key=lambda one: (one[0], one[1], one[2] or 0))[:MOST_DATES])
            for mark in sorted(seen)[:MOST_REVIEWERS]
        ]
        if len(reviews) <= MOST_EARLIER:
            kept.append(("last", product, "", {"on": today.toordinal(), "reviews": _listed(reviews, salt)}))
        for start in range(0, len(kept), BATCH_SIZE):
            progress(len(kept) + start, 2 * len(kept))
            space.put(kept[start : start + BATCH_SIZE])
        return product

    def _space(self, subject: str) -> "_FactSpace":
        if not subject.startswith(PUBLIC_PREFIXES):
            return _FactSpace(self._facts.of_owner, "")
        kind, _, location = subject.partition(":")
        shop = kind if kind == "amazon" else urlsplit(location).netloc or location
        return _FactSpace(self._facts, hashlib.sha256(shop.encode()).hexdigest()[:12])

    def _salt(self) -> bytes:
        facts = self._facts.blocking
        found = facts.get(["salt"]).get("salt")
        if not found:
            facts.put([Fact("salt", secrets.token_hex(16))], keep=RETENTION)
            found = facts.get(["salt"])["salt"]  # another process may have stored its own a moment later
        facts.put(found, keep=RETENTION)
        return bytes.fromhex(found[0].value)


class _FactSpace:
    """The facts of products that may be compared: those of one shop, or of one owner's files."""

    def __init__(self, facts: Facts, name: str) -> None:
        self._facts = facts.blocking
        self._name = name

    def get(self, kind: str, keys: Sequence[str]) -> Mapping[str, Sequence[Fact]]:
        """Return the facts by key."""
        begin = f"{self._name}:{kind}:"
        found = self._facts.get([begin + key for key in keys])
        return {key.removeprefix(begin): facts for key, facts in found.items()}

    def put(self, facts: Sequence[tuple[str, str, str, Any]]) -> None:
        """Store tuples of kind, key, item and value."""
        kept = [Fact(f"{self._name}:{kind}:{key}", value, item) for kind, key, item, value in facts]
        self._facts.put(kept, keep=RETENTION)


def _other_products(space: _FactSpace, texts: Sequence[str], subject: str) -> _OtherProducts:
    """Find files of the same product, whose reviewers must not count as met elsewhere."""
    sketches = {fact.item: int(fact.value) for fact in space.get("products", [""]).get("", ())}
    shared = Counter(
        fact.item for facts in space.get("text", texts[:MOST_TEXTS_COMPARED]).values() for fact in facts
    )
    same = {
        product
        for product, count in shared.items()
        if count >= max(LEAST_SHARED, LEAST_SHARE * sketches.get(product, SKETCH))
    }
    return _OtherProducts(frozenset(same | {_name(subject)}), sketches)


def _sightings(space: _FactSpace, marks: Sequence[str]) -> Mapping[str, Mapping[str, Sequence[_Seen]]]:
    """Sightings by reviewer and product. Facts of the kind "who", which earlier versions stored, have no stars."""
    found: dict[str, dict[str, Sequence[_Seen]]] = {}
    for mark, facts in space.get("who", marks).items():
        found[mark] = {fact.item: [(day, text, None) for day, text in fact.value] for fact in facts}
    for mark, facts in space.get("seen", marks).items():
        found.setdefault(mark, {}).update({fact.item: [tuple(one) for one in fact.value] for fact in facts})
    return found


def _repeating_their_texts(
    matches: Mapping[str, Mapping[str, Sequence[_Seen]]], texts: frozenset[str]
) -> frozenset[str]:
    """Products at which most known reviewers wrote the same texts as here: other exports of this product."""
    people: Counter[str] = Counter()
    repeating: Counter[str] = Counter()
    for by_product in matches.values():
        for product, seen in by_product.items():
            people[product] += 1
            repeating[product] += any(text in texts for _, text, _ in seen if text)
    return frozenset(product for product, count in repeating.items() if 2 * count >= people[product])


def _own_name(others: _OtherProducts, subject: str) -> str:
    return min(others.same & others.sketches.keys(), default=_name(subject))


def _earlier(space: _FactSpace, product: str) -> tuple[Sequence[EarlierReview], dt.date | None]:
    found = space.get("last", [product]).get(product)
    if not found:
        return (), None
    value: dict[str, Any] = found[0].value
    reviews = [
        EarlierReview(mark, None if day is None else dt.date.fromordinal(day), rating)
        for mark, day, rating in value["reviews"]
    ]
    return reviews, dt.date.fromordinal(value["on"])


def _texts(reviews: Sequence[Review], salt: bytes, progress: Progress) -> list[str]:
    marks: set[str] = set()
    for n, review in enumerate(reviews):
        if n % BATCH_SIZE == 0:
            progress(n, len(reviews))
        if mark := text_mark(review, salt):
            marks.add(mark)
    return sorted(marks)


def _listed(reviews: Sequence[Review], salt: bytes) -> list[tuple[str, int | None, float | None]]:
    return [
        (mark, review.date.toordinal() if review.date else None, review.rating)
        for review in reviews
        if (mark := review_mark(review, salt))
    ]


def _name(subject: str) -> str:
    return hashlib.sha256(f"product {subject}".encode()).hexdigest()[:20]
