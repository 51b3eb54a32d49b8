"""What each check changes: the stars with and without its sign, and the grade without the check (pure)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import TypedDict

from outlast_reviews.checks.finding import Advance, Finding
from outlast_reviews.progress import ignore_progress
from outlast_reviews.ratings import mean_rating, weighted_rating
from outlast_reviews.review import Review
from outlast_reviews.verdict import MODEL, Evidence, Grade, Verdict, gather

Judged = tuple[Evidence, Verdict]
Judge = Callable[[Sequence[Finding]], Judged]
"""Weighs findings about the reviews of one report."""

MOST_SWITCHES = 6
"""Checks that can be left out; every combination of them is computed ahead."""


class StarAverage(TypedDict):
    reviews: int
    """Reviews with stars."""
    stars: float | None


class CheckStars(TypedDict):
    """A check that found a sign: the stars of reviews with the sign and of the others."""

    name: str
    with_sign: StarAverage
    without_sign: StarAverage
    can_be_left_out: bool
    """Whether leaving it out can move the grade or the adjusted rating."""


class Scenario(TypedDict):
    """The verdict if the signs of some checks are taken as harmless."""

    left_out: list[str]
    """Names of the checks, in the order of the report."""
    grade: Grade
    fake_percentage: float | None
    fake_percentage_low: float | None
    fake_percentage_high: float | None
    adjusted_rating: float | None


def stars_by_check(reviews: Sequence[Review], findings: Sequence[Finding]) -> list[CheckStars]:
    """One entry for each check that found a sign in a review."""
    switches = _switches(findings)
    rows_of = {finding.name: {sign.row for sign in finding.signs} for finding in findings if finding.signs}
    return [
        {
            "name": name,
            "with_sign": star_average([review for review in reviews if review.row in rows]),
            "without_sign": star_average([review for review in reviews if review.row not in rows]),
            "can_be_left_out": name in switches,
        }
        for name, rows in rows_of.items()
    ]


def star_average(reviews: Sequence[Review]) -> StarAverage:
    mean = mean_rating(reviews)
    return {
        "reviews": sum(review.rating is not None for review in reviews),
        "stars": None if mean is None else round(mean, 4),
    }


def scenarios(
    reviews: Sequence[Review],
    findings: Sequence[Finding],
    judged: Judged,
    judge: Judge,
    advance: Advance = ignore_progress,
) -> list[Scenario]:
    """The verdict without each combination of checks; the first, `judged`, leaves none out."""
    made: list[Scenario] = []
    every = tuple(_combinations(findings))
    for n, left_out in enumerate(every):
        advance(n / len(every))
        made.append(_scenario(reviews, left_out, judge(_without(findings, left_out)) if left_out else judged))
    if made[0]["fake_percentage"] is None:  # as in the report, nothing is adjusted by evidence that is too little
        for scenario in made:
            scenario["adjusted_rating"] = None
    return made


def _combinations(findings: Sequence[Finding]) -> Iterator[tuple[str, ...]]:
    switches = _switches(findings)
    for count in range(len(switches) + 1):
        yield from combinations(switches, count)


def _switches(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Checks whose signs count for the share or weigh in the adjusted rating."""
    confirmed = gather(findings).confirmed
    return tuple(
        finding.name
        for finding in findings
        if not finding.context
        and (
            any(sign.strength != "weak" or sign.kind == "incentivised" for sign in finding.signs)
            or (finding.name == MODEL and confirmed)
        )
    )[:MOST_SWITCHES]


def _without(findings: Sequence[Finding], left_out: tuple[str, ...]) -> list[Finding]:
    return [replace(f, outcome="clear", signs=(), windows=()) if f.name in left_out else f for f in findings]


def _scenario(reviews: Sequence[Review], left_out: tuple[str, ...], judged: Judged) -> Scenario:
    evidence, verdict = judged
    share, rating = verdict.share, weighted_rating(reviews, evidence)
    return {
        "left_out": list(left_out),
        "grade": verdict.grade,
        "fake_percentage": round(share.middle, 4) if share else None,
        "fake_percentage_low": round(share.low, 4) if share else None,
        "fake_percentage_high": round(share.high, 4) if share else None,
        "adjusted_rating": None if rating is None else round(rating, 4),
    }
