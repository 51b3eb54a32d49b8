"""The context panel is bounded, corrected for how rare buyers are, and abstains on young products."""

import dataclasses
import datetime as dt
import math

import pytest
from review_data import invented, needs_data, no_op, read

from outlast_reviews.checks.buyer_resemblance import PRIOR, SEPARATION, buyer_resemblance, likelihood_ratio
from outlast_reviews.deduplicate import merge
from outlast_reviews.review import Review


def campaign(count: int) -> list[Review]:
    start = dt.date(2024, 6, 3)
    return [
        Review(row=9000 + n, rating=5.0, date=start + dt.timedelta(days=n % 14), text="x") for n in range(count)
    ]


def test_a_rise_in_the_busiest_weeks_is_found_and_is_context_without_signs():
    finding = buyer_resemblance([*invented(300, days=700), *campaign(80)], no_op)
    assert (finding.outcome, finding.context, finding.signs) == ("found", True, ())
    assert "doesn't affect the grade" in finding.sentence


def test_stars_that_do_not_depend_on_the_day_are_clear():
    assert buyer_resemblance(invented(400, days=700), no_op).outcome == "clear"


def test_nothing_makes_a_product_likely_a_buyer():
    most = likelihood_ratio(1e9)
    assert PRIOR * most / (1 - PRIOR + PRIOR * most) < 0.15
    assert likelihood_ratio(-1e9) > 0


def test_the_separation_is_what_the_published_areas_leave_beside_age():
    def area(separation: float) -> float:
        return 0.5 * math.erfc(-separation / 2)

    age = 2**0.5 * 0.9542
    assert area(age) == pytest.approx(0.83, abs=0.001)
    assert area((age**2 + SEPARATION**2) ** 0.5) == pytest.approx(0.86, abs=0.001)


def test_a_short_time_few_reviews_or_no_dates_are_not_assessed():
    assert buyer_resemblance(invented(400, days=300), no_op).outcome == "not_assessed"
    assert buyer_resemblance(invented(60, days=700), no_op).outcome == "not_assessed"
    assert (
        buyer_resemblance([dataclasses.replace(r, date=None) for r in invented(300)], no_op).outcome
        == "not_assessed"
    )
    assert buyer_resemblance([], no_op).outcome == "not_assessed"


@needs_data
@pytest.mark.data
def test_the_echo_plus_launch_is_not_called_anything():
    assert buyer_resemblance(merge(read("echo_plus_bestbuy.csv")[0].reviews), no_op).outcome == "not_assessed"
