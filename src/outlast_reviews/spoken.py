"""Days and shares as a sentence says them, in English whatever the machine's locale (pure)."""

import datetime as dt

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def day(date: dt.date) -> str:
    return f"{date.day} {_MONTHS[date.month - 1]} {date.year}"


def month(date: dt.date) -> str:
    return f"{_MONTHS[date.month - 1][:3]} {date.year}"


def days(start: dt.date, end: dt.date) -> str:
    """As "on 3 May 2024" or "from 10 to 13 April 2018"; only what differs is said twice."""
    if start == end:
        return f"on {day(start)}"
    first = day(start)
    if start.year == end.year:
        first = f"{start.day} {_MONTHS[start.month - 1]}" if start.month != end.month else str(start.day)
    return f"from {first} to {day(end)}"


def percent(value: float) -> str:
    """One decimal below 10, none above: more would pretend."""
    return f"{value:.1f} %" if 0 < value < 9.95 else f"{value:.0f} %"


def percent_range(low: float, high: float) -> str:
    return percent(low) if percent(low) == percent(high) else f"{percent(low)[:-2]}–{percent(high)}"
