"""The adjusted rating is a weighted mean with an interval, and says when nothing changed."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlast_reviews.ratings import adjusted_rating, changed, mean_rating, star_counts
from outlast_reviews.review import Review
from outlast_reviews.verdict import Evidence, Interval

NOBODY = frozenset[int]()
NOTHING = Evidence(NOBODY, NOBODY, NOBODY, NOBODY)


def rated(*stars: float | None) -> list[Review]:
    return [Review(row=n, rating=s) for n, s in enumerate(stars, start=1)]


def evidence(strong=(), medium=(), incentivised=()) -> Evidence:
    return Evidence(frozenset(strong), frozenset(medium), frozenset(incentivised), NOBODY)


def test_the_mean_leaves_out_reviews_without_stars():
    assert mean_rating(rated(5, None, 2)) == 3.5
    assert mean_rating(rated(None)) is None


def test_without_signs_the_rating_stays():
    reviews = rated(*[5.0] * 60, *[3.0] * 40)
    adjusted = adjusted_rating(reviews, NOTHING)
    assert adjusted is not None
    assert adjusted.middle == pytest.approx(4.2)
    assert not changed(mean_rating(reviews), adjusted)


def test_strong_signs_take_all_weight_medium_ones_and_incentives_half():
    weighed = adjusted_rating(rated(5, 4, 3, 1), evidence(strong=[1], medium=[2], incentivised=[3]))
    assert weighed is not None
    assert weighed.middle == pytest.approx((0.5 * 4 + 0.5 * 3 + 1) / 2)


def test_a_large_campaign_changes_the_rating():
    reviews = rated(*[5.0] * 150, *[2.0, 3.0, 4.0] * 60)
    adjusted = adjusted_rating(reviews, evidence(strong=range(1, 151)))
    assert adjusted is not None
    assert adjusted.middle == pytest.approx(3.0)
    assert changed(mean_rating(reviews), adjusted)


def test_without_stars_or_weight_there_is_no_adjusted_rating():
    assert adjusted_rating(rated(None, None), NOTHING) is None
    assert adjusted_rating(rated(5, 5), evidence(strong=[1, 2])) is None
    assert not changed(5.0, None)


def test_the_interval_is_as_wide_as_resampling_says():
    chance = random.Random(2)
    stars = [float(chance.choice([1, 3, 4, 5, 5, 5])) for _ in range(200)]
    adjusted = adjusted_rating(rated(*stars), NOTHING)
    assert adjusted is not None
    means = sorted(sum(chance.choices(stars, k=200)) / 200 for _ in range(2_000))
    assert adjusted.low == pytest.approx(means[50], abs=0.05)
    assert adjusted.high == pytest.approx(means[-51], abs=0.05)


@pytest.mark.slow
@settings(max_examples=20)
@given(st.lists(st.sampled_from([1.0, 2.0, 3.5, 5.0]), min_size=1, max_size=40), st.randoms())
def test_the_interval_contains_its_middle_whatever_the_order(stars, chance):
    adjusted = adjusted_rating(rated(*stars), NOTHING)
    assert adjusted is not None
    assert 1 <= adjusted.low <= adjusted.middle <= adjusted.high <= 5
    chance.shuffle(stars)
    assert adjusted_rating(rated(*stars), NOTHING) == adjusted


def test_an_original_outside_the_interval_is_a_change():
    assert changed(4.5, Interval(4.0, 4.2, 4.4))
    assert not changed(4.4, Interval(4.0, 4.2, 4.4))


def test_stars_are_counted_before_and_after_with_halves_rounded_up():
    counts = star_counts(rated(5, 4.5, 4, 1, None), evidence(strong=[1], medium=[2], incentivised=[3]))
    assert counts == [(5, 2, 0.5, 0), (4, 1, 0.5, 1), (3, 0, 0.0, 0), (2, 0, 0.0, 0), (1, 1, 1.0, 0)]
