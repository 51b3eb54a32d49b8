"""Web pages: saved Amazon pages in several languages, and schema.org reviews in any page."""

import datetime as dt
import json

import pytest
from source_reading import read, refusal

from outlast_reviews.review import Review


def card(
    stars: str = "5.0 out of 5 stars",
    date: str = "Reviewed in the United States on April 12, 2018",
    body: str | None = "I <b>like</b> it<br>very much",
    badges: str = '<span data-hook="avp-badge">Verified Purchase</span>',
    name: str = "Ann",
    review_id: str = "R1ABCDEFGHIJK",
) -> str:
    text = "" if body is None else f'<span data-hook="review-body"><span>{body}</span></span>'
    return (
        f'<li id="{review_id}" data-hook="review"><script>var x = "<div>";</script>'
        f'<a class="a-profile" href="/gp/profile/amzn1.account.{name}/ref=x">'
        f'<span class="a-profile-name">{name}</span></a><a data-hook="review-title">'
        f'<i data-hook="review-star-rating"><span>{stars}</span></i><span>Nice</span></a>'
        f'<span data-hook="review-date">{date}</span>{badges}{text}</li>'
    )


def page(*cards: str) -> str:
    product = '<a data-hook="product-link">A robot</a><span data-hook="rating-out-of-text">4,1 von 5</span>'
    return (
        f"<!doctype html><html><body>{product}<ul>{''.join(cards)}</ul><script>'li[data-hook=\"review\"]'</script>"
    )


def test_a_card_is_read_whole():
    found = read(page(card()))
    read_whole = Review(
        row=1,
        review_id="R1ABCDEFGHIJK",
        rating=5.0,
        date=dt.date(2018, 4, 12),
        title="Nice",
        text="I like it\nvery much",
        reviewer="amzn1.account.Ann",
        verified=True,
        incentivised=False,
    )
    assert found.reviews == (read_whole,)
    assert (found.product_title, found.product_rating) == ("A robot", 4.1)


@pytest.mark.parametrize(
    ("stars", "date"),
    [
        ("4,0 von 5 Sternen", "Rezension aus Deutschland vom 12. März 2018"),
        ("4,0 sur 5 étoiles", "Avis laissé en France le 12 mars 2018"),
        ("4,0 de 5 estrellas", "Revisado en España el 12 de marzo de 2018"),
        ("4,0 su 5 stelle", "Recensito in Italia il 12 marzo 2018"),
        ("4,0 van 5 sterren", "Beoordeeld in Nederland op 12 maart 2018"),
        ("5つ星のうち4.0", "2018年3月12日に日本でレビュー済み"),
        ("4.0 out of 5 stars", "Reviewed in India on 12 March 2018"),
    ],
)
def test_the_shops_languages_are_read(stars, date):
    review = read(page(card(stars, date))).reviews[0]
    assert (review.rating, review.date) == (4.0, dt.date(2018, 3, 12))


@pytest.mark.parametrize(
    ("said", "total"),
    [
        ("127 global ratings", 127),
        ("1,234 global ratings", 1_234),
        ("12.345 globale Bewertungen", 12_345),
        ("2 345 évaluations globales", 2_345),
        ("45,678個の評価", 45_678),
        ("no ratings yet", None),
    ],
)
def test_what_the_shop_counts_is_read_in_its_languages(said, total):
    found = read(page(f'<div data-hook="total-review-count"><span>{said}</span></div>', card()))
    assert (found.stated_ratings, found.stated_total) == (total, None)
    assert not found.complete


def test_a_card_without_a_body_keeps_its_stars():
    review = read(page(card(body=None))).reviews[0]
    assert (review.rating, review.text) == (5.0, "")


@pytest.mark.parametrize(
    "badge", ["Vine Customer Review of Free Product", "Vine Kundenrezension eines kostenfreien Produkts"]
)
def test_vine_is_seen_in_the_badges(badge):
    review = read(page(card(badges=f"<span>{badge}</span>"))).reviews[0]
    assert review.incentivised
    assert review.verified is False


def test_the_word_vine_in_name_or_text_is_no_badge():
    assert read(page(card(body="Vine reviewers love it", name="Vine"))).reviews[0].incentivised is False


def test_single_quotes_and_a_card_that_is_none_are_coped_with():
    broken = '<div data-hook="review"></div>'
    found = read(
        page(card().replace('data-hook="review"', "data-hook='review'"), broken, card(review_id="R2XXXXXXXXX"))
    )
    assert [review.row for review in found.reviews] == [1, 3]
    assert [skip.row for skip in found.skipped] == [2]


def test_attributes_without_end_do_not_cost_a_card_its_words():
    long = "<p " + " ".join(f"a{n}=1" for n in range(3_000)) + "></p>"
    assert read(page(card(badges=long))).reviews[0].text == "I like it\nvery much"


def ld(*documents: object) -> str:
    scripts = "".join(
        f'<script type="application/ld+json">{json.dumps(document)}</script>' for document in documents
    )
    return f"<!DOCTYPE html>\n<html><head><title>Shop</title>{scripts}</head><body>Hello</body></html>"


def review(text: str = "Good", rating: object = 4, **more: object) -> dict[str, object]:
    return {
        "@type": "Review",
        "reviewRating": {"@type": "Rating", "ratingValue": rating},
        "author": {"@type": "Person", "name": "Ann"},
        "datePublished": "2024-02-03",
        "name": "Title",
        "reviewBody": text,
        **more,
    }


PRODUCT = {
    "@context": "https://schema.org",
    "@type": "Product",
    "name": "A pillow",
    "aggregateRating": {"@type": "AggregateRating", "ratingValue": "4.5", "reviewCount": "2"},
    "review": [review("One"), review("Two", "5")],
}


def test_a_product_with_its_reviews_is_read():
    found = read(ld(PRODUCT))
    assert found.reviews[0] == Review(1, None, 4.0, dt.date(2024, 2, 3), "Title", "One", "Ann")
    assert [r.rating for r in found.reviews] == [4.0, 5.0]
    assert (found.product_title, found.product_rating, found.complete) == ("A pillow", 4.5, True)
    assert found.format == "schema.org reviews in a web page"


def test_more_reviews_stated_than_there_are_make_it_a_sample():
    counts = {**PRODUCT["aggregateRating"], "ratingCount": 90}
    assert not read(ld({**PRODUCT, "aggregateRating": counts})).complete


@pytest.mark.parametrize(
    "documents",
    [
        [[PRODUCT]],
        [{"@context": "x", "@graph": [{"@type": "WebSite"}, PRODUCT]}],
        [{"@type": "WebPage", "mainEntity": PRODUCT}],
        [{"@type": "BreadcrumbList"}, PRODUCT],
        [{**PRODUCT, "@type": ["Thing", "http://schema.org/Product"]}],
        [
            {
                "@graph": [
                    {**PRODUCT, "review": [{"@id": "#1"}, {"@id": "#2"}]},
                    {**review("One"), "@id": "#1"},
                    {**review("Two", "5"), "@id": "#2"},
                ]
            }
        ],
    ],
    ids=["list", "graph", "nested", "second script", "types", "references"],
)
def test_wherever_the_product_stands_its_reviews_are_found(documents):
    assert [(r.text, r.rating) for r in read(ld(*documents)).reviews] == [("One", 4.0), ("Two", 5.0)]


def test_reviews_that_name_what_they_are_about_belong_together():
    about = {"@type": "Product", "name": "A pillow"}
    found = read(ld(review("One", itemReviewed=about), review("Two", itemReviewed=about)))
    assert len(found.reviews) == 2
    assert found.product_title == "A pillow"


def test_reviews_of_the_shop_are_left_out():
    shop = {"@type": "Organization", "name": "The shop", "review": [review(f"Shop {n}") for n in range(9)]}
    assert [r.text for r in read(ld(shop, PRODUCT)).reviews] == ["One", "Two"]


@pytest.mark.parametrize(
    ("rating", "stars"),
    [
        ({"ratingValue": 8, "bestRating": 10}, 4.0),
        ({"ratingValue": "90", "bestRating": "100", "worstRating": "0"}, 4.5),
        ({"ratingValue": "4,5"}, 4.5),
        ({"ratingValue": 0, "bestRating": 10, "worstRating": 0}, 1.0),
        ([{"ratingValue": 3}], 3.0),
        ("4", 4.0),
    ],
)
def test_scales_are_brought_to_five_stars(rating, stars):
    one = {**review(), "reviewRating": rating}
    assert read(ld({**PRODUCT, "review": one})).reviews[0].rating == stars


def test_a_product_without_any_review_is_a_set_without_reviews():
    nothing = {"@type": "Product", "name": "New", "aggregateRating": {"reviewCount": 0, "ratingValue": 0}}
    found = read(ld(nothing))
    assert found.reviews == ()
    assert found.complete


def test_a_page_that_counts_reviews_but_does_not_carry_them_is_refused():
    sentence = refusal(ld({key: value for key, value in PRODUCT.items() if key != "review"}))
    assert "“A pillow” has 2 reviews" in sentence


def test_broken_and_wrapped_scripts_do_not_stop_the_good_one():
    wrapped = f'<script type="application/ld+json">\n//<![CDATA[\n{json.dumps(PRODUCT)}\n//]]>\n</script>'
    text = ld(PRODUCT).replace("</head>", "</head>" + wrapped)
    assert len(read(f'<html><script type="application/ld+json">{{broken</script>{text}').reviews) in (2, 4)
    assert len(read(f"<html>{wrapped}</html>").reviews) == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("<html><title>Robot Check</title><form action='/errors/validateCaptcha'></form></html>", "robot check"),
        ("<html><title>Just a moment...</title></html>", "robot check"),
        ("<!doctype html><form><input type='password' name=p></form>", "login page"),
        ("<html><head><title>My\n holiday</title></head><body>Sun</body></html>", "“My holiday”"),
        ("<html></html>", "no reviews"),
        ("<?xml version='1.0'?><feed><review>x</review></feed>", "XML"),
    ],
)
def test_a_page_of_something_else_is_named(content, words):
    assert words in refusal(content)


def test_cards_in_the_newer_layout_are_read():
    card = """
    <div data-hook="reviewContainer" data-reviewid="R{n}ABCDEFGHI"><div data-hook="review">
    <i data-hook="review-star-rating"><span>5.0 out of 5 stars</span></i><h5 data-hook="reviewTitle">Good</h5>
    <div data-hook="reviewText"><div class="a-teaser-describedby-collapsed">Double tap to read all.</div>
    <div data-hook="reviewRichContentContainer"><p><span>First.</span></p><p><span>Second.</span></p></div></div>
    </div></div>"""
    found = read("<html><body>" + "".join(card.format(n=n) for n in (1, 2)) + "</body></html>").reviews
    assert [(r.review_id, r.title, r.text) for r in found] == [
        ("R1ABCDEFGHI", "Good", "First.\nSecond."),
        ("R2ABCDEFGHI", "Good", "First.\nSecond."),
    ]


def test_only_what_the_reviewer_wrote_is_their_text():
    body = """<div class="video-block"><div>The media could not be loaded.</div></div>
    <span class="cr-original-review-content">Me ha gustado</span>
    <span class="cr-translated-review-content aok-hidden">I liked it</span>"""
    (found,) = read(
        '<html><div id="R1ABCDEFGHI" data-hook="review"><i data-hook="review-star-rating">4 von 5 Sternen</i>'
        f'<a data-hook="format-strip">Color: Vine</a><span data-hook="review-body">{body}</span></div></html>'
    ).reviews
    assert (found.text, found.incentivised) == ("Me ha gustado", False)
