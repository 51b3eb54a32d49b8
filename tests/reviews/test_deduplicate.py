"""Repeats are merged and counted; nothing else is."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from review_data import needs_data, read, review_set

from outlast_reviews.deduplicate import CleanSet, clean, merge
from outlast_reviews.review import Review, ReviewSet, Skipped
from outlast_reviews.reviewers import identity, short_name

DAY = dt.date(2024, 5, 1)


def test_one_reviewer_with_one_text_is_one_review_whatever_its_case_and_spaces():
    merged = merge(
        [
            Review(row=1, reviewer="Ann B", text="Works  well"),
            Review(row=2, reviewer="ann b", text=" works well\n", rating=4),
        ]
    )
    assert [r.row for r in merged] == [1]
    assert merged[0].rating == 4


def test_two_reviewers_with_one_text_stay_two():
    assert len(merge([Review(row=1, reviewer="A", text="x"), Review(row=2, reviewer="B", text="x")])) == 2


NAMELESS = [
    *(None, " ", "anonymous", "Amazon Customer", "Amazon Kunde", "Amazon-Kunde", "Kindle-Kunde", "Client Amazon"),
    *("Utilisateur anonyme", "Cliente de Amazon", "Amazon カスタマー", "匿名", "Amazon-klant", "Klient Amazon"),
]


@pytest.mark.parametrize("name", NAMELESS)
def test_a_name_that_anybody_has_merges_nothing(name):
    assert len(merge([Review(row=1, reviewer=name, text="x"), Review(row=2, reviewer=name, text="x")])) == 2


def test_one_review_id_is_one_review_and_the_gaps_are_filled():
    merged = merge(
        [
            Review(row=1, review_id="R1", reviewer="A", text=""),
            Review(row=2, review_id="R1", reviewer="A", text="Fine", verified=True, date=DAY),
        ]
    )
    assert merged == (Review(row=1, review_id="R1", reviewer="A", text="Fine", verified=True, date=DAY),)


def test_an_id_that_strangers_share_is_not_a_review_id():
    rows = [Review(row=n, review_id="PRODUCT", reviewer=f"P{n}", text=f"text {n}") for n in range(5)]
    assert len(merge(rows)) == 5


def test_empty_texts_of_one_reviewer_are_one_review_only_on_one_day_with_the_same_stars():
    one = Review(row=1, reviewer="A", rating=5, date=DAY)
    assert len(merge([one, Review(row=2, reviewer="A", rating=5, date=DAY)])) == 1
    assert len(merge([one, Review(row=2, reviewer="A", rating=4, date=DAY)])) == 2


def test_a_filled_gap_that_shows_another_repeat_merges_that_too():
    rows = [
        Review(row=1, review_id="R1", reviewer="Bob"),
        Review(row=2, reviewer="Bob", text="hello"),
        Review(row=3, review_id="R1", reviewer="Bob", text="hello"),
    ]
    assert len(merge(rows)) == 1


REVIEWS = st.builds(
    Review,
    row=st.integers(1, 9),
    review_id=st.sampled_from([None, "1", "2", "3"]),
    rating=st.sampled_from([None, 1.0, 5.0]),
    date=st.sampled_from([None, DAY]),
    text=st.sampled_from(["", "a", "A ", "b"]),
    reviewer=st.sampled_from([None, "x", "y", "customer"]),
)


@pytest.mark.slow
@given(st.lists(REVIEWS, max_size=12))
def test_merging_again_changes_nothing(reviews):
    once = merge(reviews)
    assert merge(once) == once
    assert len(once) <= len(reviews)


def test_the_coverage_counts_unique_reviews_and_received_rows():
    received = ReviewSet(
        (
            Review(row=1, reviewer="A", text="x", rating=5, date=DAY, verified=True),
            Review(row=2, reviewer="A", text="x"),
            Review(row=3, reviewer="Customer", rating=3, date=dt.date(2024, 4, 1), verified=False),
        ),
        format="CSV",
        skipped=(Skipped(4, "no stars"), Skipped(5, "no stars"), Skipped(6, "half a line")),
    )
    counted = clean(received).coverage
    assert (counted.rows, counted.unique, counted.texts, counted.ratings) == (6, 2, 1, 2)
    assert (counted.verified_known, counted.verified, counted.reviewers) == (2, 1, 1)
    assert (counted.merged, counted.skipped) == (1, 3)
    assert counted.skipped_reasons == (("no stars", 2, "rows 4, 5"), ("half a line", 1, "row 6"))
    assert (counted.first_date, counted.last_date) == (dt.date(2024, 4, 1), DAY)


def test_nothing_at_all_is_counted_as_nothing():
    counted = clean(review_set([])).coverage
    assert (counted.rows, counted.unique, counted.first_date) == (0, 0, None)


def test_a_clean_set_survives_json():
    cleaned = clean(review_set([Review(row=1, text="x", date=DAY, rating=4.5)]))
    adapter = TypeAdapter(CleanSet)
    assert adapter.validate_json(adapter.dump_json(cleaned)) == cleaned


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Erin Brockovich", "Erin B."),
        ("Erin B.", "Erin B."),
        ("steven1985", "ste…"),
        ("Bob", "Bob"),
        ("山田太郎", "山…"),
        ("김철수", "김…"),
        ("山田 太郎", "山田 太."),
        ("Anna Müller (Berlin)", "Anna M."),
        ("Anna (from the new house", "Ann…"),
        ("Anna „Nan“ Müller,", "Anna M."),
        ("(Berlin)", None),
        ("🙂", None),
        ("Amazon Customer", "Amazon Customer"),
        ("Anonymous", "Anonymous"),
        ("Amazon-Kunde", "Amazon-Kunde"),
        ("Shopper 24", "Shopper 24"),
        ("ann@mail.example", "ann…"),
        ("A2XJ3KQ9ZZ11", "A2X…"),
        ("Maximiliantheveryfirst Otto", "Maximilianth… O."),
        ("", None),
        (None, None),
    ],
)
def test_names_are_shortened(name, shown):
    assert short_name(name) == shown


def test_a_reviewer_is_known_by_the_folded_name():
    assert identity(Review(row=1, reviewer="  ANN  b ")) == identity(Review(row=2, reviewer="Ann B"))


@needs_data
@pytest.mark.data
def test_real_ingestion_duplicates_are_merged():
    received, _ = read("fire7_bestbuy_ingestion_dups.csv")
    cleaned = clean(received)
    assert (cleaned.coverage.rows, cleaned.coverage.unique, cleaned.coverage.merged) == (467, 418, 49)
