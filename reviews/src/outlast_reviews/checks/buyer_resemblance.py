"""Check for resemblance to products that bought reviews, by ratings over time; context only (pure).

He, Hollenbeck, Overgoor, Proserpio and Tosyali (PNAS 2022) watched 1,472 of 3,408 products buy reviews. Their
ratings and dates told buyers from others with AUC .86, but the product's age alone did with .83. Age is no
evidence of anything, so only what is left beside it is used: with independent normal scores the two figures
leave a difference of 0.72 deviations between buyers and others (AUC .69).
"""

import datetime as dt
import math
from bisect import bisect_right
from collections.abc import Sequence

from outlast import message
from outlast_reviews import formatting
from outlast_reviews.checks.finding import Advance, Finding
from outlast_reviews.review import Review

NAME, TITLE = "buyers", message("Looks like products that bought reviews")
LEAST_REVIEWS = 100
LEAST_DAYS = 365
"""From first to last review. A younger product resembles a buyer by its youth, and a launch is no offence."""
BUSIEST_DAYS = 28
LEAST_INSIDE = 10
SEPARATION = math.sqrt(2) * math.sqrt(1.0803**2 - 0.9542**2)
"""Deviations between buyers and others: from the normal quantiles of the AUCs .86 and .83."""
PRIOR = 0.05
"""Share of products assumed to buy reviews. Nobody knows it; in the study it was 43%, by its making."""
MOST_DEVIATIONS = 2.0
RAISED = 3.0
"""Likelihood ratio from which the resemblance is reported."""


def buyer_resemblance(reviews: Sequence[Review], _advance: Advance, /) -> Finding:
    """Whether the busiest four weeks bring better stars than the rest, as a bought campaign does."""
    dated = sorted(
        (r.date.toordinal(), r.rating) for r in reviews if r.date and r.rating is not None and not r.approximate
    )
    days = dated[-1][0] - dated[0][0] + 1 if dated else 0
    if len(dated) < LEAST_REVIEWS or days < LEAST_DAYS:
        why = message("Needs {least} dated reviews with stars over a year.", least=LEAST_REVIEWS)
        return Finding(NAME, TITLE, "not_assessed", why, context=True)
    first, after = _busiest([day for day, _ in dated])
    inside = [stars for _, stars in dated[first:after]]
    outside = [stars for _, stars in [*dated[:first], *dated[after:]]]
    if len(inside) < LEAST_INSIDE or len(outside) < LEAST_INSIDE:
        why = message("Nearly all reviews came within four weeks.")
        return Finding(NAME, TITLE, "not_assessed", why, context=True)
    rise, score = _rise(inside, outside)
    ratio = likelihood_ratio(score)
    share = PRIOR * ratio / (1 - PRIOR + PRIOR * ratio)
    start = dt.date.fromordinal(dated[first][0])
    end = dt.date.fromordinal(dated[after - 1][0])
    means = message(
        "If {prior:.0f}% of products buy reviews, {share} of those with this pattern do.",
        prior=100 * PRIOR,
        share=formatting.percent(100 * share),
    )
    context = message("This is for context and doesn't affect the grade.")
    sentence = f"{_change(formatting.days(start, end), rise)} {means} {context}"
    return Finding(NAME, TITLE, "found" if ratio >= RAISED else "clear", sentence, context=True)


def _change(when: str, rise: float) -> str:
    if abs(rise) < 0.005:
        return message("The busiest four weeks, {when}, gave the same stars as other times.", when=when)
    if rise > 0:
        return message(
            "The busiest four weeks, {when}, gave {stars:.2f} stars more than other times.", when=when, stars=rise
        )
    return message(
        "The busiest four weeks, {when}, gave {stars:.2f} stars less than other times.", when=when, stars=-rise
    )


def likelihood_ratio(score: float) -> float:
    """How much likelier a buyer's product is to show this score than another's; bounded both ways."""
    bounded = max(-MOST_DEVIATIONS, min(MOST_DEVIATIONS, score))
    return math.exp(SEPARATION * bounded - SEPARATION**2 / 2)


def _busiest(days: Sequence[int]) -> tuple[int, int]:
    """The first of the fullest stretches of four weeks, as a slice."""
    slices = ((n, bisect_right(days, day + BUSIEST_DAYS - 1)) for n, day in enumerate(days))
    return max(slices, key=lambda found: (found[1] - found[0], -found[0]))


def _rise(inside: Sequence[float], outside: Sequence[float]) -> tuple[float, float]:
    """By how many stars the inside is better, and the same in its standard errors (Welch)."""
    rise = math.fsum(inside) / len(inside) - math.fsum(outside) / len(outside)
    error = math.sqrt(_variance(inside) / len(inside) + _variance(outside) / len(outside))
    return rise, rise / error if error else 0.0


def _variance(values: Sequence[float]) -> float:
    middle = math.fsum(values) / len(values)
    return math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1)
