"""Missing verification is a weak sign where most purchases are verified, and no sign elsewhere."""

import dataclasses

import pytest
from review_data import invented, no_op

from outlast_reviews.checks.unverified import unverified
from outlast_reviews.review import Review


def reviews(verified: int, not_verified: int) -> list[Review]:
    flags = [True] * verified + [False] * not_verified
    return [Review(row=n, verified=flag) for n, flag in enumerate(flags, start=1)]


def test_the_few_without_are_weak_signs():
    finding = unverified(reviews(50, 3), no_op)
    assert finding.outcome == "found"
    assert [(sign.row, sign.strength) for sign in finding.signs] == [(51, "weak"), (52, "weak"), (53, "weak")]


def test_all_verified_is_clear():
    assert unverified(reviews(30, 0), no_op).outcome == "clear"


def test_where_most_are_unverified_it_is_not_assessed():
    assert unverified(reviews(10, 30), no_op).outcome == "not_assessed"


def test_a_source_that_does_not_say_is_not_assessed():
    silent = [dataclasses.replace(review, verified=None) for review in invented(50)]
    assert unverified(silent, no_op).outcome == "not_assessed"


def test_few_that_say_are_not_assessed():
    assert unverified(reviews(18, 1), no_op).outcome == "not_assessed"


def test_reviews_that_do_not_say_are_no_signs_among_those_that_do():
    silent = [Review(row=n) for n in range(100, 110)]
    assert {sign.row for sign in unverified([*reviews(50, 3), *silent], no_op).signs} == {51, 52, 53}


@pytest.mark.parametrize(
    ("verified", "others", "outcome", "sentence"),
    [
        (11, 9, "found", ("9 of 20 reviews are without a verified purchase. Honest reviews often are too,"
                         " so this doesn't count on its own.")),
        (20, 0, "clear", "All 20 purchases are verified."),
        (10, 10, "not_assessed", "Only 10 of 20 purchases are verified, so being unverified is normal here."),
        (19, 0, "not_assessed",
         "Only 19 reviews say whether the purchase is verified; we need at least 20."),
        (0, 0, "not_assessed", "The source doesn't say which purchases are verified."),
    ],
)  # fmt: skip
def test_each_outcome_in_a_sentence(verified, others, outcome, sentence):
    flags = [*[True] * verified, *[False] * others, None]
    finding = unverified([Review(n, verified=flag) for n, flag in enumerate(flags)], no_op)
    assert (finding.outcome, finding.sentence) == (outcome, sentence)
    assert {sign.sentence for sign in finding.signs} <= {
        "Not a verified purchase, unlike most others here. This doesn't count on its own."
    }
    assert len(finding.signs) == (others if outcome == "found" else 0)
