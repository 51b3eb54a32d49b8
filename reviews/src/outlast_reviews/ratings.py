"""Mean ratings, plain and weighted by the evidence (pure)."""

import hashlib
import math
import random
from collections import Counter
from collections.abc import Sequence

from outlast_reviews.review import Review
from outlast_reviews.verdict import Evidence, Interval

STRONG_WEIGHT, MEDIUM_WEIGHT, INCENTIVISED_WEIGHT = 0.0, 0.5, 0.5
"""Weight of a review's rating by its gravest sign; 1 with weak signs or none."""
_RESAMPLES = 2_000


def weight(row: int, evidence: Evidence) -> float:
    if row in evidence.strong:
        return STRONG_WEIGHT
    if row in evidence.medium:
        return MEDIUM_WEIGHT
    return INCENTIVISED_WEIGHT if row in evidence.incentivised else 1.0


def mean_rating(reviews: Sequence[Review]) -> float | None:
    ratings = [review.rating for review in reviews if review.rating is not None]
    return math.fsum(ratings) / len(ratings) if ratings else None


def weighted_rating(reviews: Sequence[Review], evidence: Evidence) -> float | None:
    """The mean weighted by the evidence; `None` without weight to go by."""
    cells = _cells(reviews, evidence)
    return _weighted_mean(cells) if cells else None


def adjusted_rating(reviews: Sequence[Review], evidence: Evidence) -> Interval | None:
    """The mean weighted by the evidence, with a 95% bootstrap interval; `None` without weight to go by.

    Reviews of equal stars and weight are interchangeable, so the Bayesian bootstrap draws one gamma
    variable for each kind instead of one for each review: exact, and as quick for a million.
    """
    cells = _cells(reviews, evidence)
    if not cells:
        return None
    middle = _weighted_mean(cells)
    rng = random.Random(hashlib.sha256(repr(cells).encode()).digest())  # noqa: S311  # no secret
    means = sorted(
        _weighted_mean([(rating, w, rng.gammavariate(count, 1.0)) for rating, w, count in cells])
        for _ in range(_RESAMPLES)
    )
    low, high = means[_RESAMPLES * 25 // 1000], means[-1 - _RESAMPLES * 25 // 1000]
    lowest, highest = cells[0][0], cells[-1][0]
    return Interval(max(lowest, min(low, middle)), middle, min(highest, max(high, middle)))


def changed(original: float | None, adjusted: Interval | None) -> bool:
    """Whether the difference is more than chance: the interval leaves the original average out."""
    if original is None or adjusted is None:
        return False
    return not adjusted.low - 1e-9 <= original <= adjusted.high + 1e-9


def star_counts(reviews: Sequence[Review], evidence: Evidence) -> list[tuple[int, int, float, int]]:
    """For 5 to 1 stars: how many reviews, their weight after the evidence, and how many of them incentivised.

    Halves round up.
    """
    counts, weights, rewarded = Counter[int](), dict.fromkeys(range(1, 6), 0.0), Counter[int]()
    for review in reviews:
        if review.rating is not None:
            stars = min(5, max(1, math.floor(review.rating + 0.5)))
            counts[stars] += 1
            weights[stars] += weight(review.row, evidence)
            rewarded[stars] += review.row in evidence.incentivised
    return [(stars, counts[stars], weights[stars], rewarded[stars]) for stars in (5, 4, 3, 2, 1)]


def _cells(reviews: Sequence[Review], evidence: Evidence) -> list[tuple[float, float, float]]:
    """Rating, weight and number of reviews of each kind that has weight."""
    kinds = Counter((r.rating, weight(r.row, evidence)) for r in reviews if r.rating is not None)
    return sorted((rating, w, float(count)) for (rating, w), count in kinds.items() if w > 0)


def _weighted_mean(cells: Sequence[tuple[float, float, float]]) -> float:
    return math.fsum(r * w * n for r, w, n in cells) / math.fsum(w * n for _, w, n in cells)
