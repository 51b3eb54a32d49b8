"""Geometry of the interval bar and the star chart, in percent of width and pixels of height (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from outlast_reviews import formatting

_THINNEST = 1.2
"""Percent of the width below which an interval would be hard to see."""


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
        before, after = formatting.percent(self.before), formatting.percent(self.after)
        return after if before == after else f"{before[:-2]} → {after}"


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
