"""Sets of reviews made to cost the most are judged with work in proportion to their size."""

import datetime as dt
import random
import sys
from array import array
from itertools import chain

import pytest
from review_data import invented, no_op, review_set

from outlast_reviews import deduplicate
from outlast_reviews.checks import run_checks, similar_sets
from outlast_reviews.checks.facts import ReviewFacts, Sighting, reviewer_mark
from outlast_reviews.checks.near_copies import near_copies
from outlast_reviews.checks.reviewer_overlap import reviewer_overlap
from outlast_reviews.deduplicate import clean
from outlast_reviews.report import review_report
from outlast_reviews.review import MOST_CHARACTERS, Review


@pytest.fixture
def counted(monkeypatch):
    """Counts the calls of a function of a module."""

    def count(module: object, name: str) -> list[tuple]:
        calls: list[tuple] = []
        real = getattr(module, name)

        def counting(*arguments, **named):
            calls.append(arguments)
            return real(*arguments, **named)

        monkeypatch.setattr(module, name, counting)
        return calls

    return count


def test_a_short_text_is_not_laid_beside_the_words_of_a_text_many_times_as_long(counted):
    calls = counted(sys.modules[near_copies.__module__], "SequenceMatcher")
    core = "one two three four five six seven eight nine ten "
    long = [Review(n, text=core + "a " * 500 + f"x{n}", reviewer=f"Author {n}") for n in range(1, 4)]
    short = [
        Review(n, text=f"one two three four then others {n} say so", reviewer=f"Guest {n}") for n in range(9, 30)
    ]
    near_copies([*long, *short], no_op)
    assert all(len(model) < 20 for _, _, model, *_ in calls)


@pytest.mark.slow
def test_sets_of_the_same_parts_in_other_choices_are_compared_with_few_others_each(counted):
    calls = counted(similar_sets, "_similar")
    chance = random.Random(1)
    parts = [[chance.getrandbits(32) for _ in range(10)] for _ in range(100)]
    sets = [array("I", chain.from_iterable(chance.sample(parts, 10))) for _ in range(300)]
    assert similar_sets.similar_groups(sets, lambda _a, _b: True, no_op, loosely=[True] * 300) is not None
    assert len(calls) <= 300 * 20


def test_a_reviewer_with_thousands_of_reviews_is_looked_up_once_a_day_and_product(counted):
    calls = counted(sys.modules[reviewer_overlap.__module__], "_pairs")
    day = dt.date(2024, 5, 10)
    reviews = [Review(n, date=day, reviewer="Anna Larkspurn", text=f"text {n}") for n in range(1, 2_001)]
    mark = reviewer_mark(reviews[0]) or ""
    seen = [Sighting(mark, f"web:{n}", day) for n in range(80)]
    finding = reviewer_overlap(reviews, no_op, facts=ReviewFacts(seen=seen))
    assert len(finding.signs) == 2_000
    assert len(calls) <= 2


def test_merging_ends_though_each_look_finds_another_repeat(monkeypatch):
    looks: list[int] = []

    def endless(reviews, _progress):
        looks.append(len(reviews))
        return reviews[1:]

    monkeypatch.setattr(deduplicate, "_merge_once", endless)
    deduplicate.merge(invented(100))
    assert len(looks) == 8


def test_checks_read_the_beginning_of_a_very_long_text_and_the_report_says_that_they_do():
    disclosing = " I received it in exchange for my honest review."
    beginning, end = "good " * (MOST_CHARACTERS // 5 - 20), "good " * MOST_CHARACTERS
    within, beyond = Review(1, text=beginning + disclosing), Review(2, text=end + disclosing)
    findings = {finding.name: finding for finding in run_checks([within, beyond])}
    assert [sign.row for sign in findings["incentive"].signs] == [1]
    assert clean(review_set([within])).coverage.left_out == ()
    assert clean(review_set([beyond])).coverage.left_out == ("the end of a text of more than 30,000 characters",)
    report = review_report(review_set([beyond, within, Review(3, text=end + "!")]), source="s", analysed_at=NOW)
    assert report["coverage"]["left_out"] == ["the ends of 2 texts of more than 30,000 characters"]


NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
