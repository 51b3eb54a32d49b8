"""Checks that need earlier analyses or the seller's words are not assessed without them."""

import dataclasses
import datetime as dt

import pytest
from review_data import WORDS, invented, no_op

from outlast_reviews.checks import run_checks
from outlast_reviews.checks.facts import EarlierReview, ReviewFacts, Sighting, review_mark, reviewer_mark
from outlast_reviews.checks.marketing_text import marketing_text
from outlast_reviews.checks.reviewer_overlap import reviewer_overlap
from outlast_reviews.checks.vanished import vanished
from outlast_reviews.review import Review
from outlast_reviews.verdict import compute_verdict, gather

SECRET = b"of this installation"
DAY = dt.date(2024, 5, 10)


def by(name: str, row: int, day: dt.date = DAY) -> Review:
    return Review(row=row, reviewer=name, date=day, rating=5.0, text=f"text {row}")


def seen(name: str, product: str, days: int) -> Sighting:
    mark = reviewer_mark(by(name, 1), SECRET)
    assert mark
    return Sighting(mark, product, DAY + dt.timedelta(days=days))


def facts(*met: Sighting, product: str = "web:this") -> ReviewFacts:
    return ReviewFacts(product=product, secret=SECRET, seen=met)


HERE = [by("Anna Larkspurn", 1), by("Boris Mossgrove", 2), by("Clara Nettlefold", 3)]


def test_reviewers_who_meet_again_at_two_other_products_are_strong_signs():
    met = [seen(n, p, 3) for n in ("Anna Larkspurn", "Boris Mossgrove") for p in ("web:a", "web:b")]
    finding = reviewer_overlap(HERE, no_op, facts=facts(*met))
    assert finding.outcome == "found"
    assert {(sign.row, sign.strength) for sign in finding.signs} == {(1, "strong"), (2, "strong")}


def test_one_who_just_reviews_much_is_only_a_weak_sign():
    met = [seen("Anna Larkspurn", p, 3) for p in ("web:a", "web:b", "web:c")]
    (sign,) = reviewer_overlap(HERE, no_op, facts=facts(*met)).signs
    assert (sign.row, sign.strength) == (1, "weak")


@pytest.mark.parametrize(("days", "outcome"), [(14, "found"), (-14, "found"), (15, "clear"), (-15, "clear")])
def test_only_fourteen_days_around_a_review_count(days, outcome):
    met = [seen(n, p, days) for n in ("Anna Larkspurn", "Boris Mossgrove") for p in ("web:a", "web:b")]
    assert reviewer_overlap(HERE, no_op, facts=facts(*met)).outcome == outcome


def test_one_other_product_and_this_product_itself_do_not_count():
    once = [seen(n, p, 1) for n, p in (("Anna Larkspurn", "web:a"), ("Boris Mossgrove", "web:b"))]
    assert reviewer_overlap(HERE, no_op, facts=facts(*once)).outcome == "clear"
    own = [seen("Anna Larkspurn", p, 1) for p in ("web:a", "web:this")]
    assert reviewer_overlap(HERE, no_op, facts=facts(*own)).outcome == "not_assessed"


def test_without_other_products_dates_or_names_overlap_is_not_assessed():
    met = [seen("Anna Larkspurn", p, 1) for p in ("web:a", "web:b")]
    undated = [dataclasses.replace(r, date=None) for r in HERE]
    nameless = [dataclasses.replace(r, reviewer="Amazon Customer") for r in HERE]
    assert reviewer_overlap(HERE, no_op, facts=facts()).outcome == "not_assessed"
    assert reviewer_overlap(undated, no_op, facts=facts(*met)).outcome == "not_assessed"
    assert reviewer_overlap(nameless, no_op, facts=facts(*met)).outcome == "not_assessed"


@pytest.mark.parametrize("name", ["steven", "Erin B.", "Amazon Customer", None, "j m"])
def test_a_name_that_many_have_marks_nobody(name):
    assert reviewer_mark(Review(row=1, reviewer=name)) is None


def test_marks_are_one_reviewers_everywhere_and_nobodys_elsewhere():
    assert reviewer_mark(by("Anna  LARKSPURN", 1), SECRET) == reviewer_mark(by("anna larkspurn", 9), SECRET)
    assert reviewer_mark(by("Anna Larkspurn", 1), SECRET) != reviewer_mark(by("Anna Larkspurn", 1), b"another")
    assert reviewer_mark(by("A2XJ3KQ9ZZ11", 1), SECRET)
    assert "anna" not in str(reviewer_mark(by("Anna Larkspurn", 1), SECRET))


def earlier(reviews: list[Review]) -> tuple[EarlierReview, ...]:
    return tuple(EarlierReview(review_mark(r, SECRET) or "", r.date, r.rating) for r in reviews)


def since(reviews: list[Review], then: list[Review]):
    return vanished(reviews, no_op, facts=ReviewFacts(secret=SECRET, earlier=earlier(then), earlier_on=DAY))


def test_reviews_that_are_gone_are_counted_and_are_context():
    then = invented(100)
    finding = since(then[:90], then)
    assert (finding.outcome, finding.context, finding.signs) == ("found", True, ())
    assert finding.sentence.startswith("10 of 100 reviews")


def test_a_file_of_other_days_or_of_mostly_other_reviews_misses_nothing():
    then = sorted(invented(100), key=lambda r: str(r.date))
    assert since(then, then).outcome == "clear"
    assert since(then[40:], then).outcome == "clear"
    assert since([*invented(100, seed=2), *then[:30]], then).outcome == "not_assessed"
    assert vanished(then, no_op, facts=ReviewFacts()).outcome == "not_assessed"


DESCRIPTION = " ".join(WORDS[40:90])


def test_a_passage_of_the_sellers_description_is_a_weak_sign_with_its_words():
    passage = " ".join(WORDS[50:64])
    quoting = Review(row=900, text=f"My own words first. {passage}, and mine again.")
    finding = marketing_text([*invented(50), quoting], no_op, facts=ReviewFacts(description=DESCRIPTION))
    assert [(s.row, s.strength, s.quotes) for s in finding.signs] == [(900, "weak", (passage,))]


def test_nine_words_of_the_description_are_none_and_without_one_it_is_not_assessed():
    short = Review(row=900, text=f"It is {' '.join(WORDS[50:59])}")
    assert marketing_text([short], no_op, facts=ReviewFacts(description=DESCRIPTION)).outcome == "clear"
    assert marketing_text([short], no_op, facts=ReviewFacts()).outcome == "not_assessed"


@pytest.mark.slow
def test_context_never_moves_the_verdict():
    reviews = invented(300, days=900)
    plain = run_checks(reviews)
    told = run_checks(
        reviews, facts=ReviewFacts(secret=SECRET, earlier=earlier(invented(310, days=900)), earlier_on=DAY)
    )
    assert [f.outcome for f in plain] != [f.outcome for f in told]
    first, second = (compute_verdict(reviews, f, gather(f), sample=True) for f in (plain, told))
    assert dataclasses.replace(first, checks_made=0) == dataclasses.replace(second, checks_made=0)
    assert second.checks_made == first.checks_made + 1
    context = [dataclasses.replace(f, outcome="not_assessed") if not f.context else f for f in told]
    assert compute_verdict(reviews, context, gather(context), sample=True).grade == "U"
