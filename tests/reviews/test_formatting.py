"""Shares are rounded for people, but nought and all are said of nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_verdict import verdict

from outlast_reviews import formatting
from outlast_reviews.pages.charts import star_rows
from outlast_reviews.verdict import Evidence
from outlast_reviews.wording import explain


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0%"),
        (100 / 60_000, "< 0.1%"),
        (0.05, "0.1%"),
        (4.97, "5.0%"),
        (9.94, "9.9%"),
        (9.96, "10%"),
        (22.6, "23%"),
        (99.4, "99%"),
        (100 * 588 / 590, "> 99%"),
        (100, "100%"),
    ],
)
def test_a_share_is_rounded_and_never_to_nought_or_all(value, said):
    assert formatting.percent(value) == said


@pytest.mark.slow
@given(st.integers(1, 2_000_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_only_none_is_nought_and_only_all_is_all(counts):
    part, whole = counts
    said = formatting.percent(100 * part / whole)
    assert (said in {"0%", "0.0%"}) == (part == 0)
    assert (said in {"100%", "100.0%"}) == (part == whole)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (17.9, 28.0, "18–28%"),
        (9.9, 19.1, "9.9–19%"),
        (0, 0.6, "0–0.6%"),
        (14.1, 14.3, "14%"),
        (0.01, 0.8, "< 0.1 to 0.8%"),
        (88, 99.7, "88 to > 99%"),
    ],
)
def test_a_range_says_its_unit_once(low, high, said):
    assert formatting.percent_range(low, high) == said


@pytest.mark.slow
@pytest.mark.parametrize(("texts", "said"), [(60_000, "fewer than 0.1%"), (590, "up to 0.6%")])
def test_of_many_reviews_without_a_sign_almost_none_may_have_one(texts, said):
    judged = verdict(texts)
    nothing = Evidence(frozenset(), frozenset(), frozenset(), frozenset())
    told = explain(judged, nothing, sample=True)
    assert f"If these are typical, expect {said} of all its reviews to show signs." in told


def test_the_stars_beside_their_bars_are_rounded_as_in_their_table():
    stars = [{"stars": 5, "before": 588, "after": 500.0}, {"stars": 1, "before": 2, "after": 1.0}]
    five, one = star_rows(stars)
    assert five.label == "> 99%"
    assert one.label == "0.3 → 0.2%"
