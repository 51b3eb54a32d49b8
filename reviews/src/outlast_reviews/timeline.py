"""Counts reviews over time, by week, month, quarter or year (pure)."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from outlast_reviews.checks.finding import Window
from outlast_reviews.review import Review

Unit = Literal["week", "month", "quarter", "year"]
_MOST_POINTS = 160
_STEPS: tuple[tuple[Unit, int], ...] = (("week", 7), ("month", 30), ("quarter", 91))


@dataclass(frozen=True, slots=True)
class Point:
    """One step of the timeline; empty steps are there too."""

    start: dt.date
    end: dt.date
    """Included."""
    count: int
    five_star: int
    suspicious: int
    in_burst: bool


def timeline(
    reviews: Sequence[Review], suspicious: frozenset[int], windows: Sequence[Window]
) -> tuple[Unit, tuple[Point, ...]]:
    """In weeks from Monday where that makes at most 160 of them, else in months, quarters or years.

    Of more than 160 years, which only a source with wrong dates can span, the latest.
    """
    dated = [(review.date, review) for review in reviews if review.date]
    if not dated:
        return "week", ()
    first, last = min(day for day, _ in dated), max(day for day, _ in dated)
    unit = _unit(first, last)
    if unit == "week" and any(review.approximate for _, review in dated):
        unit = "month"
    by_start: dict[dt.date, list[Review]] = {}
    for day, review in dated:
        by_start.setdefault(_start(unit, day), []).append(review)
    points: list[Point] = []
    start = _start(unit, first)
    while start <= last:
        after = _next(unit, start)
        end = dt.date.fromordinal(after.toordinal() - 1)
        in_step = by_start.get(start, [])
        points.append(
            Point(
                start=start,
                end=end,
                count=len(in_step),
                five_star=sum(r.rating is not None and r.rating >= 5 for r in in_step),
                suspicious=sum(r.row in suspicious for r in in_step),
                in_burst=any(w.start <= end and start <= w.end for w in windows),
            )
        )
        if after <= start:  # the calendar ends
            break
        start = after
    return unit, tuple(points[-_MOST_POINTS:])


def _unit(first: dt.date, last: dt.date) -> Unit:
    days = (last - first).days
    for unit, length in _STEPS:
        if days / length < _MOST_POINTS - 2:
            return unit
    return "year"


def _start(unit: Unit, day: dt.date) -> dt.date:
    match unit:
        case "week":
            return dt.date.fromordinal(max(1, day.toordinal() - day.weekday()))
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(month=day.month - (day.month - 1) % 3, day=1)
        case "year":
            return day.replace(month=1, day=1)


def _next(unit: Unit, start: dt.date) -> dt.date:
    """The start of the following step; `date.max` ends the calendar."""
    if unit == "week":
        return dt.date.fromordinal(min(dt.date.max.toordinal(), start.toordinal() + 7))
    months = {"month": 1, "quarter": 3, "year": 12}[unit]
    month = start.month - 1 + months
    year = start.year + month // 12
    return dt.date(year, month % 12 + 1, 1) if year <= dt.MAXYEAR else dt.date.max
