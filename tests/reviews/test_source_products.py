"""Which products the rows name: by id or by name, variants of one together."""

import io
import json
import unicodedata
from functools import partial, reduce

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlast_reviews.review import ReviewSet
from outlast_reviews.sources.errors import NotReviews
from outlast_reviews.sources.formats.products import MOST_PRODUCTS, ProductIndex
from outlast_reviews.sources.formats.read import HEAD, preview, read_reviews
from outlast_reviews.sources.limits import ReadLimits
from outlast_reviews.sources.review_sets import merged, named, reviews_of_product


def read(text: str) -> ReviewSet:
    raw = text.encode()
    return read_reviews(io.BytesIO(raw), len(raw))


def table(columns: str, *rows: str) -> ReviewSet:
    return read(f"{columns},rating,text\n" + "".join(f"{row},5,Words of row {n}\n" for n, row in enumerate(rows)))


def test_one_product_names_the_set_and_no_row():
    received = table("product_title", "A lamp", "A lamp", "")
    assert received.product_title == "A lamp"
    assert dict(received.products) == {}
    assert {review.product for review in received.reviews} == {None}


def test_several_are_counted_the_most_frequent_first():
    received = table("product_title", "A lamp", "A chair", "A chair", "")
    assert list(received.products.items()) == [("A chair", 2), ("A lamp", 1)]
    assert received.product_title is None
    assert [review.product for review in received.reviews] == ["A lamp", "A chair", "A chair", None]


@pytest.mark.parametrize(
    "column", ["asin", "parent_asin", "product_id", "product_handle", "sku", "asins", "hotel"]
)
def test_ids_tell_products_apart_too(column: str):
    assert dict(table(column, "B01", "B02", "B02").products) == {"B02": 2, "B01": 1}


def test_variants_of_one_name_are_one_product_and_so_are_names_of_one_id():
    received = table("asin,product_title", "B01,A lamp", "B02,A  LAMP", "B02,A lamp (blue)", "B03,A chair")
    assert dict(received.products) == {"A lamp": 3, "A chair": 1}


CHANGES = [
    str.upper, str.lower, str.title, str.swapcase, "\t{} ".format, "\u00a0{}\u200b".format,
    lambda name: name.replace(" ", "  "), partial(unicodedata.normalize, "NFD"),
    partial(unicodedata.normalize, "NFKC"),
]  # fmt: skip
NAMES = st.sampled_from(["Lampe für Bäder", "Éclairage 2", "ＬＡＭＰ ｘ", "Лампа", "ランプ", "lamp"])


@settings(deadline=None)
@given(NAMES, st.lists(st.lists(st.sampled_from(CHANGES), max_size=4), min_size=2, max_size=6), st.booleans())
def test_a_product_is_the_same_however_its_name_is_spelled(name, changes, named):
    names = [reduce(lambda text, change: change(text), some, name) for some in changes]
    column = "product_title" if named else "product"
    rows = [{column: cell, "rating": 5, "text": f"Words {n}"} for n, cell in enumerate([*names, "Another lamp"])]
    received = read(json.dumps(rows))
    assert sorted(received.products.values()) == sorted([len(names), 1])
    assert len(reviews_of_product(received, name).reviews) == len(names)
    files = [(f"{n}", read(json.dumps([{**rows[0], column: name}]))) for n, name in enumerate(names)]
    one = merged(files, ReadLimits())
    assert (one.product_title, dict(one.products)) == (files[0][1].product_title, {})
    both = merged([("a", received), ("b", received), *files], ReadLimits())
    assert sorted(both.products.values()) == sorted([3 * len(names), 2])


def test_ids_that_differ_in_case_are_two_where_their_names_do():
    received = table("asin,product_title", "aB1,Lamp", "Ab1,Chair", "aB1,")
    assert dict(received.products) == {"Lamp": 2, "Chair": 1}


def test_the_family_goes_before_the_variant():
    received = table("asin,parent_asin", "B01,P1", "B02,P1", "B03,P1")
    assert dict(received.products) == {}


def test_json_and_xml_name_products_as_well():
    lines = read('{"asin":"B01","rating":5,"text":"a b"}\n{"asin":"B02","rating":4,"text":"c d"}\n')
    assert dict(lines.products) == {"B01": 1, "B02": 1}
    review = (
        "<review><content>Words {0}</content><ratings><overall>5</overall></ratings>"
        "<products><product><product_name>{1}</product_name></product></products></review>"
    )
    feed = read(f"<feed><reviews>{review.format(1, 'A lamp')}{review.format(2, 'A chair')}</reviews></feed>")
    assert dict(feed.products) == {"A lamp": 1, "A chair": 1}


def test_files_of_different_products_are_several():
    lamp, chair = (table("product_title", name, name) for name in ("A lamp", "A chair"))
    both = merged([("a", lamp), ("b", chair)], ReadLimits())
    assert dict(both.products) == {"A lamp": 2, "A chair": 2}
    assert both.product_title is None
    assert dict(merged([("a", lamp), ("b", lamp)], ReadLimits()).products) == {}


def test_one_of_them_is_taken_alone():
    received = table("product_title", "A lamp", "A chair", "A chair", "")
    chairs = reviews_of_product(received, "A chair")
    assert (chairs.product_title, len(chairs.reviews), chairs.products) == ("A chair", 2, {})
    assert chairs.left_out == ("2 reviews of other products",)
    assert reviews_of_product(table("product_title", "A lamp", "A lamp"), "A lamp").left_out == ()


def test_one_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(NotReviews, match="“A lamp”, “A chair”"):
        reviews_of_product(table("product_title", "A lamp", "A chair"), "A bed")


def test_many_are_named_in_part():
    assert named([f"P{n}" for n in range(1_500)]).endswith("“P9” and 1,490 more")


def test_no_more_are_told_apart_than_a_bound():
    products = ProductIndex()
    for n in range(MOST_PRODUCTS + 10):
        products.add(n, f"id{n}", "")
    assert [name is None for name in products.names(MOST_PRODUCTS + 10)] == [False] * MOST_PRODUCTS + [True] * 10


WORDS = "that somebody wrote about a thing " * 3


@pytest.mark.slow
@pytest.mark.parametrize("lines", [False, True])
def test_the_beginning_of_a_large_file_shows_them_although_it_is_cut_off(lines: bool):
    csv = "asin,rating,text\n" + "".join(f"B{n % 3},5,{n} words of a row {WORDS}\n" for n in range(3_000))
    jsonl = "".join(
        f'{{"asin":"B{n % 3}","rating":5,"text":"{n} words of a row {WORDS}"}}\n' for n in range(3_000)
    )
    raw = (jsonl if lines else csv).encode()
    assert len(raw) > HEAD
    assert sorted(preview(raw[:HEAD], len(raw)).products) == ["B0", "B1", "B2"]
