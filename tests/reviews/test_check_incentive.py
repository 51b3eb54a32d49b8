"""Disclosed rewards are found with their words; "free" alone means nothing."""

import time

import pytest
from judging_data import nowhere

from outlast_reviews.checks.incentive import DISCLOSURES, disclosure, incentive
from outlast_reviews.review import Review


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("I got this in exchange for my honest review.", "in exchange for my honest review"),
        ("In return for an unbiased opinion they gave me one.", "In return for an unbiased opinion"),
        ("I received this product for free for review purposes.", "received this product for free for review"),
        ("Was sent this at a discount for my honest feedback.", "sent this at a discount for my honest feedback"),
        ("I received a free sample from the maker.", "received a free sample"),
        ("The company sent me a complimentary unit to try.", "sent me a complimentary unit"),
        ("Got a free product for a review.", "free product for a review"),
        ("There is a $20 gift card if you leave a 5 star review!", "gift card if you leave a 5 star"),
        ("They want a review for a $10 gift card", "review for a $10 gift card"),
        ("Vine Customer Review of Free Product", "Vine Customer Review"),
        ("As an Amazon Vine member I see many of these", "Amazon Vine member"),
        ("Das Produkt wurde mir kostenlos zum Test zur Verfügung gestellt.", "kostenlos zum Test zur Verfügung"),
        ("Reçu en échange d'un avis honnête", "en échange d'un avis"),
        ("Lo recibí a cambio de una reseña", "a cambio de una reseña"),
    ],
)
def test_a_disclosure_is_found_with_its_words(text, quote):
    assert (disclosure(text) or "").startswith(quote)


@pytest.mark.parametrize(
    "text",
    [
        "Free shipping and free returns, five stars from me.",
        "A hands free kit, BPA free, works great for my review of the year.",
        "I used an Amazon gift card that my son gave me.",
        "I returned it in exchange for a bigger one.",
        "A chemical free product that I love.",
        "They sent me a replacement free of charge. Great service.",
        "The vine on the pattern is lovely, like grapes.",
        "I was not given this for free in exchange for my review.",
        "I wasn't paid for this review, I bought it.",
        "No, I did not receive a free product for a review, I paid in full.",
        "Feel free to ask. Reviews helped me.",
        "I got a discount because it was Christmas and it is worth five stars.",
        "",
    ],
)
def test_innocent_words_are_not_a_disclosure(text):
    assert disclosure(text) is None


def test_it_is_labelled_incentivised_and_not_suspicious():
    finding = incentive([Review(row=7, text="Received in exchange for an honest review.")], nowhere)
    (sign,) = finding.signs
    assert (finding.outcome, sign.kind, sign.strength, sign.row) == ("found", "incentivised", "medium", 7)
    assert sign.quotes == ("in exchange for an honest review",)


def test_the_mark_of_the_source_counts_without_any_words():
    finding = incentive([Review(row=1, incentivised=True), Review(row=2, incentivised=False)], nowhere)
    assert [sign.row for sign in finding.signs] == [1]


def test_texts_without_a_disclosure_are_clear():
    assert incentive([Review(row=1, text="Nice lamp")], nowhere).outcome == "clear"
    assert incentive([Review(row=1, incentivised=False)], nowhere).outcome == "clear"


def test_without_texts_and_marks_it_is_not_assessed():
    assert incentive([Review(row=1, rating=5.0)], nowhere).outcome == "not_assessed"


NASTY = [
    "free " * 20_000,
    "gift card " * 10_000,
    "received " * 11_000,
    "review for a " * 8_000,
    "in exchange for " * 6_000,
    "discount for a " * 7_000,
    "free product " * 8_000,
    "a" * 100_000,
    " " * 100_000,
    "received sent given provided for free " * 2_700,
    "kostenlos " * 10_000,
    "not " * 25_000 + "paid for this review",
]


@pytest.mark.parametrize("pattern", DISCLOSURES, ids=lambda p: p.pattern[:24])
def test_each_pattern_takes_linear_time(pattern):
    """Four times the text may take a good four times as long, not sixteen times."""

    def seconds(text: str) -> float:
        start = time.process_time()
        for _ in pattern.finditer(text):
            pass
        return time.process_time() - start

    for text in NASTY:
        long = seconds(text[:100_000])
        assert long < 0.05 or long < 9 * min(seconds(text[:25_000]) for _ in range(3)), text[:20]


def test_a_hostile_review_of_100_kilobytes_is_judged_at_once():
    for text in NASTY:
        disclosure(text)
