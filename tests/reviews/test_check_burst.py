"""A burst needs both: far more reviews than usual, and far more five stars among them."""

import dataclasses
import datetime as dt
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from review_data import invented, no_op

from outlast_reviews.checks.burst import burst
from outlast_reviews.checks.significance import fisher_tail, poisson_tail
from outlast_reviews.review import Review

START = dt.date(2024, 6, 3)


def spike(count: int, stars: float | None = 5.0, first_row: int = 5001) -> list[Review]:
    return [
        Review(row=first_row + n, rating=stars, date=START + dt.timedelta(days=n % 3), text="x")
        for n in range(count)
    ]


def test_a_campaign_of_five_stars_is_found_with_its_days():
    finding = burst([*invented(300), *spike(40)], no_op)
    assert finding.outcome == "found"
    (window,) = finding.windows
    assert window.start <= START
    assert window.end >= START + dt.timedelta(days=2)
    assert window.count >= 40
    assert {sign.row for sign in finding.signs} >= set(range(5001, 5041))
    assert {sign.strength for sign in finding.signs} == {"medium"}


def test_only_five_star_reviews_of_the_window_carry_the_sign():
    reviews = [*invented(300), *spike(40), *spike(3, stars=2.0, first_row=6001)]
    assert not {sign.row for sign in burst(reviews, no_op).signs} & {6001, 6002, 6003}


def test_a_rush_with_the_usual_stars_is_clear():
    usual = random.Random(3)
    rush = [dataclasses.replace(r, rating=5.0 if usual.random() < 0.6 else 2.0) for r in spike(60)]
    finding = burst([*invented(300), *rush], no_op)
    assert (finding.outcome, finding.windows) == ("clear", ())
    assert "clearly more five stars" in finding.sentence


def test_many_five_stars_without_a_rush_are_clear():
    assert burst(invented(300, five_star_share=0.98), no_op).outcome == "clear"


@pytest.mark.parametrize("strip", ["date", "rating"])
def test_without_dates_or_stars_it_is_not_assessed(strip):
    bare = [dataclasses.replace(r, **{strip: None}) for r in invented(100)]
    assert burst(bare, no_op).outcome == "not_assessed"


def test_few_reviews_or_few_days_are_not_assessed():
    assert burst(invented(19), no_op).outcome == "not_assessed"
    assert burst(invented(200, days=10), no_op).outcome == "not_assessed"
    assert burst([], no_op).outcome == "not_assessed"


def test_a_stray_date_of_long_ago_changes_nothing():
    stray = Review(row=9999, rating=3.0, date=dt.date(1970, 1, 1), text="x")
    found = burst([*invented(300), *spike(40), stray], no_op)
    assert any(w.start <= START <= w.end for w in found.windows)


@pytest.mark.parametrize(("count", "outcome"), [(12, "clear"), (13, "found")])
def test_chance_is_reckoned_from_exactly_the_reviews_that_there_are(count, outcome):
    """One review more or fewer in the reckoning tips one of the two."""
    steady = [
        Review(row=n, rating=3.0 if n % 2 else 5.0, date=START + dt.timedelta(days=n), text="x") for n in range(30)
    ]
    rush = [Review(row=100 + n, rating=5.0, date=START + dt.timedelta(days=15), text="x") for n in range(count)]
    assert burst([*steady, *rush], no_op).outcome == outcome


@pytest.mark.slow
def test_stars_that_do_not_depend_on_the_day_are_hardly_ever_a_burst():
    false = 0
    for seed in range(30):
        chance = random.Random(seed)
        reviews = [*invented(250, seed=seed), *spike(60)]
        stars = [5.0 if chance.random() < 0.6 else 3.0 for _ in reviews]
        shuffled = [dataclasses.replace(r, rating=s) for r, s in zip(reviews, stars, strict=True)]
        false += burst(shuffled, no_op).outcome == "found"
    assert false <= 2


@pytest.mark.slow
def test_a_small_difference_is_no_burst_however_certain():
    usual = [
        Review(row=n, rating=5.0 if n % 10 else 3.0, date=START + dt.timedelta(days=n % 700), text="x")
        for n in range(4_000)
    ]
    rush = [Review(row=9_000 + n, rating=5.0, date=START + dt.timedelta(days=300), text="x") for n in range(200)]
    assert burst([*usual, *rush], no_op).outcome == "clear"
    worse = [dataclasses.replace(r, rating=3.0) if n % 5 == 0 else r for n, r in enumerate(usual)]
    assert burst([*worse, *rush], no_op).outcome == "found"


@pytest.mark.parametrize("usually", [0.9, 0.95])
@pytest.mark.parametrize(
    ("left", "count", "outcome"),
    [(0.0, 400, "found"), (0.2, 400, "found"), (0.5, 400, "clear"), (1.0, 400, "clear"), (0.0, 150, "clear")],
)
def test_an_extreme_rush_without_lower_ratings_is_a_burst_where_nine_of_ten_give_five_stars(
    usually, left, count, outcome
):
    """No rush can raise their share by ten points there; a small one proves nothing."""
    days = [START + dt.timedelta(days=day) for day in range(200) if day != 50]
    steady = [
        Review(row=100 * nth + n, rating=5.0 if nth < 20 * usually else 3.0, date=day, text="x")
        for n, day in enumerate(days)
        for nth in range(20)
    ]
    lower = round(count * left * (1 - usually))
    rush = [
        Review(row=9_000 + n, rating=3.0 if n < lower else 5.0, date=START + dt.timedelta(days=50), text="x")
        for n in range(count)
    ]
    finding = burst([*steady, *rush], no_op)
    assert finding.outcome == outcome
    assert "at other times" in finding.sentence or outcome == "clear"


@pytest.mark.parametrize("usually", [0.5, 0.65, 0.8, 0.85])
@pytest.mark.parametrize(("left", "outcome"), [(0.0, "found"), (0.3, "found"), (0.6, "clear"), (1.0, "clear")])
def test_a_rush_that_halves_the_share_of_lower_ratings_is_a_burst_whatever_is_usual(usually, left, outcome):
    """Where nine of ten give five stars anyway, no campaign can raise their share by much."""
    days = [START + dt.timedelta(days=day) for day in range(100) if day != 50]
    steady = [
        Review(row=100 * nth + n, rating=5.0 if nth < 20 * usually else 3.0, date=day, text="x")
        for n, day in enumerate(days)
        for nth in range(20)
    ]
    lower = round(400 * left * (1 - usually))
    rush = [
        Review(row=9_000 + n, rating=3.0 if n < lower else 5.0, date=START + dt.timedelta(days=50), text="x")
        for n in range(400)
    ]
    assert burst([*steady, *rush], no_op).outcome == outcome


def test_where_a_stretch_holds_most_of_the_reviews_nothing_is_usual():
    few = [Review(row=n, rating=3.0, date=START + dt.timedelta(days=10 * n), text="x") for n in range(20)]
    finding = burst([*few, *spike(60)], no_op)
    assert finding.outcome == "not_assessed"
    assert "nothing usual to compare" in finding.sentence
    assert burst([*few, *spike(15)], no_op).outcome == "found"


def test_fisher_agrees_with_counting_every_way():
    ways = sum(math.comb(8, k) * math.comb(12, 10 - k) for k in range(6, 9))
    assert fisher_tail(6, 10, 2, 10) == pytest.approx(ways / math.comb(20, 10))


def test_poisson_agrees_with_its_definition():
    below = sum(math.exp(-3.5) * 3.5**k / math.factorial(k) for k in range(7))
    assert poisson_tail(7, 3.5) == pytest.approx(1 - below)
    assert poisson_tail(0, 3.5) == 1.0
    assert poisson_tail(1, 40.0) == pytest.approx(1.0)


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300), st.integers(0, 300))
def test_tails_are_probabilities(a, b, c, d):
    assert 0 <= fisher_tail(a, a + b, c, c + d) <= 1
    assert 0 <= poisson_tail(a, b + 0.5) <= 1
