"""What this installation remembers of the products that were analysed here: who wrote about them, and what."""

import datetime as dt
import hashlib
import secrets
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from outlast import Fact, Facts
from outlast_reviews.checks.facts import EarlierReview, Seen, review_mark, reviewer_mark, text_mark
from outlast_reviews.checks.facts import Facts as Known
from outlast_reviews.review import Review

KEPT = dt.timedelta(days=400)
PUBLIC = ("amazon:", "web:")
"""Subjects that anybody can look at; all others are what somebody uploaded, and nobody learns of them."""
MOST_REVIEWERS = 20_000
MOST_EARLIER = 20_000
"""Reviews of which a mark is kept, so that a fact stays below a megabyte."""
SKETCH = 64
"""Texts by which a product is known again: those with the lowest marks."""
LOOKED_FOR = 5_000
LEAST_SHARED, LEAST_SHARE = 4, 0.25
"""Of a sketch that must be met again for two sets to be of one product."""
AT_ONCE = 1_000
DATES = 5

Tell = Callable[[int, int], None]


def nothing_told(done: int, total: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, slots=True)
class _Others:
    """Products known here: those that are this one in another file, and the size of every sketch."""

    same: frozenset[str]
    sketches: Mapping[str, int]


class Acquaintance:
    """Its memory, in one space of facts. All names and texts are marks under a salt of this installation's own."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts.blocking

    def known(
        self, reviews: Sequence[Review], subject: str, description: str = "", tell: Tell = nothing_told
    ) -> Known:
        """What the checks may know beside the reviews."""
        salt = self._salt()
        others = self._others(_texts(reviews, salt, tell), subject)
        product = self._own(others, subject)
        marks = sorted({m for r in reviews if (m := reviewer_mark(r, salt))})[:MOST_REVIEWERS]
        met = self._facts.get([f"who:{mark}" for mark in marks])
        seen = [
            Seen(key.removeprefix("who:"), fact.item, dt.date.fromordinal(day))
            for key, facts in met.items()
            for fact in facts
            if fact.item not in others.same
            for day in fact.value
        ]
        earlier, on = self._earlier(subject)
        return Known(
            description=description,
            product=product,
            secret=salt,
            seen=seen,
            others=len(others.sketches.keys() - others.same - {product}),
            earlier=earlier,
            earlier_on=on,
        )

    def remember(self, reviews: Sequence[Review], subject: str, today: dt.date, tell: Tell = nothing_told) -> None:
        """To be done once the analysis stands. The same twice changes nothing."""
        salt = self._salt()
        texts = _texts(reviews, salt, lambda done, total: tell(done, 4 * total))
        product = self._own(self._others(texts, subject), subject)
        sketch = texts[:SKETCH]
        kept = [Fact("products", len(sketch), product), *(Fact(f"text:{mark}", None, product) for mark in sketch)]
        days: defaultdict[str, set[int]] = defaultdict(set)
        for n, review in enumerate(reviews):
            if n % AT_ONCE == 0:
                tell(len(reviews) + n, 4 * len(reviews))
            if review.date and (mark := reviewer_mark(review, salt)):
                days[mark].add(review.date.toordinal())
        kept += [Fact(f"who:{m}", sorted(days[m])[:DATES], product) for m in sorted(days)[:MOST_REVIEWERS]]
        if subject.startswith(PUBLIC) and len(reviews) <= MOST_EARLIER:
            kept.append(Fact(_last_time(subject), {"on": today.toordinal(), "reviews": _listed(reviews, salt)}))
        for start in range(0, len(kept), AT_ONCE):
            tell(len(kept) + start, 2 * len(kept))
            self._facts.put(kept[start : start + AT_ONCE], keep=KEPT)

    def _salt(self) -> bytes:
        found = self._facts.get(["salt"]).get("salt")
        if not found:
            self._facts.put([Fact("salt", secrets.token_hex(16))], keep=KEPT)
            found = self._facts.get(["salt"])["salt"]  # somebody else's, if they were a moment later
        self._facts.put(found, keep=KEPT)
        return bytes.fromhex(found[0].value)

    def _others(self, texts: Sequence[str], subject: str) -> _Others:
        """Two files of one product are one product: its reviewers would else meet themselves."""
        sketches = {fact.item: int(fact.value) for fact in self._facts.get(["products"]).get("products", ())}
        keys = [f"text:{mark}" for mark in texts[:LOOKED_FOR]]
        shared = Counter(fact.item for facts in self._facts.get(keys).values() for fact in facts)
        same = {
            product
            for product, count in shared.items()
            if count >= max(LEAST_SHARED, LEAST_SHARE * sketches.get(product, SKETCH))
        }
        return _Others(frozenset(same | {_name(subject)}), sketches)

    @staticmethod
    def _own(others: _Others, subject: str) -> str:
        return min(others.same & others.sketches.keys(), default=_name(subject))

    def _earlier(self, subject: str) -> tuple[Sequence[EarlierReview], dt.date | None]:
        found = self._facts.get([_last_time(subject)]).get(_last_time(subject))
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


def _last_time(subject: str) -> str:
    return f"last:{_name(subject)}"
