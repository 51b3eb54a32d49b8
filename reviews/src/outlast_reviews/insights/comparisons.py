"""Compares two groups of reviews side by side: verified or not, rewarded or not, early or late (pure)."""

import math
from collections.abc import Sequence
from typing import Literal, TypedDict

from outlast_reviews.checks.finding import Finding
from outlast_reviews.review import Review
from outlast_reviews.verdict import Evidence

FIRST_DAYS = 30
LEAST_RATED = 20
"""Reviews with stars that each side needs before a difference is judged."""
_Z = 2.5758
"""99% of a normal distribution lie within so many deviations; several comparisons are made."""

ByChance = Literal["unlikely", "possible", "too_few"]


class ComparedGroup(TypedDict):
    name: str
    reviews: int
    rated: int
    """Reviews with stars; the averages are of these."""
    stars: float | None
    five_star_percentage: float | None
    suspicious: int
    """Reviews with a strong or medium sign."""


class Comparison(TypedDict):
    """Two groups that together are all reviews of which the source tells the side."""

    name: str
    """"verified", "rewarded", "first_days" or "one_review"."""
    groups: list[ComparedGroup]
    difference: float | None
    """Stars of the first group less those of the second."""
    by_chance: ByChance
    """Whether the difference in stars could be chance."""


def comparisons(reviews: Sequence[Review], findings: Sequence[Finding], evidence: Evidence) -> list[Comparison]:
    """The comparisons that have reviews on both sides."""
    rewarded = {sign.row for finding in findings for sign in finding.signs if sign.kind == "incentivised"}
    verified = [review for review in reviews if review.verified is True]
    unverified = [review for review in reviews if review.verified is False]
    paid = [review for review in reviews if review.row in rewarded]
    unpaid = [review for review in reviews if review.row not in rewarded]
    early, late = _first_days(reviews)
    single = [review for review in reviews if review.reviewer_reviews == 1]
    several = [review for review in reviews if (review.reviewer_reviews or 0) > 1]
    pairs = (
        ("verified", ("verified", verified), ("not_verified", unverified)),
        ("rewarded", ("rewarded", paid), ("not_rewarded", unpaid)),
        ("first_days", ("first_days", early), ("later", late)),
        ("one_review", ("one_review", single), ("more_reviews", several)),
    )
    return [_comparison(name, one, other, evidence) for name, one, other in pairs if one[1] and other[1]]


def _comparison(
    name: str, one: tuple[str, Sequence[Review]], other: tuple[str, Sequence[Review]], evidence: Evidence
) -> Comparison:
    groups = [_group(*one, evidence), _group(*other, evidence)]
    return {
        "name": name,
        "groups": groups,
        "difference": _difference(*groups),
        "by_chance": _by_chance(one[1], other[1]),
    }


def _first_days(reviews: Sequence[Review]) -> tuple[list[Review], list[Review]]:
    dated = [(review.date, review) for review in reviews if review.date and not review.approximate]
    if not dated:
        return [], []
    end = min(day for day, _ in dated).toordinal() + FIRST_DAYS
    return [r for day, r in dated if day.toordinal() < end], [r for day, r in dated if day.toordinal() >= end]


def _group(name: str, reviews: Sequence[Review], evidence: Evidence) -> ComparedGroup:
    ratings = _ratings(reviews)
    return {
        "name": name,
        "reviews": len(reviews),
        "rated": len(ratings),
        "stars": round(math.fsum(ratings) / len(ratings), 4) if ratings else None,
        "five_star_percentage": round(100 * sum(r >= 5 for r in ratings) / len(ratings), 4) if ratings else None,
        "suspicious": sum(evidence.suspects(review.row) for review in reviews),
    }


def _difference(first: ComparedGroup, second: ComparedGroup) -> float | None:
    if first["stars"] is None or second["stars"] is None:
        return None
    return round(first["stars"] - second["stars"], 4)


def _by_chance(first: Sequence[Review], second: Sequence[Review]) -> ByChance:
    """Test as if the sides were dealt out at random among these stars: the spread of all of them counts.

    The spread of one side alone would call twenty reviews of five stars certain.
    """
    some, others = _ratings(first), _ratings(second)
    if min(len(some), len(others)) < LEAST_RATED:
        return "too_few"
    together = [*some, *others]
    mean = math.fsum(together) / len(together)
    variance = math.fsum((rating - mean) ** 2 for rating in together) / (len(together) - 1)
    error = math.sqrt(variance * (1 / len(some) + 1 / len(others)))
    difference = math.fsum(some) / len(some) - math.fsum(others) / len(others)
    return "unlikely" if abs(difference) > _Z * error + 1e-9 else "possible"


def _ratings(reviews: Sequence[Review]) -> list[float]:
    return [review.rating for review in reviews if review.rating is not None]
