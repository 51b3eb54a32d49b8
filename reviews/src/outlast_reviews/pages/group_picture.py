"""Geometry of a group's picture: reviewers in rows, products in columns, a dot for each review (pure)."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from outlast import message, plural
from outlast_reviews import formatting

_TOP, _ROW = 34, 24
_NAMES = 30.0
"""Percent of the width that the names take."""


@dataclass(frozen=True, slots=True)
class Dot:
    x: float
    y: int
    name: str | None
    """The reviewer's, if it is known."""
    product: str
    day: str
    is_here: bool
    """Of the product of this report."""


@dataclass(frozen=True, slots=True)
class GroupRow:
    name: str | None
    y: int
    start: float
    end: float
    """Where the line through the row's dots begins and ends."""
    days: tuple[str, ...]
    """For the table: the date at each product, or a dash."""


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    short: str
    x: float


@dataclass(frozen=True, slots=True)
class GroupPicture:
    """`x` are in percent of the width, `y` and `height` in pixels."""

    title: str
    more: int
    """Reviewers who are not shown."""
    columns: tuple[Column, ...]
    rows: tuple[GroupRow, ...]
    dots: tuple[Dot, ...]
    height: int


def group_picture(group: Mapping[str, Any]) -> GroupPicture:
    rows: Sequence[Sequence[str | None]] = group["rows"]
    width = len(rows[0]) if rows else 1
    step = (100 - _NAMES) / width
    letters = [chr(64 + n) for n in range(1, width)]
    names = [
        (message("This product"), message("here")),
        *((message("Product {letter}", letter=letter), letter) for letter in letters),
    ]
    columns = tuple(
        Column(name, short, round(_NAMES + step * (n + 0.5), 2)) for n, (name, short) in enumerate(names)
    )
    dots: list[Dot] = []
    shown: list[GroupRow] = []
    for at, (reviewer, row) in enumerate(zip(group["names"], rows, strict=True)):
        name, y = reviewer or None, _TOP + at * _ROW + _ROW // 2
        days = [_day(date) for date in row]
        own = [
            Dot(column.x, y, name, column.name, day, n == 0)
            for n, (column, day) in enumerate(zip(columns, days, strict=True))
            if day
        ]
        dots += own
        ends = [dot.x for dot in own] or [columns[0].x]
        shown.append(GroupRow(name, y, min(ends), max(ends), tuple(day or "–" for day in days)))
    start, end = dt.date.fromisoformat(group["first_date"]), dt.date.fromisoformat(group["last_date"])
    return GroupPicture(
        title=plural(
            "{people:,} reviewers, {n:,} other product, {days}",
            "{people:,} reviewers, {n:,} other products, {days}",
            group["products"],
            people=group["people"],
            days=formatting.days(start, end),
        ),
        more=group["people"] - len(shown),
        columns=columns,
        rows=tuple(shown),
        dots=tuple(dots),
        height=_TOP + _ROW * len(shown) + 4,
    )


def _day(date: str | None) -> str | None:
    return date and formatting.short_day(dt.date.fromisoformat(date))
