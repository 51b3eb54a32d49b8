"""The geometry of the dashboard's pictures: axes, stacked bars and lines, as the templates draw them in SVG."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from math import floor, log10

WIDTH, HEIGHT = 400, 190
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 10, 24
"""Margins around the area of the plot, for the labels of the axes."""
LABELS = 4
"""Intervals between the labels of an axis."""
ROUND = (1.2, 2.0, 4.0, 8.0, 12.0)
"""Limits of an axis whose quarters are round, in each order of magnitude."""
MIN_HEIGHT = 0.5
"""Height of a bar that is hardly more than nothing, so that it is seen."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One label of an axis and where it is."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One stacked bar; `parts` are (kind, y, height)."""

    x: float
    width: float
    title: str
    parts: Sequence[tuple[str, float, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """One line, interrupted where there are no values: a list of points for each part of it."""

    kind: str
    parts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Chart:
    """One picture."""

    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    bars: Sequence[Bar] = ()
    lines: Sequence[Line] = ()
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """The horizontal axis."""

    begins: datetime
    ends: datetime

    def x(self, at: datetime) -> float:
        whole = (self.ends - self.begins) / timedelta(seconds=1)
        share = ((at - self.begins) / timedelta(seconds=1)) / whole if whole else 0.0
        return round(LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, max(0.0, share)), 1)

    def ticks(self) -> list[Tick]:
        """Return labels in regular distances; of dates, if the axis is longer than two days."""
        length = self.ends - self.begins
        form = "%d %b" if length > timedelta(days=2) else "%H:%M"
        times = [self.begins + length * n / LABELS for n in range(LABELS + 1)]
        return [Tick(self.x(at), at.strftime(form)) for at in times]


def bar_chart(
    axis: TimeAxis, spans: Sequence[tuple[datetime, datetime, Mapping[str, float]]], kinds: Sequence[str]
) -> Chart:
    """Stack the counts of each span by kind."""
    most = max(float(LABELS), nice_limit(max((sum(counts.values()) for _, _, counts in spans), default=0)))
    bars: list[Bar] = []
    for begins, ends, counts in spans:
        y, parts = _y(0, most), list[tuple[str, float, float]]()
        for kind in kinds:
            height = _y(0, most) - _y(counts.get(kind, 0), most)
            if height > 0:
                height = max(MIN_HEIGHT, height)
                y -= height
                parts.append((kind, round(y, 2), round(height, 2)))
        said = ", ".join(f"{counts.get(kind, 0):,.0f} {kind}" for kind in kinds)
        x, end = axis.x(begins), axis.x(ends)
        bars.append(Bar(x, round(max(0.4, (end - x) * 0.85), 2), f"{begins:%d %b %H:%M} UTC: {said}", parts))
    return Chart(axis.ticks(), _y_ticks(most, "{:,.6g}".format), bars)


def line_chart(
    axis: TimeAxis,
    values: Mapping[str, Sequence[tuple[datetime, float | None]]],
    shown: Callable[[float], str],
) -> Chart:
    """Draw a line for each kind; `shown` formats the labels of the vertical axis."""
    most = nice_seconds(max((v for of_kind in values.values() for _, v in of_kind if v is not None), default=0))
    lines: list[Line] = []
    for kind, of_kind in values.items():
        points = [(None if v is None else f"{axis.x(at)},{round(_y(v, most), 1)}") for at, v in of_kind]
        parts = [[p for p in group if p] for known, group in groupby(points, lambda p: p is not None) if known]
        # a lone point is drawn as a short line
        lines.append(
            Line(kind, [" ".join(part if len(part) > 1 else [*part, _beside(part[0])]) for part in parts])
        )
    return Chart(axis.ticks(), _y_ticks(most, shown), lines=lines)


def nice_limit(most: float) -> float:
    """Return a round number at or above `most`."""
    if most <= 0:
        return 1.0
    size = 10.0 ** floor(log10(most))
    return next(size * factor for factor in ROUND if size * factor >= most * 0.999999)


def nice_seconds(most: float) -> float:
    """Return a number of seconds at or above `most` whose quarters are round in their units."""
    for unit in (3600.0, 60.0):
        if most > unit:
            return unit * nice_limit(most / unit)
    return nice_limit(most)


def _beside(point: str) -> str:
    x, _, y = point.partition(",")
    return f"{float(x) + 4:g},{y}"


def _y(value: float, most: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / most)


def _y_ticks(most: float, shown: Callable[[float], str]) -> list[Tick]:
    values = [most * n / LABELS for n in range(LABELS + 1)]
    return [Tick(round(_y(value, most), 1), shown(value)) for value in values]
