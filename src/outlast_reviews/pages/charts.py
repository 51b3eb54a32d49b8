"""Where the shapes of the report's charts go: shares of the width in percent, heights in pixels (pure)."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from outlast_reviews import spoken

_THINNEST = 1.2
"""Percent of the width below which an interval would be hard to see."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle; which of the four are percent and which pixels, its chart says."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Zone:
    """A grade's part of the interval bar, in percent of the width."""

    grade: str
    x: float
    width: float

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 2)


@dataclass(frozen=True, slots=True)
class IntervalBar:
    zones: tuple[Zone, ...]
    x: float
    width: float
    middle: float


@dataclass(frozen=True, slots=True)
class StarRow:
    """Bars of one number of stars; `before` and `after` are percent of all."""

    stars: int
    before: float
    after: float
    before_count: int
    after_weight: float
    y: int
    before_width: float
    after_width: float

    @property
    def label(self) -> str:
        """Both shares, where they differ as they are said."""
        before, after = spoken.percent(self.before), spoken.percent(self.after)
        return after if before == after else f"{before[:-2]} → {after}"


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
    x: float
    anchor: str
    label: str


@dataclass(frozen=True, slots=True)
class TimelineChart:
    columns: tuple[Column, ...]
    bands: tuple[Bar, ...]
    """Behind the columns that a burst touches, and a little wider, or the columns would hide them."""
    ticks: tuple[Tick, ...]
    most: int
    top: int
    foot: int
    height: int


def interval_bar(report: Mapping[str, Any]) -> IntervalBar | None:
    """`None` where there is no grade."""
    if report["fake_percentage"] is None:
        return None
    zones: list[Zone] = []
    start = 0.0
    for limit in report["method"]["grades"]:
        zones.append(Zone(limit["grade"], start, limit["up_to"] - start))
        start = limit["up_to"]
    low, high = report["fake_percentage_low"], report["fake_percentage_high"]
    width = max(high - low, _THINNEST)
    return IntervalBar(tuple(zones), round(min(low, 100 - width), 2), round(width, 2), report["fake_percentage"])


def star_rows(
    stars: Sequence[Mapping[str, Any]], *, row_height: int = 40, without_incentivised: bool = False
) -> tuple[StarRow, ...]:
    """Bars are at most 64 % of the width; the rest is for the labels on both sides."""
    if without_incentivised:
        paid = [row.get("incentivised", 0) for row in stars]
        stars = [
            {**row, "before": row["before"] - n, "after": row["after"] - n / 2}
            for row, n in zip(stars, paid, strict=True)
        ]
    before_all = sum(row["before"] for row in stars)
    after_all = sum(row["after"] for row in stars)
    if not before_all:
        return ()
    shares = [
        (100 * row["before"] / before_all, 100 * row["after"] / after_all if after_all else 0.0) for row in stars
    ]
    scale = 64 / max(max(pair) for pair in shares)
    return tuple(
        StarRow(
            stars=row["stars"],
            before=before,
            after=after,
            before_count=row["before"],
            after_weight=row["after"],
            y=n * row_height,
            before_width=round(before * scale, 2),
            after_width=round(after * scale, 2),
        )
        for n, (row, (before, after)) in enumerate(zip(stars, shares, strict=True))
    )


def timeline_chart(timeline: Mapping[str, Any], *, height: int = 200) -> TimelineChart | None:
    points: Sequence[Mapping[str, Any]] = timeline["points"]
    if not points:
        return None
    top, foot = 20, height - 26
    most = max(point["count"] for point in points)
    step = 100 / len(points)
    gap = step * 0.16

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
    return TimelineChart(
        columns, _bands(columns, step, top - 8, foot), _ticks(points, step), most, top, foot, height
    )


def _bands(columns: Sequence[Column], step: float, top: int, foot: int) -> tuple[Bar, ...]:
    overlap = min(step * 0.7, 1.5)
    bands: list[Bar] = []
    run = 0
    for n, column in enumerate((*columns, None)):
        if column is not None and column.in_burst:
            run += 1
        elif run:
            start, end = max(0.0, (n - run) * step - overlap), min(100.0, n * step + overlap)
            bands.append(Bar(round(start, 3), top, round(end - start, 3), foot - top))
            run = 0
    return tuple(bands)


def _label(point: Mapping[str, Any], unit: str) -> str:
    start = dt.date.fromisoformat(point["from"])
    match unit:
        case "week":
            return f"week of {spoken.day(start)}"
        case "month":
            return spoken.month(start)
        case "quarter":
            return f"quarter from {spoken.month(start)}"
        case _:
            return str(start.year)


def _ticks(points: Sequence[Mapping[str, Any]], step: float) -> tuple[Tick, ...]:
    """At most four labels, so that they fit on a telephone."""
    labels = min(4, len(points))
    at = sorted({round(n * (len(points) - 1) / max(1, labels - 1)) for n in range(labels)})
    anchors = {at[0]: "start", at[-1]: "end"} if len(at) > 1 else {at[0]: "middle"}
    ticks: list[Tick] = []
    for n in at:
        anchor = anchors.get(n, "middle")
        x = {"start": n * step, "end": (n + 1) * step}.get(anchor, (n + 0.5) * step)
        label = spoken.month(dt.date.fromisoformat(points[n]["from"]))
        if not ticks or ticks[-1].label != label:
            ticks.append(Tick(round(x, 2), anchor, label))
    return tuple(ticks)
