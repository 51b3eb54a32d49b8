"""Types of numeric options: a number that is out of range gets a sentence, and no overflow later."""

import math
from typing import Any

import click

MOST_SECONDS = 366 * 24 * 3600
"""A year, which is longer than anybody waits."""
MOST = 1_000_000_000
"""For whole numbers that have no limit of their own."""
MOST_WORKERS = 1000
"""Worker processes of one supervisor."""


class Number(click.FloatRange):
    """A finite number from `least` to `most`; `above` excludes `least` itself."""

    name = "number"

    def __init__(self, least: float = 0, most: float = MOST_SECONDS, *, above: bool = False) -> None:
        super().__init__(least, most, min_open=above)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number, or fail with a sentence."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):  # it compares as neither too small nor too great
            self.fail(f"{value} is not a number.", param, ctx)
        return number


class WholeNumber(click.IntRange):
    """A whole number within bounds."""

    name = "integer"


def count(least: int = 1, most: int = MOST) -> WholeNumber:
    """A whole number from `least` to `most`."""
    return WholeNumber(least, most)


LAST_PORT = 65_535
PORT = count(1, LAST_PORT)
PORT_OR_FREE = count(0, LAST_PORT)
