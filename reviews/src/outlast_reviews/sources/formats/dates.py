"""Parses dates of exports and review pages; the column decides the order of ambiguous ones."""

import datetime as dt
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
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
_UNIX = re.compile(r"(?:\d{9,13}(?:\.\d{1,9})?|\d{16}|\d{19})\Z", re.ASCII)
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
_MONTH_IN_NUMBERS = re.compile(
    r"(?P<year>(?:19|20)\d{2})[-/.](?P<month>\d{1,2})|(?P<month_first>\d{1,2})[-/.](?P<year_behind>(?:19|20)\d{2})",
    re.ASCII,
)
_MONTH_OF_SHORT_YEAR = re.compile(r"(?P<month>[^\W\d_]{3,12})\.?(?:[-/]| ['’])(?P<year>\d{2})")
"""As in "Jan-23", which is Excel's own, and "Jan '23"."""
_SERIAL = re.compile(r"\d{5}(?:\.\d{1,12})?", re.ASCII)
_SERIALS = 32_874, 62_000
"""Days from 1990 on, as spreadsheets count them."""
_FIRST_SERIAL = dt.date(1899, 12, 30)
"""Day 0 of spreadsheets."""
_SCIENTIFIC = re.compile(r"\d\.\d{3,15}[eE]\+(?:0?9|1[0258])", re.ASCII)
"""An epoch as a spreadsheet shows long numbers."""
_MONTH_OF = re.compile(
    r"(?P<month>[^\W\d_]{3,12})\.?,? (?:de |of |del )?(?P<year>(?:19|20)\d{2})"
    r"|(?P<year_before>(?:19|20)\d{2}),? (?P<month_behind>[^\W\d_]{3,12})\.?"
)
_UNITS: tuple[tuple[int, str], ...] = (
    (0, "s sec secs second seconds m min mins minute minutes h hr hrs hour hours sekunde sekunden minuten stunde"),
    (0, "stunden heure heures secondes segundo segundos minuto minutos hora horas secondi minuti ora ore uur"),
    (1, "d day days tag tage tagen jour jours día días dia dias giorno giorni dag dagen dygn dzień dni gün"),
    (7, "w wk wks week weeks woche wochen semaine semaines semana semanas settimana settimane weken hafta"),
    (30, "mo mon mos mth month months monat monate monaten mois mes meses mês mese mesi maand maanden ay"),
    (365, "y yr yrs year years jahr jahre jahren an ans année années año años ano anos anno anni jaar yıl"),
)
"""Days of a unit, and its names."""
_DAYS_OF_UNIT = {name: days for days, names in _UNITS for name in names.split()}
_ONE = frozenset(["a", "an", "one", "last", "ein", "eine", "einem", "einer", "un", "une", "una", "uno"]) | {
    "um",
    "uma",
    "een",
}
_AGO = re.compile(
    r"(?:(?:edited|posted|reviewed|updated|about|over|almost|ca\.?|bearbeitet|modifié) )*"
    r"(?P<before>vor |il y a |hace |hà |há )?(?P<count>\d{1,3}\+?|[^\W\d_]{1,5}) ?(?P<unit>[^\W\d_]{1,10})\.?"
    r"(?P<ago> ago| fa| atrás| geleden| önce| temu)?"
)
_DAYS_OF_EAST_ASIAN = {
    **dict.fromkeys(("秒", "分钟", "分", "小时", "小時", "時間", "시간"), 0),
    **dict.fromkeys(("天", "日", "일"), 1),
    **dict.fromkeys(("周", "週間", "週", "주"), 7),
    **dict.fromkeys(("か月", "ヶ月", "カ月", "ヵ月", "个月", "個月", "개월", "달"), 30),
    **dict.fromkeys(("年", "년"), 365),
}
_EAST_ASIAN_AGO = re.compile(
    rf"(?P<count>\d{{1,3}}) ?(?P<unit>{'|'.join(_DAYS_OF_EAST_ASIAN)}) ?(?:前|전|以前|之前)"
)
_DAYS_AGO = {
    "today": 0,
    "heute": 0,
    "hoy": 0,
    "oggi": 0,
    "aujourd'hui": 0,
    "yesterday": 1,
    "gestern": 1,
    "ayer": 1,
    "ieri": 1,
    "hier": 1,
    "hoje": 0,
    "ontem": 1,
    "今日": 0,
    "今天": 0,
    "昨日": 1,
    "昨天": 1,
}
_WORDS = re.compile(r"\d{1,4}|[^\W\d_]{3,12}")
_EARLIEST, _LATEST = 1990, 2099


DateOrder = Literal["day", "month", "year"]
"""What comes first; the year only where it has two digits, as in Japan."""
_MOST_SAMPLED = 20_000
_LARGEST_SHORT_YEAR = 99
_MONTHS_OF_YEAR = 12
_ANY_DAY = dt.date(2020, 1, 1)
"""Where only the form of a date matters."""
_DAMAGED_DATES = 2
"""This many of a column, or a hundredth, may be in another order than the others."""
_FEW = 4
"""Different dates, of which the years say little."""


class ApproximateDate(NamedTuple):
    """A date that is known to the month at best, such as "Jan, 2024" or "9 months ago"."""

    date: dt.date
    """The middle of the month, or the day that is so long ago."""


class AmbiguousDate(NamedTuple):
    """A date such as 04/05/2018, 18/03/12 or 2018/04/05, whose order follows from the others of its column."""

    first: int
    """As it is written: with four digits it is the year."""
    second: int
    last: int
    """As it is written: with two digits it may be a year or, behind the year and the month, a day."""
    separator: str

    @property
    def begins_with_year(self) -> bool:
        return self.first > _LARGEST_SHORT_YEAR

    @property
    def is_iso(self) -> bool:
        """Whether a standard says the order, which only other dates of its column can speak against."""
        return self.begins_with_year and self.separator in {"-", ""}

    @property
    def day_and_month(self) -> tuple[int, int]:
        """The two numbers whose order is the question."""
        return (self.second, self.last) if self.begins_with_year else (self.first, self.second)

    def __str__(self) -> str:
        return f"{self.first:02}{self.separator}{self.second:02}{self.separator}{self.last:02}"

    def read(self, order: DateOrder, today: dt.date) -> dt.date | None:
        """In that order; of two digits the year is never one that is yet to come."""
        (day, month), year = self.day_and_month, self.first if self.begins_with_year else self.last
        if order == "month":
            day, month = month, day
        elif order == "year":
            day, year = (year, day) if year <= _LARGEST_SHORT_YEAR else (0, 0)
        if year <= _LARGEST_SHORT_YEAR:
            year += 2000 if 2000 + year <= today.year else 1900
        return _date(year, month, day)


ReadDate = dt.date | AmbiguousDate | ApproximateDate


def read_date(raw: object, today: dt.date | None = None) -> ReadDate | None:
    """`None` where there is no date that can be understood. The day is the one written, in its own zone.

    "9 months ago" is counted from `today`, and is no date without it. Behind a year, the month comes first.
    """
    found = read_in_column(raw, today)
    if isinstance(found, AmbiguousDate) and found.begins_with_year:
        return found.read("month", today or _ANY_DAY)
    return found


def read_in_column(raw: object, today: dt.date | None = None) -> ReadDate | None:
    """As `read_date`, but the other dates of the column decide what comes first behind a year."""
    if raw is None or isinstance(raw, bool):
        return None
    text = (f"{raw:.3f}" if isinstance(raw, float) else str(raw)).strip()
    if not text or len(text) > _LONGEST:
        return None
    text = unicodedata.normalize("NFC", text)
    if _UNIX.match(text) or _SCIENTIFIC.fullmatch(text):
        return _from_unix(float(text))
    if _SERIAL.fullmatch(text) and _SERIALS[0] <= float(text) < _SERIALS[1]:
        return _FIRST_SERIAL + dt.timedelta(int(float(text)))
    if match := _MONTH_IN_NUMBERS.fullmatch(text):
        return _middle_of(int(match["year"] or match["year_behind"]), int(match["month"] or match["month_first"]))
    if match := _ISO.match(text) or _COMPACT.match(text):
        return _year_first(match)
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
    if found := _from_words(lowered := text.lower(), today):
        return found
    if today and (found := _relative(lowered, today)):
        return found
    if match := _MONTH_OF.fullmatch(lowered):
        month = _MONTHS.get(match["month"] or match["month_behind"], 0)
        return _middle_of(int(match["year"] or match["year_before"]), month)
    if match := _MONTH_OF_SHORT_YEAR.fullmatch(lowered):
        return _middle_of(_century(int(match["year"]), today), _MONTHS.get(match["month"], 0))
    if match := _ISO.search(text):
        return _year_first(match)
    return _numeric(match) if (match := _NUMERIC.search(text)) else None


def order_of(column: Iterable[AmbiguousDate], today: dt.date) -> DateOrder | None:
    """The order in which most dates of the column are dates that have been; of equals that of the fewest years.

    Dots stand behind the day. `None` if other dates fit both orders of day and month equally, and differ in them,
    or if some can only be read in the one and some only in the other. Dates that begin with a four-digit year are
    a column of their own, as `order_behind_year` has it.
    """
    counted = Counter(column)
    days, months = _decided(counted)
    if min(days, months) > max(_DAMAGED_DATES, counted.total() // 100):
        return None
    dots = sum(count for date, count in counted.items() if date.separator == ".") * 2 > counted.total()
    orders: tuple[DateOrder, ...] = ("day", "month", "year") if dots else ("month", "day", "year")
    best: tuple[DateOrder, int, int] = orders[0], -1, 0
    most: dict[DateOrder, int] = {}
    for order in orders:
        fits, years = 0, set[int]()
        for date, count in islice(counted.items(), _MOST_SAMPLED):
            if (read := date.read(order, today)) and read <= today:
                fits += count
                years.add(read.year)
        most[order] = fits
        if fits > best[1] or (fits == best[1] and len(years) < best[2] and len(counted) >= _FEW):
            best = order, fits, len(years)
    alike = most["month"] == most["day"] and any(date.first != date.second for date in counted)
    return None if alike and not dots and best[0] != "year" else best[0]


def order_behind_year(column: Iterable[AmbiguousDate]) -> DateOrder | None:
    """What comes first in most dates such as 2018/04/05 of a column: nearly everywhere the month.

    `None` if some can only be read in the one order and some only in the other, and where all can be read in both
    and the middle numbers vary more than the last ones: of many dates more days than months differ. Dates with
    hyphens, as ISO has them, and those without separators are never in doubt.
    """
    counted = Counter(column)
    days, months = _decided(counted)
    is_iso = all(date.is_iso for date in counted)
    if not is_iso and min(days, months) > max(_DAMAGED_DATES, counted.total() // 100):
        return None
    if not is_iso and not days and not months:
        middle, last = ({date.second for date in counted}, {date.last for date in counted})
        return None if len(middle) > len(last) else "month"
    return "day" if days > months else "month"


def _decided(counted: Mapping[AmbiguousDate, int]) -> tuple[int, int]:
    """How many dates can only begin with the day, and how many only with the month."""
    days = months = 0
    for date, count in counted.items():
        one, other = date.day_and_month
        days += count * (other <= _MONTHS_OF_YEAR < one)
        months += count * (one <= _MONTHS_OF_YEAR < other)
    return days, months


def resolve_date(date: AmbiguousDate, order: DateOrder, today: dt.date) -> dt.date | None:
    """The date in the order of its column, or in one in which it is a date, if need be one that is yet to come."""
    if date.begins_with_year:
        return date.read(order, today) or date.read("month" if order == "day" else "day", today)
    orders: tuple[DateOrder, ...] = (order, "day", "month", "year")
    read = [found for one in orders if (found := date.read(one, today))]
    return next((found for found in read if found <= today), read[0] if read else None)


def _relative(text: str, today: dt.date) -> ApproximateDate | None:
    if (days := _DAYS_AGO.get(text)) is not None:
        return ApproximateDate(today - dt.timedelta(days))
    if match := _EAST_ASIAN_AGO.fullmatch(text):
        return ApproximateDate(today - dt.timedelta(_DAYS_OF_EAST_ASIAN[match["unit"]] * int(match["count"])))
    match = _AGO.fullmatch(text)
    if match is None or not (match["ago"] or match["before"]):
        return None
    unit = _DAYS_OF_UNIT.get(match["unit"])
    counted = match["count"].rstrip("+")
    if unit is None or not (counted.isdecimal() or counted in _ONE):
        return None
    return ApproximateDate(today - dt.timedelta(unit * (int(counted) if counted.isdecimal() else 1)))


def _century(year: int, today: dt.date | None) -> int:
    """Of a year with two digits: one that is yet to come was in the last century."""
    return 1900 + year if today and 2000 + year > today.year else 2000 + year


def _middle_of(year: int, month: int) -> ApproximateDate | None:
    day = _date(year, month, 15)
    return None if day is None else ApproximateDate(day)


def _year_first(match: re.Match[str]) -> dt.date | AmbiguousDate | None:
    """A date that is the same in both orders, that nobody writes in the other, or that is ambiguous."""
    date = AmbiguousDate(int(match[1]), int(match[3]), int(match[4]), match[2])
    read = date.read("month", _ANY_DAY)
    is_standard = date.is_iso and match.string[match.end() : match.end() + 1] == "T"
    if is_standard or date.second == date.last:
        return read
    return date if read or date.read("day", _ANY_DAY) else None


def _numeric(match: re.Match[str]) -> AmbiguousDate:
    return AmbiguousDate(int(match[1]), int(match[3]), int(match[4]), match[2])


def _from_unix(seconds: float) -> dt.date | None:
    while seconds > 99_999_999_999:
        seconds /= 1_000
    moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    return _date(moment.year, moment.month, moment.day)


def _from_words(text: str, today: dt.date | None) -> dt.date | None:
    """The last "12 April 2018", "April 12, 2018" or "12 de abril de 2018" of a sentence in ten languages."""
    for form in _SHORT_YEAR:
        if (match := form.match(text)) and match["month"] in _MONTHS:
            return _date(_century(int(match["year"]), today), _MONTHS[match["month"]], int(match["day"]))
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
