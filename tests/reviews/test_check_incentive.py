"""Disclosed rewards are found with their words; "free" alone means nothing."""

import pytest
from review_data import no_op

from outlast_reviews.checks.disclosures import disclosure, without_disclosures
from outlast_reviews.checks.incentive import incentive
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
        ("They want a review for a $10 gift card", "want a review for a $10 gift card"),
        ("Get a voucher for your honest review", "voucher for your honest review"),
        ("A coupon for a 5-star rating, it says in the box", "coupon for a 5-star"),
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
        "This is my second review for the gift card because the first one was cut off.",
        "Bought this gift card for my sister, five stars.",
        "I give it five stars for the gift card design.",
        "Best gift card for the whole family, my review says it all.",
        "Used a coupon for the lamp and my opinion is good.",
        "Five stars for a gift card that arrived on time.",
        "I got a discount because it was Christmas and it is worth five stars.",
        "",
    ],
)
def test_innocent_words_are_not_a_disclosure(text):
    assert disclosure(text) is None


def test_it_is_labelled_incentivised_and_not_suspicious():
    finding = incentive([Review(row=7, text="Received in exchange for an honest review.")], no_op)
    (sign,) = finding.signs
    assert (finding.outcome, sign.kind, sign.strength, sign.row) == ("found", "incentivised", "medium", 7)
    assert sign.quotes == ("in exchange for an honest review",)


def test_the_mark_of_the_source_counts_without_any_words():
    finding = incentive([Review(row=1, incentivised=True), Review(row=2, incentivised=False)], no_op)
    assert [sign.row for sign in finding.signs] == [1]


def test_texts_without_a_disclosure_are_clear():
    assert incentive([Review(row=1, text="Nice lamp")], no_op).outcome == "clear"
    assert incentive([Review(row=1, incentivised=False)], no_op).outcome == "clear"


def test_without_texts_and_marks_it_is_not_assessed():
    assert incentive([Review(row=1, rating=5.0)], no_op).outcome == "not_assessed"


@pytest.mark.parametrize(
    "text",
    [
        "Received free of charge for testing; my opinions are my own.",
        "I was given this item by the company to test and review.",
        "This was provided by the manufacturer for review.",
        "They refunded me after I left 5 stars.",
        "#ad gifted by the brand",
        "[This review was collected as part of a promotion.] Love it",
        "Ho ricevuto questo prodotto gratuitamente in cambio di una recensione onesta.",
        "レビューを書く代わりに無料で商品を提供してもらいました。",
        "Ich habe das Produkt kostenlos zum Testen bekommen, dies ist meine ehrliche Rezension.",
        "J'ai reçu ce produit gratuitement en échange d'un avis honnête.",
        "He recibido este producto gratis a cambio de una opinión sincera.",
        "Ik kreeg dit product gratis in ruil voor een eerlijke review.",
        "Recebi o produto em troca de uma avaliação.",
        "Produkt dostałam w zamian za szczerą opinię.",
        "Jag fick den i utbyte mot en ärlig recension.",
    ],
)
def test_it_is_found_in_the_words_and_languages_that_people_use(text):
    assert disclosure(text)


@pytest.mark.parametrize(
    "text",
    [
        "They offered me a $20 gift card for a five star review. I refused, awful seller!",
        "The seller offered a refund for a good review and I turned it down.",
    ],
)
def test_who_refused_was_not_paid(text):
    assert disclosure(text) is None


def test_an_offer_told_with_one_star_is_a_warning_and_no_bargain():
    text = "There is a $20 gift card in the box if you leave a 5 star review!"
    assert disclosure(text, stars=5.0)
    assert disclosure(text, stars=1.0) is None
    assert disclosure("I received this in exchange for my honest review and it broke.", stars=1.0)


FINNISH = "Tämä on todella hyvä tyyny ja nukun sillä paremmin kuin koskaan ennen, suosittelen kaikille"


def test_texts_in_a_language_that_it_does_not_know_are_not_called_clear():
    reviews = [Review(row=n, text=f"{FINNISH} {n}") for n in range(30)]
    assert incentive(reviews, no_op).outcome == "not_assessed"
    known = [Review(row=n, text=f"This is a very good pillow and I sleep well on it {n}") for n in range(40)]
    assert incentive([*reviews, *known], no_op).outcome == "clear"
    assert incentive([*reviews, Review(row=99, incentivised=False)], no_op).outcome == "clear"


def test_a_disclosing_sentence_is_blanked_and_nothing_else():
    text = "Soft and warm. I received this free of charge for my honest review! I sleep well."
    left = without_disclosures(text)
    assert len(left) == len(text)
    assert left.split() == ["Soft", "and", "warm.", "I", "sleep", "well."]
    assert without_disclosures("Nothing of the kind.") == "Nothing of the kind."


def test_of_a_text_without_an_end_only_a_part_is_blanked():
    text = "word " * 200 + "in exchange for my honest review " + "word " * 200
    assert len(without_disclosures(text).split()) > 300
