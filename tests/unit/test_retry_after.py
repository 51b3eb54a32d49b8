"""Waiting times from numbers, durations, dates and header values."""

import math
import pickle
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlast import RetryAfter
from outlast.domain.retry_after import YEAR, seconds_to_wait


@pytest.mark.slow
@given(st.floats(0, YEAR) | st.integers(0, int(YEAR)))
def test_seconds_and_their_text_mean_the_same(seconds):
    assert seconds_to_wait(seconds) == seconds_to_wait(f" {seconds} ") == pytest.approx(seconds)


@pytest.mark.slow
@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=366)))
def test_a_duration_is_its_seconds(duration):
    assert seconds_to_wait(duration) == duration.total_seconds()


@pytest.mark.parametrize("value", [Decimal("2.5"), Fraction(5, 2)])
def test_every_kind_of_real_number_is_understood(value):
    assert seconds_to_wait(value) == 2.5


@pytest.mark.parametrize("moment", [timedelta(hours=1), timedelta(hours=-1), timedelta(days=10_000)])
def test_a_date_is_the_time_until_then_and_nothing_once_it_has_passed(moment):
    expected = min(max(moment.total_seconds(), 0), YEAR)
    date = datetime.now(UTC) + moment
    for value in (date, format_datetime(date.replace(microsecond=0), usegmt=True)):
        assert abs(seconds_to_wait(value) - expected) < 60


@pytest.mark.parametrize("value", [1e12, 10**400, 1764446400, timedelta(days=100_000), "1764446400"])
def test_what_is_longer_than_a_year_is_a_year(value):
    assert seconds_to_wait(value) == YEAR


@pytest.mark.parametrize(
    "value",
    [
        *(math.inf, -math.inf, math.nan, -1, -1e-9, Decimal("NaN"), timedelta(seconds=-1)),
        *("nan", "inf", "-1", "soon", "", "Wed, 99 Oct 2026", b"30", None, True, [30], datetime(2026, 1, 1)),  # noqa: DTZ001 - without a zone, on purpose
    ],
)
def test_everything_else_is_refused_with_a_sentence(value):
    with pytest.raises(ValueError, match=r"RetryAfter needs .* it got "):
        RetryAfter(value)


@pytest.mark.slow
@given(st.text() | st.binary() | st.floats() | st.integers() | st.none() | st.lists(st.integers()))
def test_nothing_is_ever_negative_infinite_or_another_error(value):
    try:
        seconds = seconds_to_wait(value)
    except ValueError:
        return
    assert 0 <= seconds <= YEAR


def test_it_passes_between_processes():
    passed = pickle.loads(pickle.dumps(RetryAfter(30, "Busy.")))
    assert (passed.seconds, str(passed)) == (30, "Busy.")
