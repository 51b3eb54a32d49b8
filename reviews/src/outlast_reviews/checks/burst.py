"""Check for bursts: days with far more reviews, and far more five-star ones, than usual (pure)."""

import datetime as dt
from collections.abc import Sequence
from itertools import accumulate

from outlast_reviews import formatting
from outlast_reviews.checks.chance import fisher_tail
from outlast_reviews.checks.crowds import Crowd, crowds, non_overlapping
from outlast_reviews.checks.finding import Advance, Finding, Sign, Window
from outlast_reviews.checks.multiplicity import independent_tests
from outlast_reviews.review import Review

NAME, TITLE = "burst", "Sudden bursts of five-star reviews"
LEAST_REVIEWS = 20
LEAST_DAYS = 21
"""From first to last review: a shorter time has no surroundings to compare with."""
CHANCE = 0.01
"""Significance level for a product as a whole, after correction for all crowds."""


def burst(reviews: Sequence[Review], advance: Advance, /) -> Finding:
    """Crowded days, found by volume alone, on which five stars are significantly more frequent.

    Volume alone is no sign: a launch or a holiday crowds reviews too, but with the usual stars.
    """
    dated = sorted((r.date, r.rating, r.row) for r in reviews if r.date and r.rating is not None)
    days = (dated[-1][0] - dated[0][0]).days + 1 if dated else 0
    if len(dated) < LEAST_REVIEWS or days < LEAST_DAYS:
        return Finding(NAME, TITLE, "not_assessed", _why_not(len(dated), days))
    crowded = crowds([day.toordinal() for day, _, _ in dated], advance)
    fives = list(accumulate((rating >= 5 for _, rating, _ in dated), initial=0))
    bursts = non_overlapping(_shifted(crowded, fives))
    if not bursts:
        many = len(non_overlapping(crowded))
        also = f" {_days_had(many)} many reviews, with the usual stars." if many else ""
        sentence = f"In {days:,} days there is no rush of reviews with more five stars than usual.{also}"
        return Finding(NAME, TITLE, "clear", sentence)
    signs: list[Sign] = []
    for crowd in bursts:
        inside, five = crowd.after - crowd.first, fives[crowd.after] - fives[crowd.first]
        sentence = (
            f"Five stars in a burst: {_share(five, inside)} of the {inside:,} reviews {_when(crowd)} give five"
            f" stars, {_share(fives[-1] - five, len(dated) - inside)} at other times."
        )
        rows = sorted(row for _, rating, row in dated[crowd.first : crowd.after] if rating >= 5)
        signs += [Sign(row, "medium", sentence) for row in rows]
    when = " and ".join(map(_when, bursts))
    sentence = f"Many more reviews than usual, and far more of them with five stars, came {when}."
    windows = tuple(Window(_day(c.start), _day(c.end), c.after - c.first) for c in bursts)
    return Finding(NAME, TITLE, "found", sentence, tuple(signs), windows)


def _shifted(crowded: Sequence[Crowd], fives: Sequence[int]) -> list[Crowd]:
    """Keep the crowds with significantly more five stars, in their order. `fives` is a cumulative count."""
    total = len(fives) - 1
    tests = independent_tests([(c.first, c.after) for c in crowded], total)

    def chance(crowd: Crowd) -> float:
        inside, five = crowd.after - crowd.first, fives[crowd.after] - fives[crowd.first]
        return fisher_tail(five, inside, fives[-1] - five, total - inside)

    return [crowd for crowd in crowded if chance(crowd) * tests < CHANCE]


def _why_not(dated: int, days: int) -> str:
    if dated < LEAST_REVIEWS:
        return f"Only {dated} reviews have a date and stars; it takes {LEAST_REVIEWS}." if dated else "No dates."
    return f"All reviews fall within {days} days; it takes {LEAST_DAYS} to know what is usual."


def _day(ordinal: int) -> dt.date:
    return dt.date.fromordinal(ordinal)


def _when(crowd: Crowd) -> str:
    return formatting.days(_day(crowd.start), _day(crowd.end))


def _days_had(stretches: int) -> str:
    return "One stretch of days has" if stretches == 1 else f"{stretches} stretches of days have"


def _share(part: int, whole: int) -> str:
    return formatting.percent(100 * part / whole) if whole else "none"
