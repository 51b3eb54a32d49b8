"""Parses waiting times from numbers, durations, dates and the values of `Retry-After` headers."""

import math
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from numbers import Real
from reprlib import repr as shortened

DAY = 86_400.0
"""Seconds; the default maximum wait."""
YEAR = 366 * DAY
"""Seconds; the highest maximum wait that an analysis may set."""
ACCEPTED = "seconds (a number or a numeric string), a timedelta, an aware datetime, or an HTTP date"


def seconds_to_wait(wait: object) -> float:
    """Return seconds from now, from 0 to `YEAR`; a past date gives 0.

    Raises `ValueError` for everything else, including negative and infinite numbers.
    """
    match wait:
        case bool():
            pass
        case int():
            # compare before the conversion: the number may be too large for a float
            return _checked(YEAR if wait > YEAR else float(wait))
        case Real() | Decimal():
            return _checked(float(wait))
        case timedelta():
            return _checked(wait.total_seconds())
        case datetime() if wait.tzinfo is not None:
            return _until(wait)
        case str():
            with suppress(ValueError):
                return _checked(float(wait))
            with suppress(ValueError):
                return _until(_http_date(wait))
        case _:
            pass
    raise ValueError(f"RetryAfter needs {ACCEPTED}; it got {shortened(wait)}.")


def _checked(seconds: float) -> float:
    if not 0 <= seconds < math.inf:  # NaN is not
        raise ValueError(f"RetryAfter needs a finite number of seconds from 0 on; it got {seconds}.")
    return min(seconds, YEAR)


def _http_date(text: str) -> datetime:
    moment = parsedate_to_datetime(text.strip())
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _until(moment: datetime) -> float:
    # analysis code raises `RetryAfter` without access to the clock port, so use the system's clock
    return min(max((moment - datetime.now(UTC)).total_seconds(), 0.0), YEAR)
