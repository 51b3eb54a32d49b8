"""What this installation remembers of the products that were analysed here: who wrote about them, and what."""

import datetime as dt
import hashlib
import secrets
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from outlast import Fact, Facts
from outlast_reviews.checks.facts import EarlierReview, Seen, review_mark, reviewer_mark, text_mark
from outlast_reviews.checks.facts import ReviewFacts as Known
from outlast_reviews.review import Review

KEPT = dt.timedelta(days=400)
PUBLIC = ("amazon:", "web:")
"""Begin the subjects that anybody can look at; all others are what somebody uploaded."""
MOST_REVIEWERS = 5_000
MOST_EARLIER = 20_000
"""Reviews of which a mark is kept, so that a fact stays below a megabyte."""
SKETCH = 64
"""Texts by which a product is known again: those with the lowest marks."""
LOOKED_FOR = 5_000
LEAST_SHARED, LEAST_SHARE = 4, 0.25
"""Of a sketch that must be met again for two sets to be of one product."""
AT_ONCE = 1_000
DATES = 5
SHORT = 8
"""Digits of the mark of a reviewer's words, kept beside each date."""

Tell = Callable[[int, int], None]


def nothing_told(done: int, total: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, slots=True)
class _Others:
    """Products known here: those that are this one in another file, and the size of every sketch."""

    same: frozenset[str]
    sketches: Mapping[str, int]


class Acquaintance:
    """Its memory, in one space of facts. All names and texts are marks under a salt of this installation's own.

    Whoever gives a file says what is in it. So what files say is kept for their owner alone, and of pages that
    anybody can look at only those of one shop are laid beside each other: nobody can make up products around
    another's reviewers.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def known(
        self, reviews: Sequence[Review], subject: str, description: str = "", tell: Tell = nothing_told
    ) -> Known:
        """What the checks may know beside the reviews."""
        salt, realm = self._salt(), self._realm(subject)
        texts = _texts(reviews, salt, tell)
        others = _others(realm, texts, subject)
        product = _own(others, subject)
        marks = sorted({m for r in reviews if (m := reviewer_mark(r, salt))})[:MOST_REVIEWERS]
        met = realm.get("who", marks)
        same = others.same | _met_with_the_same_words(met, frozenset(text[:SHORT] for text in texts))
        seen = [
            Seen(mark, fact.item, dt.date.fromordinal(day))
            for mark, facts in met.items()
            for fact in facts
            if fact.item not in same
            for day, _ in fact.value
        ]
        earlier, on = _earlier(realm, product)
        return Known(
            description=description,
            product=product,
            secret=salt,
            seen=seen,
            others=len(others.sketches.keys() - same - {product}),
            earlier=earlier,
            earlier_on=on,
        )

    def remember(self, reviews: Sequence[Review], subject: str, today: dt.date, tell: Tell = nothing_told) -> str:
        """To be done once the analysis stands; answers the product's name here. The same twice changes nothing."""
        salt, realm = self._salt(), self._realm(subject)
        texts = _texts(reviews, salt, lambda done, total: tell(done, 4 * total))
        product = _own(_others(realm, texts, subject), subject)
        sketch = texts[:SKETCH]
        kept: list[tuple[str, str, str, Any]] = [("products", "", product, len(sketch))]
        kept += [("text", mark, product, None) for mark in sketch]
        days: defaultdict[str, set[tuple[int, str]]] = defaultdict(set)
        for n, review in enumerate(reviews):
            if n % AT_ONCE == 0:
                tell(len(reviews) + n, 4 * len(reviews))
            if review.date and (mark := reviewer_mark(review, salt)):
                days[mark].add((review.date.toordinal(), (text_mark(review, salt) or "")[:SHORT]))
        kept += [("who", mark, product, sorted(days[mark])[:DATES]) for mark in sorted(days)[:MOST_REVIEWERS]]
        if len(reviews) <= MOST_EARLIER:
            kept.append(("last", product, "", {"on": today.toordinal(), "reviews": _listed(reviews, salt)}))
        for start in range(0, len(kept), AT_ONCE):
            tell(len(kept) + start, 2 * len(kept))
            realm.put(kept[start : start + AT_ONCE])
        return product

    def _realm(self, subject: str) -> "_Realm":
        if not subject.startswith(PUBLIC):
            return _Realm(self._facts.of_owner, "")
        kind, _, place = subject.partition(":")
        shop = kind if kind == "amazon" else urlsplit(place).netloc or place
        return _Realm(self._facts, hashlib.sha256(shop.encode()).hexdigest()[:12])

    def _salt(self) -> bytes:
        facts = self._facts.blocking
        found = facts.get(["salt"]).get("salt")
        if not found:
            facts.put([Fact("salt", secrets.token_hex(16))], keep=KEPT)
            found = facts.get(["salt"])["salt"]  # somebody else's, if they were a moment later
        facts.put(found, keep=KEPT)
        return bytes.fromhex(found[0].value)


class _Realm:
    """Facts of products that may be laid beside each other: those of one shop, or of one owner's files."""

    def __init__(self, facts: Facts, name: str) -> None:
        self._facts = facts.blocking
        self._name = name

    def get(self, kind: str, keys: Sequence[str]) -> Mapping[str, Sequence[Fact]]:
        """By key."""
        begin = f"{self._name}:{kind}:"
        found = self._facts.get([begin + key for key in keys])
        return {key.removeprefix(begin): facts for key, facts in found.items()}

    def put(self, facts: Sequence[tuple[str, str, str, Any]]) -> None:
        """Each as kind, key, item and value."""
        kept = [Fact(f"{self._name}:{kind}:{key}", value, item) for kind, key, item, value in facts]
        self._facts.put(kept, keep=KEPT)


def _others(realm: _Realm, texts: Sequence[str], subject: str) -> _Others:
    """Two files of one product are one product: its reviewers would else meet themselves."""
    sketches = {fact.item: int(fact.value) for fact in realm.get("products", [""]).get("", ())}
    shared = Counter(fact.item for facts in realm.get("text", texts[:LOOKED_FOR]).values() for fact in facts)
    same = {
        product
        for product, count in shared.items()
        if count >= max(LEAST_SHARED, LEAST_SHARE * sketches.get(product, SKETCH))
    }
    return _Others(frozenset(same | {_name(subject)}), sketches)


def _met_with_the_same_words(met: Mapping[str, Sequence[Fact]], texts: frozenset[str]) -> frozenset[str]:
    """Products at which most of the reviewers who are met again say just what they say here: it is this one, in
    an export that has little else in common.
    """
    people: Counter[str] = Counter()
    repeating: Counter[str] = Counter()
    for facts in met.values():
        for fact in facts:
            people[fact.item] += 1
            repeating[fact.item] += any(text in texts for _, text in fact.value if text)
    return frozenset(product for product, count in repeating.items() if 2 * count >= people[product])


def _own(others: _Others, subject: str) -> str:
    return min(others.same & others.sketches.keys(), default=_name(subject))


def _earlier(realm: _Realm, product: str) -> tuple[Sequence[EarlierReview], dt.date | None]:
    found = realm.get("last", [product]).get(product)
    if not found:
        return (), None
    value: dict[str, Any] = found[0].value
    reviews = [
        EarlierReview(mark, None if day is None else dt.date.fromordinal(day), rating)
        for mark, day, rating in value["reviews"]
    ]
    return reviews, dt.date.fromordinal(value["on"])


def _texts(reviews: Sequence[Review], salt: bytes, tell: Tell) -> list[str]:
    marks: set[str] = set()
    for n, review in enumerate(reviews):
        if n % AT_ONCE == 0:
            tell(n, len(reviews))
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
