"""Selects the reviews that a report lists: those with signs, gravest first, and some without (pure)."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NotRequired, TypedDict, TypeVar

from outlast import message
from outlast_reviews.checks.finding import Finding, Sign, Strength
from outlast_reviews.review import Review
from outlast_reviews.reviewers import short_name
from outlast_reviews.sanitising import excerpt, sanitised_quotes, truncated
from outlast_reviews.verdict import Evidence

MOST_FLAGGED = 5_000
RESERVED_PER_CHECK = 200
MOST_WITHOUT_SIGNS = 5_000
MOST_BYTES = 5_000_000
"""Limit of each of the two lists as JSON; keeps a report within the size limit of results."""
_LONGEST_NAME = 200
_LONGEST_REVIEWER = 60
STRENGTHS: tuple[Strength, ...] = ("strong", "medium", "weak")


class Reason(TypedDict):
    check: str
    strength: Strength
    sentence: str
    quote: str | None
    """The first quote within the excerpt; `None` where there is none."""
    quotes: list[str]
    """All quotes of the check, the strongest first; some may lie outside the excerpt."""


class Listed(TypedDict):
    """A review as the report shows it."""

    review_id: str
    """The source's own id, else "row 12"."""
    row: int
    reviewer: str | None
    """Shortened."""
    rating: float | None
    date: str | None
    approximate: NotRequired[bool]
    """Whether only the month of the date is known."""
    title: str
    excerpt: str


class Flagged(Listed):
    reasons: list[Reason]
    cluster: int | None
    """Shared by reviews that are copies of each other."""
    counted: bool
    """Whether it counts as suspicious; weak signs and incentives alone do not."""


L = TypeVar("L", bound=Listed)


def flagged_reviews(
    reviews: Sequence[Review], findings: Sequence[Finding], evidence: Evidence
) -> tuple[list[Flagged], int]:
    """Up to 5,000 reviews with signs, copies side by side, and the number of all of them."""
    signs: dict[int, list[tuple[str, Sign]]] = {}
    for finding in findings:
        for sign in finding.signs:
            signs.setdefault(sign.row, []).append((finding.name, sign))

    def sort_key(review: Review) -> tuple[int, int, int, str, int]:
        own = [sign for _, sign in signs[review.row]]
        gravest = min(STRENGTHS.index(sign.strength) for sign in own)
        incentivised = review.row in evidence.incentivised
        clusters = min((sign.cluster for sign in own if sign.cluster), default=len(reviews))
        return gravest, incentivised, clusters, str(review.date or ""), review.row

    concerned = sorted((review for review in reviews if review.row in signs), key=sort_key)
    shown = concerned
    if len(concerned) > MOST_FLAGGED:
        guaranteed = _first_of_each_check(concerned, signs)
        rest = [review.row for review in concerned if review.row not in guaranteed]
        chosen = guaranteed.union(rest[: MOST_FLAGGED - len(guaranteed)])
        shown = [review for review in concerned if review.row in chosen]
    return _within_bytes(_flagged(r, signs[r.row], evidence.suspects(r.row)) for r in shown), len(concerned)


def _first_of_each_check(concerned: Sequence[Review], signs: Mapping[int, Sequence[tuple[str, Sign]]]) -> set[int]:
    """Reserve places for each check, so that every check has examples."""
    counted: Counter[str] = Counter()
    rows: set[int] = set()
    for review in concerned:
        checks = {name for name, _ in signs[review.row]}
        if any(counted[name] < RESERVED_PER_CHECK for name in checks):
            rows.add(review.row)
            counted.update(checks)
    return rows


def reviews_without_signs(reviews: Sequence[Review], findings: Sequence[Finding]) -> tuple[list[Listed], int]:
    """Up to 5,000 reviews without signs, the latest texts first, and the number of all of them."""
    signed = {sign.row for finding in findings for sign in finding.signs}
    unsigned = [review for review in reviews if review.row not in signed]
    latest = sorted(unsigned, key=lambda r: (not r.text.strip(), -(r.date.toordinal() if r.date else 0), r.row))
    return _within_bytes(listed(review) for review in latest[:MOST_WITHOUT_SIGNS]), len(unsigned)


def _within_bytes(reviews: Iterable[L]) -> list[L]:
    kept: list[L] = []
    remaining = MOST_BYTES
    for review in reviews:
        remaining -= len(json.dumps(review))
        if remaining < 0:
            break
        kept.append(review)
    return kept


def _flagged(review: Review, signs: Sequence[tuple[str, Sign]], counted: bool) -> Flagged:
    quotes = {name: sanitised_quotes(sign.quotes) for name, sign in signs}
    shown = listed(review, [quote for of_one in quotes.values() for quote in of_one])
    reasons: list[Reason] = [
        {
            "check": name,
            "strength": sign.strength,
            "sentence": sign.sentence,
            "quote": next((q for q in quotes[name] if q in shown["excerpt"]), None),
            "quotes": quotes[name],
        }
        for name, sign in signs
    ]
    cluster = next((sign.cluster for _, sign in signs if sign.cluster), None)
    return {**shown, "reasons": reasons, "cluster": cluster, "counted": counted}


def listed(review: Review, quotes: Sequence[str] = ()) -> Listed:
    """The excerpt shows the first of these quotes."""
    return {
        "review_id": truncated(review.review_id or "", _LONGEST_NAME) or message("row {row}", row=review.row),
        "row": review.row,
        "reviewer": short_name(truncated(review.reviewer or "", _LONGEST_REVIEWER)),
        "rating": review.rating,
        "date": review.date.isoformat() if review.date else None,
        "approximate": review.date is not None and review.approximate,
        "title": truncated(review.title, _LONGEST_NAME),
        "excerpt": excerpt(review.text, quotes),
    }
