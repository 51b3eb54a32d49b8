"""Accuracy figures with confidence intervals (pure)."""

import math
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from outlast_reviews.verdict import wilson

_RESAMPLES = 1_000
_MOST_CELLS = 400_000
"""Resampled values in all; large tables of different scores are resampled less often."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A share between 0 and 1 with its 95% interval; all `None` where nothing could be counted."""

    value: float | None
    low: float | None
    high: float | None
    of: int
    """How many things it was counted on."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Observed share among items with similar predicted probabilities."""

    predicted: float
    """Mean of the probabilities given."""
    observed: Figure


NOTHING = Figure(None, None, None, 0)


def share(part: int, whole: int) -> Figure:
    """With a Wilson interval."""
    if not whole:
        return NOTHING
    low, high = wilson(part, whole)
    return Figure(part / whole, low, high, whole)


def auc(scores: Sequence[float], labels: Sequence[bool]) -> Figure:
    """How often a labelled thing scores above another, ties half; with a bootstrap interval.

    The Bayesian bootstrap, seeded: things of one score and label are interchangeable, so each such cell draws
    one gamma variable for all of them.
    """
    cells = sorted(Counter(zip(scores, labels, strict=True)).items())
    counted = [(score, label, float(count)) for (score, label), count in cells]
    value = _auc(counted)
    if value is None:
        return NOTHING
    rng = random.Random(0)  # noqa: S311 - no secret, and always the same
    draws = max(100, min(_RESAMPLES, _MOST_CELLS // len(counted)))
    drawn = sorted(
        _auc([(score, label, rng.gammavariate(count, 1.0)) for score, label, count in counted]) or 0.0
        for _ in range(draws)
    )
    low, high = drawn[draws * 25 // 1000], drawn[-1 - draws * 25 // 1000]
    return Figure(value, min(low, value), max(high, value), len(labels))


def calibration(predicted: Sequence[float], labels: Sequence[bool], most_bins: int = 5) -> tuple[Bin, ...]:
    """Bins of about equal size, equal probabilities never apart, the lowest first."""
    pairs = sorted(zip(predicted, labels, strict=True))
    bins: list[list[tuple[float, bool]]] = [[]]
    for n, pair in enumerate(pairs):
        full = len(bins[-1]) * most_bins >= len(pairs)
        if full and n and pairs[n - 1][0] != pair[0]:
            bins.append([])
        bins[-1].append(pair)
    return tuple(
        Bin(math.fsum(p for p, _ in inside) / len(inside), share(sum(label for _, label in inside), len(inside)))
        for inside in bins
        if inside
    )


def _auc(cells: Iterable[tuple[float, bool, float]]) -> float | None:
    """Of cells in ascending order of score."""
    above = below = level_above = level_below = wins = 0.0
    level: float | None = None
    for score, label, weight in cells:
        if score != level:
            wins += level_above * (below + level_below / 2)
            above, below = above + level_above, below + level_below
            level, level_above, level_below = score, 0.0, 0.0
        if label:
            level_above += weight
        else:
            level_below += weight
    wins += level_above * (below + level_below / 2)
    above, below = above + level_above, below + level_below
    return wins / (above * below) if above and below else None
