"""Formats dates and percentages in English, whatever the locale (pure)."""

import datetime as dt

from outlast import message

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_NEARLY_NONE, _NEARLY_ALL = "< 0.1%", "> 99%"


def day(date: dt.date) -> str:
    return f"{date.day} {_MONTHS[date.month - 1]} {date.year}"


def short_day(date: dt.date) -> str:
    return f"{date.day} {month(date)}"


def month(date: dt.date) -> str:
    return f"{_MONTHS[date.month - 1][:3]} {date.year}"


def days(start: dt.date, end: dt.date) -> str:
    """Format as "on 3 May 2024" or "from 10 to 13 April 2018", without repeating the month or year."""
    if start == end:
        return message("on {day}", day=day(start))
    if (start.year, start.month) == (end.year, end.month):
        return message("from {first:d} to {last}", first=start.day, last=day(end))
    return span(f"{start.day} {_MONTHS[start.month - 1]}" if start.year == end.year else day(start), day(end))


def span(first: str, last: str) -> str:
    """Format as "from 30 March to 13 April 2018", of two dates in words."""
    return message("from {first} to {last}", first=first, last=last)


def about(date: dt.date) -> str:
    """Format a day that is known to the month."""
    return message("about {month}", month=month(date))


def months(start: dt.date, end: dt.date) -> str:
    """Format days that are known to the month as "about May 2024" or "about May 2024 to Apr 2026"."""
    first, last = month(start), month(end)
    return about(start) if first == last else message("about {first} to {last}", first=first, last=last)


def average(stars: float | None) -> str:
    """As "4.25", or a dash where there is none."""
    return "–" if stars is None else f"{stars:.2f}"


def percent(value: float) -> str:
    """One decimal below 10, none above. Only exact 0 and 100 are shown as such."""
    if value <= 0 or value >= 100:
        return f"{value:.0f}%"
    if value < 0.05:
        return _NEARLY_NONE
    if value >= 99.5:
        return _NEARLY_ALL
    return f"{value:.1f}%" if value < 9.95 else f"{value:.0f}%"


def percent_range(low: float, high: float) -> str:
    """Format as "18–28%" or "88 to > 99%"."""
    first, last = percent(low), percent(high)
    if first == last:
        return last
    if first == _NEARLY_NONE:
        return message("< 0.1 to {high}", high=last)
    if last == _NEARLY_ALL:
        return message("{low} to > 99%", low=first.removesuffix("%"))
    return f"{first.removesuffix('%')}–{last}"


def percent_at_most(high: float) -> str:
    """Format as "up to 12%" or "fewer than 0.1%"."""
    if 0 < high < 0.05:
        return message("fewer than 0.1%")
    return message("up to {share}", share=percent(high))


def counted(number: int, what: str) -> str:
    """Format as "1 review" or "1,200 reviews"."""
    return f"{number:,} {what if number == 1 else f'{what}s'}"
