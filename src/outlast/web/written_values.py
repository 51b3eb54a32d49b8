"""Numbers, percentages and dates in English texts, and how other languages write them (pure)."""

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from babel import Locale
from babel.dates import format_skeleton
from babel.numbers import format_decimal

Write = Callable[[re.Match[str], Locale], str]

MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
LONGEST: Final = 28
"""Characters of a value: decimal numbers have no more digits."""
NUMBER: Final = r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]{1,15}(?:\.[0-9]+)?"
LONG: Final = rf"(?P<month>{'|'.join(MONTHS)})"
SHORT: Final = rf"(?P<month>{'|'.join(name[:3] for name in MONTHS)})"


def written(text: str, locale: Locale) -> str | None:
    """Return a text that is one value, as "1,234", "< 0.1%" or "3 May 2024", in this language; else `None`."""
    if len(text) > LONGEST:
        return None
    for shape, write in SHAPES:
        if found := shape.fullmatch(text):
            return write(found, locale)
    return None


def _number(found: re.Match[str], locale: Locale) -> str:
    return found["sign"] + _decimal(found["number"], locale)


def _percent(found: re.Match[str], locale: Locale) -> str:
    numbers = "–".join(_decimal(number, locale) for number in found["numbers"].split("–"))
    pattern = locale.percent_formats[None].pattern  # as "#,##0 %"
    return found["sign"] + re.sub(r"[#0,.]+", numbers, pattern, count=1)


def _decimal(number: str, locale: Locale) -> str:
    """Keep its digits and whether it groups them: a year has no thousands."""
    fraction = number.partition(".")[2]
    pattern = ("#,##0" if "," in number else "0") + ("." + "0" * len(fraction) if fraction else "")
    return format_decimal(Decimal(number.replace(",", "")), pattern, locale=locale)


def _date(skeleton: str) -> Write:
    def write(found: re.Match[str], locale: Locale) -> str:
        parts = found.groupdict()
        month = next(n for n, name in enumerate(MONTHS, start=1) if name.startswith(parts["month"]))
        leap_year = 2000
        try:
            date = dt.datetime(
                int(parts.get("year") or leap_year), month, int(parts.get("day") or 1), tzinfo=dt.UTC
            )
        except ValueError:  # no such day
            return found[0]
        return format_skeleton(skeleton, date, locale=locale)

    return write


SHAPES: Final[tuple[tuple[re.Pattern[str], Write], ...]] = (
    (re.compile(rf"(?P<sign>[-+−]?)(?P<number>{NUMBER})"), _number),
    (re.compile(rf"(?P<sign>(?:[<>] )?)(?P<numbers>(?:{NUMBER})(?:–(?:{NUMBER}))?)%"), _percent),
    (re.compile(rf"(?P<day>[0-9][0-9]?) {LONG} (?P<year>[0-9]{{4}})"), _date("yMMMMd")),
    (re.compile(rf"(?P<day>[0-9][0-9]?) {SHORT} (?P<year>[0-9]{{4}})"), _date("yMMMd")),
    (re.compile(rf"{SHORT} (?P<year>[0-9]{{4}})"), _date("yMMM")),
    (re.compile(rf"{LONG} (?P<year>[0-9]{{4}})"), _date("yMMMM")),
    (re.compile(rf"(?P<day>[0-9][0-9]?) {LONG}"), _date("MMMMd")),
)
