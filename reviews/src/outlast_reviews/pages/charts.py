"""Geometry of the interval bar and the star chart, in percent of width and pixels of height (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from outlast_reviews import formatting

_ONE_BAR, _TWO_BARS = 24, 30
"""Pixels of a row of the star chart."""
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
    def differs(self) -> bool:
        """Whether the shares differ as they are said."""
        return formatting.percent(self.before) != formatting.percent(self.after)

    @property
    def height(self) -> int:
        return _TWO_BARS if self.differs else _ONE_BAR

    @property
    def label(self) -> str:
        """Both shares, where they differ."""
        before, after = formatting.percent(self.before), formatting.percent(self.after)
        return f"{before.removesuffix('%')} → {after}" if self.differs else after


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


def star_rows(stars: Sequence[Mapping[str, Any]], *, without_incentivised: bool = False) -> tuple[StarRow, ...]:
    """Bars are at most 60% of the width; the rest is for the labels on both sides."""
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
    scale = 60 / max(max(pair) for pair in shares)
    rows: list[StarRow] = []
    for row, (before, after) in zip(stars, shares, strict=True):
        made = StarRow(
            stars=row["stars"],
            before=before,
            after=after,
            before_count=row["before"],
            after_weight=row["after"],
            y=rows[-1].y + rows[-1].height if rows else 0,
            before_width=round(before * scale, 2),
            after_width=round(after * scale, 2),
        )
        rows.append(made)
    return tuple(rows)
