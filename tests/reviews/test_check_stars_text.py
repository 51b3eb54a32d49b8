"""Stars against text: silent unless every word of the published list speaks against the stars."""

import pytest
from review_data import needs_data, no_op, read

from outlast_reviews.checks.stars_text import stars_text
from outlast_reviews.deduplicate import merge
from outlast_reviews.review import Review

PLAIN = [
    Review(row=n, rating=4.0, text=f"We have it on the table for the {n}th week and it is fine") for n in range(25)
]


def signs(text: str, stars: float):
    return stars_text([*PLAIN, Review(row=900, rating=stars, text=text)], no_op).signs


@pytest.mark.parametrize(
    ("text", "stars"),
    [
        ("This is a waste of money, it was broken and very poor quality, so we are sad", 5.0),
        ("I love it and it works perfectly, we are so happy with this", 1.0),
    ],
)
def test_a_plain_contradiction_is_a_weak_sign_with_its_words(text, stars):
    (sign,) = signs(text, stars)
    assert (sign.row, sign.strength) == (900, "weak")
    assert all(quote in text for quote in sign.quotes)


@pytest.mark.parametrize(
    ("text", "stars"),
    [
        ("I love it and it works perfectly, we are so happy with this", 5.0),
        ("This is a waste of money and of very poor quality, so we are sad", 1.0),
        ("The other one was a waste of money and poor quality, this is fine for us", 5.0),
        ("I love it and it works perfectly, but it broke and it is now in the bin", 1.0),
        ("It is not amazing and not excellent, so we have to look for more", 1.0),
        ("It is useless for the cat, and we have it on the table", 5.0),
        ("This is a waste of money and of very poor quality, so we are sad", 3.0),
    ],
)
def test_what_agrees_or_weighs_up_is_silent(text, stars):
    assert signs(text, stars) == ()


def test_other_languages_and_few_texts_are_not_assessed():
    german = [
        Review(row=n, rating=5.0, text="Das ist Geldverschwendung, die Lampe taugt nichts") for n in range(40)
    ]
    assert stars_text(german, no_op).outcome == "not_assessed"
    assert stars_text(PLAIN[:10], no_op).outcome == "not_assessed"


@needs_data
@pytest.mark.data
@pytest.mark.parametrize(
    "name", ["pillow_2018h1.csv", "echo_plus_bestbuy.csv", "fire7_bestbuy_ingestion_dups.csv"]
)
def test_it_is_all_but_silent_on_real_reviews(name):
    assert len(stars_text(merge(read(name)[0].reviews), no_op).signs) <= 1
