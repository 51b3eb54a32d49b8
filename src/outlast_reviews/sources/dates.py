"""Reads dates as exports and review pages write them; a numeric day and month are told apart by their column."""

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january يناير jan januar januari janv ene gen sty ocak stycznia janvier enero gennaio janeiro",
            (
                "february فبراير feb februar februari févr fevr fev lut şubat lutego février fevrier febrero "
                "febbraio fevereiro"
            ),
            "march مارس mar märz maerz mär mrz mrt maart mars mart marca marzo março marco",
            "april أبريل apr avr abr kwi avril abril aprile nisan kwietnia",
            "may مايو mai mei maj mayo mag maggio maio mayıs maja",
            "june يونيو jun juni giu cze juin junio giugno junho haziran czerwca",
            "july يوليو jul juli juil lug lip juillet julio luglio julho temmuz lipca",
            "august أغسطس aug ago sie augustus augusti août aout agosto ağustos sierpnia",
            "september سبتمبر sep sept set wrz septembre septiembre settembre setembro eylül września",
            "october أكتوبر oct oktober okt ott paź octobre octubre ottobre outubro ekim października",
            "november نوفمبر nov lis novembre noviembre novembro kasım listopada",
            (
                "december ديسمبر dec dezember dez déc dic gru décembre decembre diciembre dicembre dezembro "
                "aralık grudnia"
            ),
        ),
        start=1,
    )
    for name in names.split()
}
_LONGEST = 200
_ISO = re.compile(r"(?<!\d)(\d{4})([-/.]) ?(\d{1,2})\2 ?(\d{1,2})(?!\d)", re.ASCII)
_COMPACT = re.compile(r"(\d{4})()(\d{2})(\d{2})(?:\d{6})?(?!\d)", re.ASCII)
_NUMERIC = re.compile(r"(?<!\d)(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?!\d)", re.ASCII)
_REVIEW_TIME = re.compile(r"(\d{1,2}) (\d{1,2}), (\d{4})\Z", re.ASCII)
_UNIX = re.compile(r"(?:\d{9,13}(?:\.\d{1,9})?|\d{16})\Z", re.ASCII)
_EAST_ASIAN = re.compile(r"(\d{4}) ?[年년] ?(\d{1,2}) ?[月월] ?(\d{1,2}) ?[日일]")
_SHORT_YEAR = (
    re.compile(r"(?P<day>\d{1,2})[-. /](?P<month>[^\W\d_]{3,12})\.?[-. /,]+['’]?(?P<year>\d{2})\Z"),
    re.compile(r"(?P<month>[^\W\d_]{3,12})\.? (?P<day>\d{1,2}), ?['’]?(?P<year>\d{2})\Z"),
)
"""As in "12-Apr-19", which is Excel's own, and "Apr 12, 19"."""
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
    text = unicodedata.normalize("NFC", text)
    if _UNIX.match(text):
        return _from_unix(float(text))
    if match := _ISO.match(text) or _COMPACT.match(text):
        return _date(int(match[1]), int(match[3]), int(match[4]))
    if match := _NUMERIC.match(text):
        return _numeric(match)
    if match := _REVIEW_TIME.match(text):
        return _date(int(match[3]), int(match[1]), int(match[2]))
    if match := _EAST_ASIAN.search(text):
        return _date(int(match[1]), int(match[2]), int(match[3]))
    if found := _from_words(text.lower()):
        return found
    if match := _ISO.search(text):
        return _date(int(match[1]), int(match[3]), int(match[4]))
    return _numeric(match) if (match := _NUMERIC.search(text)) else None


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


def _numeric(match: re.Match[str]) -> Numeric:
    year = int(match[4])
    return Numeric(int(match[1]), int(match[3]), year if year > 99 else 2000 + year, match[2])


def _from_unix(seconds: float) -> dt.date | None:
    while seconds > 99_999_999_999:
        seconds /= 1_000
    moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    return _date(moment.year, moment.month, moment.day)


def _from_words(text: str) -> dt.date | None:
    """The last "12 April 2018", "April 12, 2018" or "12 de abril de 2018" of a sentence in ten languages."""
    for form in _SHORT_YEAR:
        if (match := form.match(text)) and match["month"] in _MONTHS:
            return _date(2000 + int(match["year"]), _MONTHS[match["month"]], int(match["day"]))
    words = _WORDS.findall(text)
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
