"""Geometry of the timeline chart, in percent of width and pixels of height (pure)."""

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from outlast import message
from outlast_reviews import formatting

_LABEL, _DAY_LABEL = 18.0, 25.0
"""Percent of a telephone's width that "Sep 2025" and "21 Sep 2025" take."""
_THINNEST = 0.6
"""Percent of the width below which a band would not be seen."""
_YEAR_LABEL = 11.0
"""Percent that "2025" takes."""
_LETTER = 3.6
"""Percent of a telephone's width that a month's initial takes; a wide screen has room for three letters then."""
_LEAST_MONTHS = 3
_LEAST_TICK = 0.7
"""Percent of the width between ticks below which they would look like a wall."""
_MOST_LABELS = 3
"""Bursts that are labelled on the plot, one above the other."""
_LABEL_HEIGHT = 16
_GRID_STEPS = (1, 2, 5)
_MONTH_INTERVALS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1_200)


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle; x and width in percent, y and height in pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """One step of the timeline."""

    label: str
    count: int
    five_star: int
    suspicious: int
    in_burst: bool
    whole: Bar
    part: Bar
    """The suspicious part, at the foot."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Where a month, a year or a week begins."""

    x: float
    label: str
    """Empty where there is no room for one."""
    before: bool = False
    """The label stands before the tick, else after it."""


@dataclass(frozen=True, slots=True)
class Band:
    """The days of a burst, and its label above them."""

    bar: Bar
    count: int
    days: str
    labelled: bool
    label_y: int

    @property
    def anchor(self) -> tuple[float, str]:
        """Where the label is anchored, so that it stays inside the plot."""
        middle = self.bar.x + self.bar.width / 2
        if middle < 35:
            return self.bar.x, "start"
        return (round(self.bar.x + self.bar.width, 3), "end") if middle > 65 else (round(middle, 3), "middle")


@dataclass(frozen=True, slots=True)
class Month:
    """A month of a plot that has room for all of them."""

    start: float
    middle: float
    number: int
    """From 1."""
    name: str
    labelled: bool
    """Not where the plot cuts most of it off."""


@dataclass(frozen=True, slots=True)
class GridLine:
    y: float
    count: int


@dataclass(frozen=True, slots=True)
class TimelineChart:
    columns: tuple[Column, ...]
    bands: tuple[Band, ...]
    """As wide as the days of a burst."""
    lines: tuple[GridLine, ...]
    """Horizontal lines at round numbers, the highest first."""
    months: tuple[Month, ...]
    """All of them where there is room; else `ticks` has some of them."""
    small_ticks: tuple[float, ...]
    """Where months without a label begin."""
    ticks: tuple[Tick, ...]
    """The years where all months have names; else months, years or days."""
    most: int
    top: int
    foot: int
    height: int


@dataclass(frozen=True, slots=True)
class _Axis:
    """Where a day lies: steps are equally wide, though months are not equally long."""

    bounds: tuple[int, ...]
    """First days of the steps, and the day after the last, as ordinals."""

    @classmethod
    def of(cls, points: Sequence[Mapping[str, Any]]) -> "_Axis":
        return cls((*(_ordinal(point["from"]) for point in points), _ordinal(points[-1]["to"]) + 1))

    def at(self, ordinal: int) -> float:
        """Percent of the width; what lies outside is at the edge."""
        steps = len(self.bounds) - 1
        n = min(max(bisect_right(self.bounds, ordinal) - 1, 0), steps - 1)
        start, end = self.bounds[n : n + 2]
        share = min(max((ordinal - start) / (end - start), 0.0), 1.0)
        return 100 * (n + share) / steps


def timeline_chart(
    timeline: Mapping[str, Any], bursts: Sequence[Mapping[str, Any]] = (), *, height: int = 200
) -> TimelineChart | None:
    points: Sequence[Mapping[str, Any]] = timeline["points"]
    if not points:
        return None
    labels = min(len(bursts), _MOST_LABELS)
    most = max(point["count"] for point in points)
    step = 100 / len(points)
    gap = step * 0.16
    axis = _Axis.of(points)
    months = _months(axis)
    top, foot = 20 + labels * _LABEL_HEIGHT, height - (44 if months else 26)

    def bar(n: int, count: int) -> Bar:
        tall = round((foot - top) * count / most, 1) if most else 0.0
        return Bar(round(n * step + gap / 2, 3), round(foot - tall, 1), round(step - gap, 3), tall)

    columns = tuple(
        Column(
            label=_label(point, timeline["unit"]),
            count=point["count"],
            five_star=point["five_star"],
            suspicious=point["suspicious"],
            in_burst=point["in_burst"],
            whole=bar(n, point["count"]),
            part=bar(n, point["suspicious"]),
        )
        for n, point in enumerate(points)
    )
    lines = tuple(GridLine(bar(0, count).y, count) for count in _round_counts(most))
    ticks = _years(axis) if months else _ticks(axis)
    small = () if months else _small_ticks(axis, {tick.x for tick in ticks})
    return TimelineChart(
        columns, tuple(_bands(axis, bursts, foot)), lines, months, small, ticks, most, top, foot, height
    )


def _round_counts(most: int) -> tuple[int, ...]:
    """One to three round numbers up to `most`, the highest first."""
    step = 1
    while most // step > 3:
        power = 10 ** (len(str(step)) - 1)
        step = next((n * power for n in (*_GRID_STEPS, 10) if n * power > step), step * 10)
    return tuple(range(most // step * step, 0, -step))


def _months(axis: _Axis) -> tuple[Month, ...]:
    """Every month, if each has room for its initial and there are enough to make an axis."""
    first, end = axis.bounds[0], axis.bounds[-1]
    starts = list(_month_starts(first, end, 1))
    bounds = [first, *starts, end] if not starts or starts[0] > first else [*starts, end]
    if len(starts) < _LEAST_MONTHS or 100 / (len(bounds) - 1) < _LETTER:
        return ()
    places = [(axis.at(day), axis.at(after), day) for day, after in pairwise(bounds)]
    return tuple(
        Month(
            round(start, 2),
            round((start + stop) / 2, 2),
            dt.date.fromordinal(day).month,
            formatting.month(dt.date.fromordinal(day))[:3],
            stop - start >= _LETTER * 0.8,
        )
        for start, stop, day in places
    )


def _years(axis: _Axis) -> tuple[Tick, ...]:
    """The first year at the left edge, unless the second follows at once, and each further one where it begins."""
    january = [day for day in _month_starts(axis.bounds[0], axis.bounds[-1], 12) if axis.at(day) > 0]
    places = [(axis.at(day), str(dt.date.fromordinal(day).year)) for day in january]
    if not places or places[0][0] >= _YEAR_LABEL:
        places.insert(0, (0.0, str(dt.date.fromordinal(axis.bounds[0]).year)))
    return _labelled(places, _YEAR_LABEL)


def _small_ticks(axis: _Axis, taken: set[float]) -> tuple[float, ...]:
    days = list(_month_starts(axis.bounds[0], axis.bounds[-1], 1))
    if len(days) > 100 / _LEAST_TICK:
        return ()
    return tuple(x for day in days if (x := round(axis.at(day), 2)) not in taken)


def _bands(axis: _Axis, bursts: Sequence[Mapping[str, Any]], foot: int) -> Iterator[Band]:
    for n, burst in enumerate(bursts):
        first, after = _ordinal(burst["from"]), _ordinal(burst["to"]) + 1
        if after <= axis.bounds[0] or first >= axis.bounds[-1]:
            continue
        start, end = axis.at(first), axis.at(after)
        width = max(end - start, _THINNEST)
        start = min(max((start + end - width) / 2, 0.0), 100 - width)
        row = min(n, _MOST_LABELS - 1)
        top = 4 + (row + 1) * _LABEL_HEIGHT
        days = formatting.days(dt.date.fromisoformat(burst["from"]), dt.date.fromisoformat(burst["to"]))
        bar = Bar(round(start, 3), top, round(width, 3), foot - top)
        yield Band(bar, burst["count"], days, n < _MOST_LABELS, top - 5)


def _ticks(axis: _Axis) -> tuple[Tick, ...]:
    """At the first days of months or years, as far apart as their labels need on a telephone.

    Of a time too short for two of them, at the first days of weeks.
    """
    for months in _MONTH_INTERVALS:
        days = list(_month_starts(axis.bounds[0], axis.bounds[-1], months))
        if all(axis.at(b) - axis.at(a) >= _LABEL for a, b in pairwise(days)):
            ticks = _labelled([(axis.at(day), _month_label(day, months)) for day in days], _LABEL)
            if sum(bool(tick.label) for tick in ticks) > 1:
                return ticks
            break
    starts = axis.bounds[:-1]
    interval = -(-len(starts) * int(_DAY_LABEL) // 100)
    shown = [(axis.at(day), formatting.short_day(dt.date.fromordinal(day))) for day in starts[::interval]]
    return _labelled(shown, _DAY_LABEL)


def _month_starts(first: int, end: int, interval: int) -> Iterator[int]:
    """First days of every so many months, counted from the year 0, so that they fall on even years."""
    start = dt.date.fromordinal(first)
    month = start.year * 12 + start.month - 1 + (start.day > 1)
    month += -month % interval
    while month // 12 <= dt.MAXYEAR and (day := dt.date(month // 12, month % 12 + 1, 1).toordinal()) < end:
        yield day
        month += interval


def _labelled(places: Sequence[tuple[float, str]], label_width: float) -> tuple[Tick, ...]:
    """Each label after its tick; the last one before it where it would not fit and there is room."""
    ticks: list[Tick] = []
    for x, label in places:
        fits = x <= 100 - label_width
        before = not fits and (not ticks or x - ticks[-1].x >= 2 * label_width)
        ticks.append(Tick(round(x, 2), label if fits or before else "", before))
    return tuple(ticks)


def _month_label(ordinal: int, interval: int) -> str:
    day = dt.date.fromordinal(ordinal)
    return formatting.month(day) if interval % 12 else str(day.year)


def _label(point: Mapping[str, Any], unit: str) -> str:
    start = dt.date.fromisoformat(point["from"])
    match unit:
        case "week":
            return message("week of {day}", day=formatting.day(start))
        case "month":
            return formatting.month(start)
        case "quarter":
            return message("quarter from {month}", month=formatting.month(start))
        case _:
            return str(start.year)


def _ordinal(date: str) -> int:
    return dt.date.fromisoformat(date).toordinal()
