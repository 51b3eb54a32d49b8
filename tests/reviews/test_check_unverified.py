"""Missing verification is a weak sign where most purchases are verified, and no sign elsewhere."""

import dataclasses

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
