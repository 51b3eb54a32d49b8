"""Finds crowds: runs of days with more reviews than their surroundings and chance explain (pure)."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from outlast_reviews.checks.chance import poisson_tail
from outlast_reviews.checks.finding import Advance

CHANCE = 0.05
"""Significance level after correction for all runs tried. A crowd is a candidate; its stars decide."""
_LENGTHS = (1, 2, 3, 4, 5, 7, 10, 14)
"""Lengths of the runs that are tried, in days."""
_LEAST_IN_CROWD = 8
_SURROUNDINGS = 28
"""Days before and after a run that give the baseline."""
_OVERALL = 0.5
"""Minimum baseline as a share of the overall average; otherwise quiet periods make any review a crowd."""
_LEAST_FACTOR = 2
"""Times the expected number; a smaller excess is significant among thousands of reviews and means nothing."""
_MOST_CROWDS = 200


@dataclass(frozen=True, slots=True)
class Crowd:
    """A stretch of days with too many reviews."""

    chance: float
    """After every stretch that was tried."""
    start: int
    end: int
    """Ordinals of the first and the last day."""
    first: int
    after: int
    """Its reviews, as a slice of the days."""


def crowds(days: Sequence[int], advance: Advance) -> list[Crowd]:
    """The least likely first, at most 200; they may overlap. `days` are ordinals in ascending order.

    What is usual comes from the weeks around a stretch, so that a season or a launch is no crowd among
    its own days; of stretches with the same reviews the shortest stands for all.
    """
    first, last = days[0], days[-1]
    span = last - first + 1
    found: dict[tuple[int, int], Crowd] = {}
    starts = sorted(set(days))
    for n, start in enumerate(starts):
        if n % 256 == 0:
            advance(n / len(starts))
        for length in _LENGTHS:
            end = start + length - 1
            if end > last or 3 * length > span:
                break
            inside = slice(bisect_left(days, start), bisect_right(days, end))
            count = inside.stop - inside.start
            if count < _LEAST_IN_CROWD or (inside.start, inside.stop) in found:
                continue
            expected = length * _usual(days, start, end, count, span)
            if count < _LEAST_FACTOR * expected:
                continue
            chance = poisson_tail(count, expected) * span * len(_LENGTHS)
            if chance < CHANCE:
                found[inside.start, inside.stop] = Crowd(chance, start, end, inside.start, inside.stop)
    return sorted(found.values(), key=lambda c: (c.chance, c.start, c.end))[:_MOST_CROWDS]


def non_overlapping(ordered: Sequence[Crowd]) -> list[Crowd]:
    """Keep the first of overlapping crowds, and sort by time."""
    chosen: list[Crowd] = []
    for crowd in ordered:
        if all(crowd.end < other.start or other.end < crowd.start for other in chosen):
            chosen.append(crowd)
    return sorted(chosen, key=lambda c: c.start)


def _usual(days: Sequence[int], start: int, end: int, count: int, span: int) -> float:
    length = end - start + 1
    before, after = max(days[0], start - _SURROUNDINGS), min(days[-1], end + _SURROUNDINGS)
    around = bisect_right(days, after) - bisect_left(days, before) - count
    overall = (len(days) - count) / (span - length)
    return max(around / max(1, after - before + 1 - length), _OVERALL * overall, 1 / span)
