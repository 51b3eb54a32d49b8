"""Parses dates of exports and review pages; the column decides the order of ambiguous ones."""

import datetime as dt
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import Literal, NamedTuple

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
_ERAS = {"令和": 2018, "R": 2018, "平成": 1988, "H": 1988}
"""The year before the first of a Japanese era."""
_ERA = re.compile(r"(令和|平成) ?(\d{1,2}|元) ?年 ?(\d{1,2}) ?月 ?(\d{1,2}) ?日")
_ERA_IN_SHORT = re.compile(r"([RH])(\d{1,2})([./-])(\d{1,2})\3(\d{1,2})(?!\d)", re.ASCII)
_SHORT_YEAR = (
    re.compile(r"(?P<day>\d{1,2})[-. /](?P<month>[^\W\d_]{3,12})\.?[-. /,]+['’]?(?P<year>\d{2})\Z"),
    re.compile(r"(?P<month>[^\W\d_]{3,12})\.? (?P<day>\d{1,2}), ?['’]?(?P<year>\d{2})\Z"),
)
"""As in "12-Apr-19", which is Excel's own, and "Apr 12, 19"."""
_WORDS = re.compile(r"\d{1,4}|[^\W\d_]{3,12}")
_EARLIEST, _LATEST = 1990, 2099


DateOrder = Literal["day", "month", "year"]
"""What comes first; the year only where it has two digits, as in Japan."""
_MOST_SAMPLED = 20_000
_FEW = 4
"""Different dates, of which the years say little."""


class AmbiguousDate(NamedTuple):
    """A date such as 04/05/2018 or 18/03/12, whose order follows from the other dates of its column."""

    first: int
    second: int
    last: int
    """As it is written: with two digits it may be a year or, behind the year and the month, a day."""
    separator: str

    def read(self, order: DateOrder, today: dt.date) -> dt.date | None:
        """In that order; of two digits the year is never one that is yet to come."""
        day, month, year = self.first, self.second, self.last
        if order == "month":
            day, month = month, day
        elif order == "year":
            day, year = (year, day) if year < 100 else (0, 0)
        if year < 100:
            year += 2000 if 2000 + year <= today.year else 1900
        return _date(year, month, day)


def read_date(raw: object) -> dt.date | AmbiguousDate | None:
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
    if match := _ERA.search(text):
        year = 1 if match[2] == "元" else int(match[2])
        return _date(_ERAS[match[1]] + year, int(match[3]), int(match[4]))
    if match := _ERA_IN_SHORT.match(text):
        return _date(_ERAS[match[1]] + int(match[2]), int(match[4]), int(match[5]))
    if found := _from_words(text.lower()):
        return found
    if match := _ISO.search(text):
        return _date(int(match[1]), int(match[3]), int(match[4]))
    return _numeric(match) if (match := _NUMERIC.search(text)) else None


def order_of(column: Iterable[AmbiguousDate], today: dt.date) -> DateOrder:
    """The order in which most dates of the column are dates that have been; of equals that of the fewest years.

    Where that says nothing: the month first with slashes (as in the United States), else the day first.
    """
    counted = Counter(column)
    slashes = sum(count if date.separator == "/" else -count for date, count in counted.items())
    orders: tuple[DateOrder, ...] = ("month", "day", "year") if slashes >= 0 else ("day", "month", "year")
    best: tuple[DateOrder, int, int] = orders[0], -1, 0
    for order in orders:
        fits, years = 0, set[int]()
        for date, count in islice(counted.items(), _MOST_SAMPLED):
            if (read := date.read(order, today)) and read <= today:
                fits += count
                years.add(read.year)
        if fits > best[1] or (fits == best[1] and len(years) < best[2] and len(counted) >= _FEW):
            best = order, fits, len(years)
    return best[0]


def resolve_date(date: AmbiguousDate, order: DateOrder, today: dt.date) -> dt.date | None:
    """The date in the order of its column, or in one in which it is a date, if need be one that is yet to come."""
    orders: tuple[DateOrder, ...] = (order, "day", "month", "year")
    read = [found for one in orders if (found := date.read(one, today))]
    return next((found for found in read if found <= today), read[0] if read else None)


def _numeric(match: re.Match[str]) -> AmbiguousDate:
    return AmbiguousDate(int(match[1]), int(match[3]), int(match[4]), match[2])


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
