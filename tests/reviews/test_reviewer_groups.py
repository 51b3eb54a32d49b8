"""Histories of reviewers, and groups that meet again across products: planted ones are found, others are not."""

import datetime as dt
import random
from dataclasses import replace

import pytest
from review_data import invented

from outlast_reviews.checks.facts import ReviewFacts, Sighting, reviewer_mark
from outlast_reviews.evaluate.accuracy_table import accuracy_table, as_json
from outlast_reviews.evaluate.planted_groups import CROWDS, crowd, evaluate_groups, plant_group
from outlast_reviews.insights.measured_groups import accuracy_of_groups, measured_groups
from outlast_reviews.insights.reviewer_groups import (
    LEAST_PEOPLE,
    MOST_GROUPS,
    MOST_PEOPLE_SHOWN,
    MOST_VISITS,
    WITHIN_DAYS,
    find_groups,
    group_reports,
)
from outlast_reviews.insights.reviewer_histories import Event
from outlast_reviews.insights.reviewers import NOT_LOOKED_FOR, reviewers_elsewhere
from outlast_reviews.review import Review

DAY = dt.date(2024, 5, 10)


def named(count: int) -> list[Review]:
    return [replace(review, reviewer=f"Anna Number{review.row}x") for review in invented(count)]


def facts(reviews: list[Review], *sightings: tuple[int, str, int, float]) -> ReviewFacts:
    """Sightings as the review's place, the product, days after DAY, and stars."""
    seen = [
        Sighting(reviewer_mark(reviews[at]) or "", product, DAY + dt.timedelta(days=after), stars)
        for at, product, after, stars in sightings
    ]
    return ReviewFacts(product="own", seen=seen, others=9)


class TestHistories:
    def test_reviewers_met_elsewhere_are_counted_by_what_they_did(self):
        reviews = [replace(review, rating=5.0) for review in named(20)]
        known = facts(
            reviews,
            *((0, product, after, 5.0) for after, product in enumerate("abc")),
            *((1, product, 0, 4.0) for product in "abc"),
            (2, "a", 0, 5.0),
        )
        found = reviewers_elsewhere(reviews, known).histories
        assert found is not None
        assert (found.reviewers, found.met, found.other_products) == (20, 3, 9)
        assert (found.rated, found.only_five_stars, found.several_on_one_day) == (2, 1, 1)
        assert [(one.products, one.only_five_stars, one.most_on_one_day) for one in found.listed] == [
            (4, False, 3),
            (4, True, 1),
        ]
        assert all(one.reviewer == "Anna N." for one in found.listed)

    def test_other_products_of_the_same_file_are_met_too(self):
        reviews = [replace(review, product=f"P{review.row % 2}", reviewer="Anna Larkspurn") for review in named(6)]
        found = reviewers_elsewhere(reviews, ReviewFacts()).histories
        assert found is not None
        assert (found.reviewers, found.met, found.other_products) == (1, 1, 1)

    def test_reviews_of_this_product_at_an_earlier_analysis_are_no_meeting(self):
        reviews = named(5)
        found = reviewers_elsewhere(reviews, facts(reviews, (0, "own", 3, 5.0))).histories
        assert found is not None
        assert found.met == 0

    @pytest.mark.parametrize("reviewer", [None, "Anna B.", "Amazon Customer"])
    def test_nobody_is_recognised_by_a_name_that_many_have(self, reviewer):
        reviews = [replace(review, reviewer=reviewer) for review in named(20)]
        assert reviewers_elsewhere(reviews, ReviewFacts(others=9)) == NOT_LOOKED_FOR

    def test_without_another_product_nobody_can_be_met(self):
        assert reviewers_elsewhere(named(20), ReviewFacts()) == NOT_LOOKED_FOR


class TestGroups:
    @pytest.mark.parametrize(("people", "products"), [(6, 2), (10, 2), (4, 3), (20, 3)])
    @pytest.mark.slow
    def test_a_planted_group_is_found_and_nobody_else(self, people, products):
        for seed in range(5):
            events, planted = plant_group(crowd("strangers", seed), people, products, 1.0, seed)
            groups = find_groups(events)
            assert {mark for group in groups for mark in group.people} == planted

    @pytest.mark.slow
    def test_people_who_act_alone_are_no_group(self):
        for kind in ("strangers", "frequent reviewers"):
            assert not any(find_groups(crowd(kind, seed)) for seed in range(1_000, 1_040))

    def test_the_order_of_reviewers_and_events_changes_nothing(self):
        events, _ = plant_group(crowd("frequent reviewers", 3), 10, 3, 0.8, 3)
        shuffled = list(events.items())
        random.Random(1).shuffle(shuffled)
        turned = {mark: list(reversed(own)) for mark, own in shuffled}
        assert find_groups(turned) == find_groups(events) != ()

    def test_the_same_products_at_different_times_are_no_group(self):
        events, planted = plant_group(crowd("strangers", 3), 6, 2, 1.0, 3)
        apart = {
            mark: [replace(e, date=DAY + dt.timedelta(days=(WITHIN_DAYS + 1) * n)) for e in events[mark]]
            for n, mark in enumerate(sorted(planted))
        }
        assert find_groups({**events, **apart}) == ()

    def test_two_people_are_no_group(self):
        events, planted = plant_group(crowd("strangers", 3), LEAST_PEOPLE - 1, 3, 1.0, 3)
        assert not planted & {mark for group in find_groups(events) for mark in group.people}

    def test_whoever_reviews_everything_is_left_out(self):
        products = [Event(f"p{n}", DAY, 5.0) for n in range(MOST_VISITS + 1)]
        events = {f"m{n}": [Event("", DAY, 5.0), *products] for n in range(50)}
        assert find_groups(events) == ()

    def test_the_report_shows_a_part_of_many_and_says_how_many_there_are(self):
        events, _ = plant_group(crowd("strangers", 4), 30, 3, 1.0, 4)
        groups = find_groups(events)
        (shown,) = group_reports(groups, events, {mark: f"R {mark}" for mark in sorted(events)})
        assert len(groups) <= MOST_GROUPS
        assert shown.people == 30
        assert len(shown.rows) == len(shown.names) == MOST_PEOPLE_SHOWN
        assert {len(row) for row in shown.rows} == {shown.products + 1}
        assert all(shown.first_date <= day <= shown.last_date for row in shown.rows for day in row if day)


@pytest.mark.slow
def test_the_shipped_figures_are_those_of_this_code():
    """Of a few seeds, so within what chance allows; the names are all there."""
    again = as_json(accuracy_table("invented crowds", evaluate_groups(4, lambda *_: None)))
    shipped = {line["name"]: line for line in measured_groups()["figures"]}
    assert list(shipped) == [line["name"] for line in again["figures"]]
    for line in again["figures"]:
        assert line["low"] - 0.02 <= shipped[line["name"]]["value"] <= line["high"] + 0.02
    assert shipped[f"crowds of {CROWDS[0]} with a group"]["value"] <= 0.01
    assert all("%" in sentence for sentence in accuracy_of_groups())
