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
    assert [month.name for month in chart.months] == ["Jan", "Feb", "Mar", "Apr", "May"]
    days = [(dt.date(2024, month, 1) - dt.date(2024, 1, 1)).days for month in range(1, 6)]
    assert [month.start for month in chart.months] == pytest.approx([100 * day / 140 for day in days], abs=0.01)
    assert labels(chart) == ["2024"]


def test_every_month_has_its_tick_and_each_year_its_name_where_it_begins():
    chart = chart_of(dt.date(2023, 9, 14), dt.date(2025, 6, 3))
    assert "".join(month.name[0] for month in chart.months) == "SONDJFMAMJJASONDJFMAMJ"
    assert labels(chart) == ["2023", "2024", "2025"]
    longer = chart_of(dt.date(2015, 1, 1), dt.date(2019, 12, 31))
    assert longer.months == ()
    assert len(longer.small_ticks) + len(longer.ticks) == 60


def test_the_lines_across_stand_at_round_numbers():
    for most, lines in ((1, [1]), (3, [3, 2, 1]), (7, [6, 4, 2]), (79, [60, 40, 20]), (1_234, [1_000, 500])):
        days = [dt.date(2024, 3, 5)] * most
        assert [line.count for line in chart_of(*days, dt.date(2024, 9, 1)).lines] == lines


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
    assert (band.count, band.days) == (1, "from 13 to 16 February 2024")
    assert band.anchor[1] == "start"
    bar = band.bar
    assert bar.x == pytest.approx(100 * 43 / 140, abs=0.01)
    assert bar.width == pytest.approx(100 * 4 / 140, abs=0.01)


def test_a_burst_that_is_short_for_its_chart_can_still_be_seen():
    burst = (dt.date(2010, 2, 13), dt.date(2010, 2, 13))
    (burst_band,) = chart_of(dt.date(2000, 1, 1), dt.date(2019, 12, 31), burst=burst).bands
    band = burst_band.bar
    assert band.width > 0.5
    assert band.x < 100 * 10.13 / 20 < band.x + band.width


@pytest.mark.slow
@given(st.lists(DAYS, min_size=1, max_size=6), DAYS, st.integers(0, 40))
def test_everything_stays_inside_and_labels_apart(days, start, length):
    end = min(start.toordinal() + length, dt.date.max.toordinal())
    chart = chart_of(*days, burst=(start, dt.date.fromordinal(end)))
    for bar in (*(band.bar for band in chart.bands), *(column.whole for column in chart.columns)):
        assert bar.x >= 0
        assert bar.x + bar.width <= 100.01
        assert 0 <= bar.y <= chart.foot
    for band in chart.bands:
        assert 0 <= band.anchor[0] <= 100
    assert 1 <= len(labels(chart)) <= 5
    spans = [(t.x - 18 * t.before, t.x + 18 * (not t.before)) for t in chart.ticks if t.label]
    assert all(left >= 0 and right <= 100.01 for left, right in spans)
    assert all(one[1] <= other[0] + 0.02 for one, other in itertools.pairwise(spans))
