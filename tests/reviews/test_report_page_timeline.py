"""On the timeline every day has its place: ticks stand where months begin, a burst is as wide as its days."""

import datetime as dt
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlast_reviews.checks.finding import Window
from outlast_reviews.pages.timeline_chart import TimelineChart, timeline_chart
from outlast_reviews.review import Review
from outlast_reviews.timeline import timeline

DAYS = st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31))


def chart_of(*days: dt.date, burst: tuple[dt.date, dt.date] | None = None) -> TimelineChart:
    reviews = [Review(row=n, date=day, rating=5.0) for n, day in enumerate(days)]
    windows = [Window(*burst, 1)] if burst else []
    unit, points = timeline(reviews, frozenset({0}), windows)
    told = [
        {
            "from": point.start.isoformat(),
            "to": point.end.isoformat(),
            "count": point.count,
            "five_star": point.five_star,
            "suspicious": point.suspicious,
            "in_burst": point.in_burst,
        }
        for point in points
    ]
    bursts = [{"from": w.start.isoformat(), "to": w.end.isoformat(), "count": 1} for w in windows]
    chart = timeline_chart({"unit": unit, "points": told}, bursts)
    assert chart is not None
    return chart


def labels(chart: TimelineChart) -> list[str]:
    return [tick.label for tick in chart.ticks if tick.label]


def test_labels_stand_where_their_months_begin():
    chart = chart_of(dt.date(2024, 1, 1), dt.date(2024, 5, 19))  # 20 weeks from a Monday
    assert labels(chart) == ["Jan 2024", "Feb 2024", "Mar 2024", "Apr 2024"]
    days = [(dt.date(2024, month, 1) - dt.date(2024, 1, 1)).days for month in range(1, 6)]
    assert [tick.x for tick in chart.ticks] == pytest.approx([100 * day / 140 for day in days], abs=0.01)


def test_labels_of_many_years_are_round_years_where_they_begin():
    chart = chart_of(dt.date(2000, 1, 1), dt.date(2019, 12, 31))  # 80 quarters
    assert labels(chart) == ["2000", "2005", "2010", "2015"]
    assert [tick.x for tick in chart.ticks] == pytest.approx([0, 25, 50, 75])


def test_a_few_weeks_are_told_by_their_days():
    chart = chart_of(dt.date(2024, 3, 5), dt.date(2024, 3, 26))
    assert labels(chart) == ["4 Mar 2024", "11 Mar 2024", "18 Mar 2024", "25 Mar 2024"]


def test_a_burst_is_as_wide_as_its_days():
    burst = (dt.date(2024, 2, 13), dt.date(2024, 2, 16))
    (band,) = chart_of(dt.date(2024, 1, 1), dt.date(2024, 5, 19), burst=burst).bands
    assert band.x == pytest.approx(100 * 43 / 140, abs=0.01)
    assert band.width == pytest.approx(100 * 4 / 140, abs=0.01)


def test_a_burst_that_is_short_for_its_chart_can_still_be_seen():
    burst = (dt.date(2010, 2, 13), dt.date(2010, 2, 13))
    (band,) = chart_of(dt.date(2000, 1, 1), dt.date(2019, 12, 31), burst=burst).bands
    assert band.width > 0.5
    assert band.x < 100 * 10.13 / 20 < band.x + band.width


@pytest.mark.slow
@given(st.lists(DAYS, min_size=1, max_size=6), DAYS, st.integers(0, 40))
def test_everything_stays_inside_and_labels_apart(days, start, length):
    end = min(start.toordinal() + length, dt.date.max.toordinal())
    chart = chart_of(*days, burst=(start, dt.date.fromordinal(end)))
    for bar in (*chart.bands, *(column.whole for column in chart.columns)):
        assert bar.x >= 0
        assert bar.x + bar.width <= 100.01
        assert chart.top - 8 <= bar.y <= chart.foot
    assert 1 <= len(labels(chart)) <= 5
    spans = [(t.x - 18 * t.before, t.x + 18 * (not t.before)) for t in chart.ticks if t.label]
    assert all(left >= 0 and right <= 100.01 for left, right in spans)
    assert all(one[1] <= other[0] + 0.02 for one, other in itertools.pairwise(spans))
