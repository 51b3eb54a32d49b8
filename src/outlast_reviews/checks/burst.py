"""Days with far more reviews than their surroundings and far more five-star ones among them (pure)."""

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from outlast_reviews import spoken
from outlast_reviews.checks.chance import fisher_tail, poisson_tail
from outlast_reviews.checks.finding import Advance, Finding, Sign, Window
from outlast_reviews.review import Review

NAME, TITLE = "burst", "Sudden bursts of five-star reviews"
LEAST_REVIEWS = 20
LEAST_DAYS = 21
"""From first to last review: a shorter time has no surroundings to compare with."""
CHANCE = 0.01
_LENGTHS = (1, 2, 3, 4, 5, 7, 10, 14)
"""Days of a window."""
_LEAST_IN_WINDOW = 8
_SURROUNDINGS = 28
"""Days before and after a window that say how much is usual, unless the whole time says more."""
_LEAST_FACTOR = 2
"""Times the expected number; a smaller excess is significant among thousands of reviews and means nothing."""


@dataclass(frozen=True, slots=True)
class _Crowd:
    """A window that holds more reviews than chance and its surroundings explain."""

    chance: float
    """After every window that was tried."""
    start: int
    end: int
    """Ordinals of the first and the last day."""


def burst(reviews: Sequence[Review], _advance: Advance, /) -> Finding:
    """Crowded windows, chosen by volume alone, in which five stars are then significantly more frequent.

    Volume alone is no sign: a launch or a holiday crowds reviews too, but with the usual stars.
    """
    dated = sorted((r.date, r.rating, r.row) for r in reviews if r.date and r.rating is not None)
    days = (dated[-1][0] - dated[0][0]).days + 1 if dated else 0
    if len(dated) < LEAST_REVIEWS or days < LEAST_DAYS:
        return Finding(NAME, TITLE, "not_assessed", _why_not(len(dated), days))
    crowds = _crowds([day.toordinal() for day, _, _ in dated])
    windows: list[Window] = []
    signs: list[Sign] = []
    for crowd in crowds:
        inside = [(rating, row) for day, rating, row in dated if crowd.start <= day.toordinal() <= crowd.end]
        outside = [rating for day, rating, _ in dated if not crowd.start <= day.toordinal() <= crowd.end]
        five = sorted(row for rating, row in inside if rating >= 5)
        usual = sum(rating >= 5 for rating in outside)
        # Every crowded window is one more chance to be wrong, so they share the limit.
        if fisher_tail(len(five), len(inside), usual, len(outside)) * len(crowds) < CHANCE:
            windows.append(Window(_day(crowd.start), _day(crowd.end), len(inside)))
            sentence = (
                f"Five stars in a burst: {_share(len(five), len(inside))} of the {len(inside):,} reviews"
                f" {_when(crowd)} give five stars, {_share(usual, len(outside))} at other times."
            )
            signs += [Sign(row, "medium", sentence) for row in five]
    if not windows:
        crowded = f" {_days_had(len(crowds))} many reviews, with the usual stars." if crowds else ""
        sentence = f"In {days:,} days there is no rush of reviews with more five stars than usual.{crowded}"
        return Finding(NAME, TITLE, "clear", sentence)
    when = " and ".join(_when(crowd) for crowd in crowds if _day(crowd.start) in {w.start for w in windows})
    sentence = f"Many more reviews than usual, and far more of them with five stars, came {when}."
    return Finding(NAME, TITLE, "found", sentence, tuple(signs), tuple(windows))


def _why_not(dated: int, days: int) -> str:
    if dated < LEAST_REVIEWS:
        return f"Only {dated} reviews have a date and stars; it takes {LEAST_REVIEWS}." if dated else "No dates."
    return f"All reviews fall within {days} days; it takes {LEAST_DAYS} to know what is usual."


def _crowds(days: Sequence[int]) -> list[_Crowd]:
    """Windows too full for chance, in order of time; of overlapping ones the least likely."""
    chosen: list[_Crowd] = []
    for crowd in sorted(_crowded(days), key=lambda c: (c.chance, c.start, c.end)):
        if all(crowd.end < other.start or other.end < crowd.start for other in chosen):
            chosen.append(crowd)
    return sorted(chosen, key=lambda c: c.start)


def _crowded(days: Sequence[int]) -> Iterator[_Crowd]:
    first, last = days[0], days[-1]
    span = last - first + 1

    def within(start: int, end: int) -> int:
        return bisect_right(days, end) - bisect_left(days, start)

    for start in sorted(set(days)):
        for length in _LENGTHS:
            end = start + length - 1
            count = within(start, end)
            if count < _LEAST_IN_WINDOW or end > last or 3 * length > span:
                continue
            before, after = max(first, start - _SURROUNDINGS), min(last, end + _SURROUNDINGS)
            around = (within(before, after) - count) / max(1, after - before + 1 - length)
            overall = (len(days) - count) / (span - length)
            expected = length * max(around, overall, 1 / span)
            if count < _LEAST_FACTOR * expected:
                continue
            chance = poisson_tail(count, expected) * span * len(_LENGTHS)
            if chance < CHANCE:
                yield _Crowd(chance, start, end)


def _day(ordinal: int) -> dt.date:
    return dt.date.fromordinal(ordinal)


def _when(crowd: _Crowd) -> str:
    return spoken.days(_day(crowd.start), _day(crowd.end))


def _days_had(windows: int) -> str:
    return "One stretch of days has" if windows == 1 else f"{windows} stretches of days have"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "none"
