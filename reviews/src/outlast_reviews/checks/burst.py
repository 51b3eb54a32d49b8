"""Check for bursts: days with far more reviews, and far more five-star ones, than usual (pure)."""

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from outlast import message, plural
from outlast_reviews import formatting
from outlast_reviews.checks.finding import Advance, Finding, Sign, Window, too_few
from outlast_reviews.checks.significance import fisher_tail, independent_tests, poisson_tail
from outlast_reviews.progress import counted_progress
from outlast_reviews.review import Review

NAME, TITLE = "burst", message("Bursts of five-star reviews")
LEAST_REVIEWS = 20
LEAST_DAYS = 21
"""From first to last review: a shorter time has no surroundings to compare with."""
CHANCE = 0.01
"""Significance level for a product as a whole, after correction for all spikes."""

SPIKE_CHANCE = 0.05
"""Significance level after correction for all runs tried. A spike is a candidate; its stars decide."""
_LENGTHS = (1, 2, 3, 4, 5, 7, 10, 14)
"""Lengths of the runs that are tried, in days."""
_LEAST_IN_SPIKE = 8
_SURROUNDINGS = 28
"""Days before and after a run that give the baseline."""
_OVERALL = 0.5
"""Minimum baseline as a share of the overall average; otherwise quiet periods make any review a spike."""
_LEAST_FACTOR = 2
"""Times the expected number; a smaller excess is significant among thousands of reviews and means nothing."""
LEAST_DIFFERENCE = 0.1
"""In the share of five stars. Among thousands of reviews a smaller one is significant and means nothing."""
MOST_LOWER = 0.5
"""Share of reviews with fewer than five stars, as a part of that at other times. At least half of a spike is
surplus: if all of that gives five stars, the share of the others halves, whatever it usually is.
"""
EXTREME_FACTOR = 10
"""Times the expected number of a rush that is extreme in itself."""
LEAST_OF_ALL = 0.05
"""Share of all reviews that the surplus of an extreme rush must be to matter."""
MOST_LOWER_OF_EXTREME = 0.25
"""As `MOST_LOWER`, of an extreme rush. Where nine of ten give five stars anyway, no rush can raise their share by
ten points, but one of ten times the usual number has hardly any lower ratings left if it was bought.
"""
MOST_INSIDE = 0.5
"""Share of all reviews in a spike: what holds more is itself what is usual."""
_MOST_SPIKES = 200
_APPROXIMATE = message("We only know the month of these reviews, and a burst is a matter of days.")


@dataclass(frozen=True, slots=True)
class Spike:
    """A stretch of days with too many reviews."""

    chance: float
    """After every stretch that was tried."""
    start: int
    end: int
    """Ordinals of the first and the last day."""
    first: int
    after: int
    """Its reviews, as a slice of the days."""
    expected: float = 0
    """The usual number of reviews in as many days."""


def find_spikes(days: Sequence[int], advance: Advance) -> list[Spike]:
    """The least likely first, at most 200; they may overlap. `days` are ordinals in ascending order.

    What is usual comes from the weeks around a stretch, so that a season or a launch is no spike among
    its own days; of stretches with the same reviews the shortest stands for all.
    """
    first, last = days[0], days[-1]
    span = last - first + 1
    found: dict[tuple[int, int], Spike] = {}
    starts = sorted(set(days))
    for start in counted_progress(starts, advance):
        for length in _LENGTHS:
            end = start + length - 1
            if end > last or 3 * length > span:
                break
            inside = slice(bisect_left(days, start), bisect_right(days, end))
            count = inside.stop - inside.start
            if count < _LEAST_IN_SPIKE or (inside.start, inside.stop) in found:
                continue
            expected = length * _usual(days, start, end, count, span)
            if count < _LEAST_FACTOR * expected:
                continue
            chance = poisson_tail(count, expected) * span * len(_LENGTHS)
            if chance < SPIKE_CHANCE:
                found[inside.start, inside.stop] = Spike(chance, start, end, inside.start, inside.stop, expected)
    return sorted(found.values(), key=lambda c: (c.chance, c.start, c.end))[:_MOST_SPIKES]


def non_overlapping(ordered: Sequence[Spike]) -> list[Spike]:
    """Keep the first of overlapping spikes, and sort by time."""
    chosen: list[Spike] = []
    for spike in ordered:
        if all(spike.end < other.start or other.end < spike.start for other in chosen):
            chosen.append(spike)
    return sorted(chosen, key=lambda c: c.start)


def _usual(days: Sequence[int], start: int, end: int, count: int, span: int) -> float:
    length = end - start + 1
    before, after = max(days[0], start - _SURROUNDINGS), min(days[-1], end + _SURROUNDINGS)
    around = bisect_right(days, after) - bisect_left(days, before) - count
    overall = (len(days) - count) / (span - length)
    return max(around / max(1, after - before + 1 - length), _OVERALL * overall, 1 / span)


def burst(reviews: Sequence[Review], advance: Advance, /) -> Finding:
    """Spikes, found by volume alone, in which five stars are significantly more frequent.

    Volume alone is no sign: a launch or a holiday brings spikes too, without clearly more five stars.
    """
    known = [r for r in reviews if r.date and r.rating is not None]
    dated = sorted(
        (r.date, r.rating, r.row) for r in known if r.date and r.rating is not None and not r.approximate
    )
    days = (dated[-1][0] - dated[0][0]).days + 1 if dated else 0
    if len(dated) < LEAST_REVIEWS or days < LEAST_DAYS:
        why = (
            _APPROXIMATE
            if len(known) >= LEAST_REVIEWS > len(dated)
            else _why_not(len(dated), days, dates=any(r.date for r in reviews))
        )
        return Finding(NAME, TITLE, "not_assessed", why)
    spikes = find_spikes([day.toordinal() for day, _, _ in dated], advance)
    fives = list(accumulate((rating >= 5 for _, rating, _ in dated), initial=0))
    bursts = non_overlapping(_shifted(spikes, fives))
    if any(spike.after - spike.first > MOST_INSIDE * len(dated) for spike in spikes):
        why = message(
            "Most of the reviews came within a few days, so there is nothing usual to compare them with."
        )
        return Finding(NAME, TITLE, "not_assessed", why)
    if not bursts:
        return Finding(NAME, TITLE, "clear", _nothing_found(days, len(non_overlapping(spikes))))
    signs: list[Sign] = []
    for spike in bursts:
        inside, five = spike.after - spike.first, fives[spike.after] - fives[spike.first]
        sentence = message(
            "{share} of the {reviews:,} reviews {when} give five stars, against {usual} at other times.",
            share=_share(five, inside),
            reviews=inside,
            when=_when(spike),
            usual=_share(fives[-1] - five, len(dated) - inside),
        )
        rows = sorted(row for _, rating, row in dated[spike.first : spike.after] if rating >= 5)
        signs += [Sign(row, "medium", sentence) for row in rows]
    inside = sum(spike.after - spike.first for spike in bursts)
    five = sum(fives[spike.after] - fives[spike.first] for spike in bursts)
    sentence = _came(bursts, _share(five, inside), _share(fives[-1] - five, len(dated) - inside))
    windows = tuple(Window(_day(c.start), _day(c.end), c.after - c.first) for c in bursts)
    return Finding(NAME, TITLE, "found", sentence, tuple(signs), windows)


def _came(bursts: Sequence[Spike], share: str, usual: str) -> str:
    if len(bursts) == 1:
        return message(
            "Many more reviews than usual came {when}, and {share} of them give five stars, {usual} at other"
            " times.",
            when=_when(bursts[0]),
            share=share,
            usual=usual,
        )
    if len(bursts) == 2:
        return message(
            "Many more reviews than usual came {first} and {last}, and {share} of them give five stars, {usual} at"
            " other times.",
            first=_when(bursts[0]),
            last=_when(bursts[1]),
            share=share,
            usual=usual,
        )
    return message(
        "Many more reviews than usual came in {bursts} stretches of days, the first {first} and the last {last}."
        " {share} of them give five stars, {usual} at other times.",
        bursts=len(bursts),
        first=_when(bursts[0]),
        last=_when(bursts[-1]),
        share=share,
        usual=usual,
    )


def _shifted(spikes: Sequence[Spike], fives: Sequence[int]) -> list[Spike]:
    """Keep the spikes with more five stars, significantly and by enough, in their order; `fives` is cumulative."""
    total = len(fives) - 1
    tests = independent_tests([(c.first, c.after) for c in spikes], total)

    def chance(spike: Spike) -> float:
        inside, five = spike.after - spike.first, fives[spike.after] - fives[spike.first]
        return fisher_tail(five, inside, fives[-1] - five, total - inside)

    def differs(spike: Spike) -> bool:
        inside, five = spike.after - spike.first, fives[spike.after] - fives[spike.first]
        outside = total - inside
        if not outside:
            return False
        lower, lower_usually = 1 - five / inside, 1 - (fives[-1] - five) / outside
        is_extreme = inside >= EXTREME_FACTOR * spike.expected and inside - spike.expected >= LEAST_OF_ALL * total
        if lower_usually - lower >= LEAST_DIFFERENCE:
            return lower <= MOST_LOWER * lower_usually
        return is_extreme and lower <= MOST_LOWER_OF_EXTREME * lower_usually

    return [spike for spike in spikes if differs(spike) and chance(spike) * tests < CHANCE]


def _nothing_found(days: int, stretches: int) -> str:
    found = message("No suspicious rush of five-star reviews in {days:,} days.", days=days)
    if not stretches:
        return found
    also = plural(
        "One stretch of days had many reviews, but not with clearly more five stars.",
        "{n} stretches of days had many reviews, but not with clearly more five stars.",
        stretches,
    )
    return f"{found} {also}"


def _why_not(dated: int, days: int, *, dates: bool) -> str:
    if not dates:
        return message("We don't know when these reviews were written.")
    if not dated:
        return message("None of these reviews has both a date and stars.")
    if dated < LEAST_REVIEWS:
        return too_few(dated, message("a date and stars"), LEAST_REVIEWS)
    return plural(
        "All reviews fall within {n:,} day; we need {least} to know what is usual.",
        "All reviews fall within {n:,} days; we need {least} to know what is usual.",
        days,
        least=LEAST_DAYS,
    )


def _day(ordinal: int) -> dt.date:
    return dt.date.fromordinal(ordinal)


def _when(spike: Spike) -> str:
    return formatting.days(_day(spike.start), _day(spike.end))


def _share(part: int, whole: int) -> str:
    return formatting.percent(100 * part / whole)
