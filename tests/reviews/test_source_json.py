"""JSON and JSONL: known exports and any list of objects with stars and words."""

import datetime as dt
import json

import pytest
from source_reading import read, read_json, read_lines, refusal

from outlast_reviews.review import Review, Skipped
from outlast_reviews.sources.errors import NotReviews
from outlast_reviews.sources.formats.json_stream import JsonStream
from outlast_reviews.sources.limits import ReadLimits

EXTENSION = {
    "asin": "B0TEST",
    "country": "us",
    "product_url": "https://shop.example/dp/B0TEST",
    "product_info": {"title": "A robot", "amazon_rating": 4.2, "total_reviews_on_amazon": "1,250"},
    "reviews": [
        {
            "review_id": "R1",
            "author": "Ann",
            "title": "Nice",
            "content": "It talks",
            "date": "Reviewed in the United States on April 12, 2018",
            "rating": 5,
            "verified_purchase": True,
            "vine_customer": False,
            "helpful_votes": 3,
        }
    ],
}


def test_the_export_of_a_browser_extension_is_read_with_what_it_says_of_the_product():
    found = read_json(EXTENSION)
    expected = Review(
        1, "R1", 5.0, dt.date(2018, 4, 12), "Nice", "It talks", "Ann", verified=True, incentivised=False
    )
    assert found.reviews == (expected,)
    assert (found.product_title, found.product_rating) == ("A robot", 4.2)
    assert found.format == "JSON of a browser extension"
    assert not found.complete


def test_a_source_that_states_as_many_reviews_as_it_holds_is_complete():
    info = {**EXTENSION["product_info"], "total_reviews_on_amazon": 1}
    assert read_json({**EXTENSION, "product_info": info}).complete


@pytest.mark.parametrize("indent", [None, 2])
def test_what_stands_after_the_reviews_and_how_it_is_indented_changes_nothing(indent):
    turned = dict(reversed(EXTENSION.items()))
    assert read(json.dumps(turned, indent=indent)) == read_json(EXTENSION)


def test_mcauleys_collection_of_2018_is_read():
    line = {
        "overall": 4.0,
        "verified": True,
        "reviewTime": "09 1, 2016",
        "reviewerID": "A1",
        "asin": "B0",
        "reviewerName": "Ann",
        "reviewText": "Good",
        "summary": "Fine",
        "unixReviewTime": 1472688000,
        "vote": "2",
    }
    found = read_lines([line, {**line, "verified": False}])
    assert found.reviews[0] == Review(1, None, 4.0, dt.date(2016, 9, 1), "Fine", "Good", "A1", verified=True)
    assert found.reviews[1].verified is False
    assert found.format == "JSONL (McAuley 2018)"


def test_mcauleys_collection_of_2023_is_read_even_as_a_single_line():
    line = {
        "rating": 5.0,
        "title": "T",
        "text": "Good<br />really",
        "images": [],
        "asin": "B0",
        "parent_asin": "B0",
        "user_id": "U1",
        "timestamp": 1588687728923,
        "helpful_vote": 0,
        "verified_purchase": True,
    }
    found = read_lines([line])
    assert found.reviews == (Review(1, None, 5.0, dt.date(2020, 5, 5), "T", "Good\nreally", "U1", verified=True),)
    assert found.format == "JSONL (McAuley 2023)"


def test_nested_objects_are_read_as_trustpilot_writes_them():
    found = read_json(
        {
            "reviews": [
                {
                    "id": "t1",
                    "stars": 2,
                    "title": "No",
                    "text": "Late",
                    "createdAt": "2024-03-02T10:00:00Z",
                    "consumer": {"id": "c9", "displayName": "Bo"},
                }
            ]
        }
    )
    assert found.reviews == (Review(1, "t1", 2.0, dt.date(2024, 3, 2), "No", "Late", "c9"),)


def test_trustpilots_reviews_of_a_product_are_read():
    found = read_json(
        {
            "productReviews": [
                {
                    "id": "5d0f",
                    "createdAt": "2024-03-03T12:00:00Z",
                    "stars": 4,
                    "content": "Warm",
                    "language": "en",
                    "consumer": {"id": "c1", "displayName": "Ann"},
                    "firstCompanyComment": None,
                    "attributeRatings": [],
                    "attachments": [{"id": "a"}],
                }
            ],
            "links": [{"href": "https://api.example", "method": "GET", "rel": "next-page"}],
        }
    )
    assert found.reviews == (Review(1, "5d0f", 4.0, dt.date(2024, 3, 3), "", "Warm", "c1"),)


def test_a_bare_list_is_read_and_other_lists_are_left_alone():
    rows = [{"rating": "4", "text": "a"}, {"stars": 3, "body": "b"}]
    assert [review.rating for review in read_json(rows).reviews] == [4.0, 3.0]
    around = {"tags": ["x"], "related": [{"name": "other", "price": 3}], "data": {"reviews": rows}, "rest": [1, 2]}
    assert read_json(around).reviews == read_json(rows).reviews
    assert not read_json(around).skipped


def test_entries_and_lines_that_are_no_reviews_are_named():
    good = {"rating": 5, "text": "a"}
    found = read_json(
        [good, 7, {"rating": "x", "text": "b"}, {"rating": None, "text": ""}, {"rating": True, "text": "c"}]
    )
    assert [skip.row for skip in found.skipped] == [2, 3, 4, 5]
    lines = read('{"rating":5,"text":"a"}\n{"rating":4,"text":\n\n[1]\n{"rating":3,"text":"c"}\n')
    assert [review.row for review in lines.reviews] == [1, 4]
    assert lines.skipped == (
        Skipped(2, "the line is not a JSON object"),
        Skipped(3, "the line is not a JSON object"),
    )


def test_an_empty_list_of_reviews_is_a_set_without_reviews():
    assert read("[]").reviews == ()
    assert read('{"reviews": []}').reviews == ()


def test_half_a_surrogate_pair_becomes_text_that_can_be_stored():
    text = read('[{"rating":5,"text":"a\\ud83d b\\u0000c"}]').reviews[0].text
    assert text.encode().decode() == text
    assert "\0" not in text


HALF = "\ud800"


def test_half_a_surrogate_pair_in_one_rating_spoils_no_report():
    bad = {"rating": HALF, "text": "b", "reviewer": HALF, "date": HALF, "review_id": HALF}
    found = read_json([said("a"), bad, {**bad, "rating": 5, HALF: 1}])
    assert [review.text for review in found.reviews] == ["a", "b"]
    assert found.skipped == (Skipped(2, "the rating “\ufffd” is not a number of stars"),)
    assert "ud800" not in repr(found)


@pytest.mark.parametrize(
    "document",
    [[{HALF: HALF, "b": 1}], {HALF: 1}, {HALF: [{HALF: 1}]}, [{"rating": HALF, "text": "a"}]],
)
def test_half_a_surrogate_pair_can_be_quoted_in_a_refusal(document):
    for refused in (json.dumps(document), json.dumps(document) + "\n{}\n"):
        with pytest.raises(NotReviews) as caught:
            read(refused)
        columns = getattr(caught.value, "columns", ())
        for quoted in (
            str(caught.value),
            *(part for column in columns for part in (column.name, *column.samples)),
        ):
            assert quoted.encode()


def test_a_list_that_is_left_out_is_named_even_with_half_a_surrogate_pair():
    assert read_json({"reviews": [said("a")], HALF: [said("b")]}).left_out == ("the list “\ufffd” (1 entry)",)


def test_unicode_with_marks_is_read():
    assert read(json.dumps([{"rating": 5, "text": "ö"}]).encode("utf-16")).reviews[0].text == "ö"
    assert read(json.dumps([{"rating": 5, "text": "ö"}]).encode("utf-8-sig")).reviews[0].text == "ö"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{not json}", "not valid JSON"),
        ('[{"rating":5,"text":"a"},]', "not valid JSON"),
        ('[{"rating":5,"text":"a"}', "breaks off"),
        ('{"reviews": [{"rating":5,"text":"a', "breaks off"),
        ('[{"rating":5,"text":"a"}] trailing', "not valid JSON"),
        ("{}", "no list of reviews"),
        ('{"name":"x","price":3}', "“name”, “price”"),
        ('[{"city":"Oslo","size":3}]', "“city”, “size”"),
        ('{"city":"Oslo"}\n{"city":"Bergen"}\n', "“city”"),
        ("[1,2,3]", "no list of reviews"),
    ],
)
def test_json_that_is_broken_or_something_else_is_refused_in_words(content, words):
    assert words in refusal(content)


def test_one_entry_may_not_be_longer_than_a_line_may():
    assert "longer than" in refusal(
        '[{"rating":5,"text":"' + "a" * 200_000 + '"}]', limits=ReadLimits(line=100_000)
    )


def test_a_document_in_pieces_of_any_size_is_the_same_document():
    document = {"a": [1, 12345, -2.5e10], "b": {"c": [], "d": '\\"[{'}, "e": [{"f": [1]}, None, True, "x"]}
    text = json.dumps(document, indent=1)
    whole = list(JsonStream(iter([text]), ReadLimits()).walk())
    assert (("a",), 12345, True) in whole
    assert (("b", "c"), [], False) in whole
    for size in range(1, 12):
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        assert list(JsonStream(iter(pieces), ReadLimits()).walk()) == whole


def said(text: str) -> dict[str, object]:
    return {"rating": 4, "text": text}


@pytest.mark.parametrize(
    ("document", "texts", "left_out"),
    [
        ({"localReviews": [said("a")], "foreignReviews": [said("b")]}, ["a", "b"], ()),
        ({"B01": [said("a"), said("b")], "B02": [said("c")]}, ["a", "b", "c"], ()),
        ({"histogram": [{"stars": 5, "text": "60 %"}], "reviews": [said("a")]}, ["a"], ("histogram",)),
        ({"reviews": [said("a")], "histogram": [{"stars": 5, "text": "60 %"}]}, ["a"], ("histogram",)),
        (
            [{"title": "Pillow", "rating": 4.4, "content": "Soft", "reviews": [said("a"), said("b")]}],
            ["a", "b"],
            (),
        ),
        ([{"page": 1, "reviews": [said("a")]}, {"page": 2, "reviews": [said("b")]}], ["a", "b"], ()),
    ],
)
def test_of_several_lists_the_reviews_are_read_and_others_named(document, texts, left_out):
    found = read_json(document)
    assert [review.text for review in found.reviews] == texts
    assert found.left_out == tuple(f"the list “{name}” (1 entry)" for name in left_out)


def test_of_very_many_lists_that_are_left_out_some_are_named_and_the_others_counted():
    others = {f"o{n}": [said("b")] for n in range(150)}
    found = read_json({"reviews": [said("a")], **others})
    assert [review.text for review in found.reviews] == ["a"]
    assert len(found.left_out) == 101
    assert found.left_out[99:] == ("the list “o99” (1 entry)", "further lists (50 entries)")


def test_entries_far_before_the_first_review_are_rows_too():
    found = read_json(
        {"related": [{"name": "x", "price": 3}] * 2_000, "reviews": [{"rating": 4}] * 1_200 + [said("a")]}
    )
    assert [review.row for review in found.reviews] == [*range(1, 1_001), 1_201]
    assert [skipped.row for skipped in found.skipped] == list(range(1_001, 1_201))


def test_a_key_that_is_too_long_for_a_name_holds_nothing():
    long = "rating" + " " * 200
    found = read_json([{long: 1, "rating": 5, "text": "a"}, {"x": {long: 2}, "rating": 4, "text": "b"}])
    assert [review.rating for review in found.reviews] == [5, 4]


def test_pages_of_reviews_may_be_lines():
    found = read_lines([{"page": n, "reviews": [said(f"{n}")]} for n in range(3)])
    assert [review.text for review in found.reviews] == ["0", "1", "2"]


@pytest.mark.parametrize(
    "entry",
    [
        {"reviewRating": {"ratingValue": "4", "bestRating": "10"}, "reviewBody": "b"},
        {"rating": {"value": 4, "max": 10}, "text": "b"},
        {"rating": 4, "outOf": "10", "text": "b"},
    ],
)
def test_a_scale_beside_the_rating_is_heard(entry):
    (found,) = read_json([entry]).reviews
    assert found.rating == 2.0


def test_lines_are_lines_however_long_the_first_is():
    found = read_lines([{"rating": 5, "text": "so good " * 10_000}, {"rating": 4, "text": "short"}])
    assert [len(review.text) for review in found.reviews] == [79_999, 5]
