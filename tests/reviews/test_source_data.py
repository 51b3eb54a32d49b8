"""The real files, whose facts are known."""

import io
import random
from collections import Counter
from pathlib import Path

import pytest
from source_reading import read

from outlast_reviews.review import ReviewSet
from outlast_reviews.sources.formats.read import read_reviews

DATA = Path(__file__).parents[2].parent / "shared" / "data"

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA.is_dir(), reason="the real review files are not shipped"),
]


def read_data(name: str) -> ReviewSet:
    path = DATA / name
    with path.open("rb") as file:
        return read_reviews(file, path.stat().st_size)


@pytest.mark.parametrize(
    ("name", "rows", "mean"),
    [
        ("pillow_2018h1.csv", 445, 4.2247),
        ("echo_plus_bestbuy.csv", 590, 4.75),
        ("fire7_bestbuy_ingestion_dups.csv", 467, None),
        ("constructed_pillow_planted40.csv", 300, 4.33),
    ],
)
def test_every_row_of_a_table_is_a_review_with_stars_date_text_and_reviewer(name, rows, mean):
    found = read_data(name)
    assert len(found.reviews) == rows
    assert not found.skipped
    assert found.format == "CSV"
    assert [review.row for review in found.reviews] == list(range(1, rows + 1))
    assert all(review.rating and review.date and review.text and review.reviewer for review in found.reviews)
    if mean:
        assert sum(review.rating for review in found.reviews) / rows == pytest.approx(mean, abs=0.005)


def test_an_id_of_the_product_beside_each_review_is_not_taken_for_the_reviews_own():
    found = read_data("fire7_bestbuy_ingestion_dups.csv")
    assert {review.review_id for review in found.reviews} == {None}
    assert len({(review.reviewer, review.text) for review in found.reviews}) == 418


def test_the_christmas_peak_is_on_its_day():
    days = Counter(str(review.date) for review in read_data("echo_plus_bestbuy.csv").reviews)
    assert days.most_common(1) == [("2017-12-01", 51)]


def test_the_column_planted_and_the_order_of_columns_change_nothing():
    import csv

    with (DATA / "constructed_pillow_planted40.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name != "planted"]
    random.Random(7).shuffle(names)
    out = io.StringIO()
    writer = csv.DictWriter(out, names, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    assert read(out.getvalue()) == read_data("constructed_pillow_planted40.csv")


@pytest.mark.parametrize(("page", "cards", "verified", "vine"), [(1, 10, 10, 0), (3, 10, 10, 0), (7, 7, 3, 2)])
def test_every_card_of_a_saved_page_has_id_stars_date_and_text(page, cards, verified, vine):
    found = read_data(f"saved_pages/{page}.html")
    assert len(found.reviews) == cards
    assert not found.skipped
    for review in found.reviews:
        assert review.review_id.startswith("R")
        assert 1 <= review.rating <= 5
        assert review.date.year in (2023, 2024, 2025)
        assert review.text
        assert review.reviewer.startswith("amzn1.account.")
        assert review.title
        assert "out of 5" not in review.title
    assert sum(review.verified for review in found.reviews) == verified
    assert sum(review.incentivised for review in found.reviews) == vine
    assert found.product_title == "Moxie Robot, GPT-Powered AI Learning Robot for Kids"
    assert found.product_rating == 3.6
    assert not found.complete
    assert found.format == "saved Amazon page"
