"""XML feeds: Google's product reviews and anything alike, and what is refused in them."""

import datetime as dt

import pytest
from source_reading import read, refusal

from outlast_reviews.review import Review
from outlast_reviews.sources.formats.columns import UnknownColumns
from outlast_reviews.sources.limits import ReadLimits

FEED = """<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns:vc="http://www.w3.org/2007/XMLSchema-versioning"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:noNamespaceSchemaLocation="http://www.google.com/shopping/reviews/schema/product/2.4/product_reviews.xsd">
  <version>2.4</version>
  <publisher><name>A shop</name></publisher>
  <reviews>
    <review>
      <review_id>77</review_id>
      <reviewer><name is_anonymous="true">Anonymous</name><reviewer_id>r-9</reviewer_id></reviewer>
      <is_verified_purchase>true</is_verified_purchase>
      <is_incentivized_review>false</is_incentivized_review>
      <review_timestamp>2024-03-03T07:07:07Z</review_timestamp>
      <title>Warm &amp; light</title>
      <content><![CDATA[Kept me warm <3]]></content>
      <pros><pro>light</pro><pro>warm</pro></pros>
      <review_url type="singleton">https://shop.example/r/77</review_url>
      <ratings><overall min="1" max="5">4.5</overall></ratings>
      <products><product><product_ids><skus><sku>1</sku></skus></product_ids>
        <product_name>A blanket</product_name></product></products>
    </review>
    <review>
      <reviewer><name>Jane</name></reviewer>
      <review_timestamp>2024-03-04T07:14:21Z</review_timestamp>
      <content>Fine</content>
      <review_url type="group">https://shop.example/r</review_url>
      <ratings><overall min="1" max="10">8</overall></ratings>
      <products><product><product_name>A blanket</product_name></product></products>
    </review>
  </reviews>
</feed>
"""


def test_googles_feed_is_read_with_the_scale_of_each_rating():
    found = read(FEED)
    assert found.format == "Google product review feed"
    assert found.product_title == "A blanket"
    assert not found.skipped
    first = Review(
        1,
        "77",
        4.5,
        dt.date(2024, 3, 3),
        "Warm & light",
        "Kept me warm <3",
        "r-9",
        verified=True,
        incentivised=False,
    )
    second = Review(2, None, 4.0, dt.date(2024, 3, 4), "", "Fine", "Jane")
    assert found.reviews == (first, second)


def test_a_feed_in_another_encoding_is_read():
    assert read(FEED.replace("Fine", "Schön").encode("cp1252")).reviews[1].text == "Schön"
    assert read(FEED.replace("Fine", "Schön").encode("utf-16")).reviews[1].text == "Schön"


def test_other_xml_is_understood_by_the_names_in_it():
    found = read("<list><s:review id='a1'><stars>3</stars><comment>So so</comment></s:review></list>")
    assert (found.format, found.reviews[0].review_id) == ("XML", "a1")
    assert (found.reviews[0].rating, found.reviews[0].text) == (3.0, "So so")


def test_a_review_that_cannot_be_read_is_skipped_with_its_place():
    found = read(FEED.replace(">8<", ">11<"))
    assert [(row.row, "11" in row.reason) for row in found.skipped] == [(2, True)]
    assert len(found.reviews) == 1


def test_an_empty_feed_is_read_and_holds_none():
    assert read("<feed><reviews></reviews></feed>").reviews == ()


@pytest.mark.parametrize(
    ("xml", "words"),
    [
        ('<!DOCTYPE feed [<!ENTITY a "aaaa">]><feed>&a;</feed>', "document type"),
        ('<!DOCTYPE feed SYSTEM "file:///etc/passwd"><feed/>', "document type"),
        ("<feed><reviews><review><content>&made_up;</content></review></reviews></feed>", "not valid XML"),
        (FEED[:600], "breaks off"),
        (FEED.replace("</reviews>", "</wrong>"), "not valid XML in line"),
        ("<a>" * 40, "nested"),
        ("<rss><channel><item>x</item></channel></rss>", "no <review>"),
        ("<feed><review>" + "<a>x</a>" * 3 + "</review></feed>", "no column for the rating"),
    ],
)
def test_other_xml_is_refused_with_the_reason(xml, words):
    assert words in refusal(xml)


def test_an_endless_tag_and_an_endless_text_are_stopped():
    limits = ReadLimits(line=100_000)
    assert "longer than" in refusal("<feed><review><content>" + "a" * 900_000, limits=limits)
    assert "longer than" in refusal("<feed><review " + "a" * 900_000, limits=limits)


def test_unknown_names_can_be_mapped():
    xml = "<r><review><noten>4</noten><meinung>Gut</meinung></review></r>"
    with pytest.raises(UnknownColumns) as caught:
        read(xml)
    assert [(column.name, column.samples) for column in caught.value.columns] == [
        ("noten", ("4",)),
        ("meinung", ("Gut",)),
    ]
    review = read(xml, mapping={"rating": "noten", "text": "meinung"}).reviews[0]
    assert (review.rating, review.text) == (4.0, "Gut")


@pytest.mark.parametrize("before", ["", '<?xml version="1.0" encoding="UTF-8"?>\n'])
def test_a_comment_before_a_feed_makes_it_no_web_page(before):
    review = "<review><content>Good</content><ratings><overall>5</overall></ratings></review>"
    feed = f"<feed><reviews>{review}</reviews></feed>"
    (found,) = read(f"{before}<!-- Generated by a shop -->\n<!-- again -->{feed}").reviews
    assert (found.rating, found.text) == (5.0, "Good")


@pytest.mark.parametrize(
    ("encoding", "words"),
    [("windows-1250", "Příjemný, měkký"), ("shift_jis", "とても良い①"), ("euc-jp", "とても良い")],
)
def test_the_encoding_that_a_file_declares_is_believed(encoding, words):
    written = {"shift_jis": "cp932"}.get(encoding, encoding)
    review = f"<review><content>{words}</content><ratings><overall>5</overall></ratings></review>" * 500
    feed = f'<?xml version="1.0" encoding="{encoding}"?><feed><reviews>{review}</reviews></feed>'
    assert {r.text for r in read(feed.encode(written)).reviews} == {words}
    said = f'<script type="application/ld+json">{{"review":{{"reviewBody":"{words}"}}}}</script>'
    page = f'<html><meta charset="{encoding}">{said}</html>'
    assert read(page.encode(written)).reviews[0].text == words
