"""Reads dates as exports and review pages write them; a numeric day and month are told apart by their column."""

import datetime as dt
import re
from collections.abc import Iterable
from typing import NamedTuple

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar januari ocak stycznia janvier enero gennaio janeiro",
            "february feb februar februari şubat lutego février fevrier febrero febbraio fevereiro",
            "march mar märz maerz mär maart mars mart marca marzo março marco",
            "april apr avril abril aprile nisan kwietnia",
            "may mai mei maj mayo maggio maio mayıs maja",
            "june jun juni juin junio giugno junho haziran czerwca",
            "july jul juli juillet julio luglio julho temmuz lipca",
            "august aug augustus augusti août aout agosto ağustos sierpnia",
            "september sep sept septembre septiembre settembre setembro eylül września",
            "october oct oktober okt octobre octubre ottobre outubro ekim października",
            "november nov novembre noviembre novembro kasım listopada",
            "december dec dezember dez décembre decembre diciembre dicembre dezembro aralık grudnia",
        ),
        start=1,
    )
    for name in names.split()
}
_LONGEST = 200
_ISO = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?!\d)", re.ASCII)
_COMPACT = re.compile(r"(\d{4})()(\d{2})(\d{2})(?!\d)", re.ASCII)
_NUMERIC = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?!\d)", re.ASCII)
_REVIEW_TIME = re.compile(r"(\d{1,2}) (\d{1,2}), (\d{4})\Z", re.ASCII)
_UNIX = re.compile(r"\d{9,13}(?:\.\d{1,9})?\Z", re.ASCII)
_EAST_ASIAN = re.compile(r"(\d{4}) ?[年년] ?(\d{1,2}) ?[月월] ?(\d{1,2}) ?[日일]")
_WORDS = re.compile(r"\d{1,4}|[^\W\d_]{3,12}")
_EARLIEST, _LATEST = 1990, 2099


class Numeric(NamedTuple):
    """A date like 04/05/2018, whose order only the other dates of the column can tell."""

    first: int
    second: int
    year: int
    separator: str


def read_date(raw: object) -> dt.date | Numeric | None:
    """`None` where there is no date that can be understood. The day is the one written, in its own zone."""
    if raw is None or isinstance(raw, bool):
        return None
    text = (f"{raw:.3f}" if isinstance(raw, float) else str(raw)).strip()
    if not text or len(text) > _LONGEST:
        return None
    if _UNIX.match(text):
        return _from_unix(float(text))
    if match := _ISO.match(text) or _COMPACT.match(text):
        return _date(int(match[1]), int(match[3]), int(match[4]))
    if match := _NUMERIC.match(text):
        year = int(match[4])
        return Numeric(int(match[1]), int(match[3]), year if year > 99 else 2000 + year, match[2])
    if match := _REVIEW_TIME.match(text):
        return _date(int(match[3]), int(match[1]), int(match[2]))
    if match := _EAST_ASIAN.search(text):
        return _date(int(match[1]), int(match[2]), int(match[3]))
    return _from_words(text)


def day_first(column: Iterable[Numeric]) -> bool:
    """Whether the column writes the day before the month, by the majority of dates that only fit one order.

    Without such a date: the month first with slashes (as in the United States), else the day first.
    """
    votes = slashes = 0
    for date in column:
        votes += (date.first > 12) - (date.second > 12)
        slashes += 1 if date.separator == "/" else -1
    return votes > 0 if votes else slashes < 0


def settle(date: Numeric, *, day_first: bool) -> dt.date | None:
    """The date in the order of its column, or in the only order in which it is one."""
    day, month = (date.first, date.second) if day_first else (date.second, date.first)
    return _date(date.year, month, day) or _date(date.year, day, month)


def _from_unix(seconds: float) -> dt.date | None:
    if seconds > 99_999_999_999:
        seconds /= 1_000
    moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    return _date(moment.year, moment.month, moment.day)


def _from_words(text: str) -> dt.date | None:
    """The last "12 April 2018", "April 12, 2018" or "12 de abril de 2018" of a sentence in ten languages."""
    words = _WORDS.findall(text.lower())
    for at in range(len(words) - 1, -1, -1):
        month = _MONTHS.get(words[at])
        if month is None:
            continue
        around = [int(word) for word in words[max(0, at - 2) : at + 6] if word.isdecimal()]
        day = next((number for number in around if 1 <= number <= 31), None)
        year = next((number for number in around if _EARLIEST <= number <= _LATEST), None)
        if day and year and (date := _date(year, month, day)):
            return date
    return None


def _date(year: int, month: int, day: int) -> dt.date | None:
    if not _EARLIEST <= year <= _LATEST:
        return None
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None
