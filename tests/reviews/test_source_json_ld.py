"""Structured data as shops' templates write it: which reviews are the product's, and what is left out."""

import json

import pytest
from source_reading import read


def in_script(*documents: object) -> str:
    scripts = (f'<script type="application/ld+json">{json.dumps(d)}</script>' for d in documents)
    return f"<!DOCTYPE html><html>{''.join(scripts)}</html>"


def review(text: str, stars: object = 4, **more: object) -> dict[str, object]:
    return {"@type": "Review", "reviewRating": {"ratingValue": stars}, "reviewBody": text, **more}


@pytest.mark.parametrize(
    "subject", [{}, {"itemReviewed": "Pillow"}, {"itemReviewed": {"@type": "Product", "sku": "1"}}]
)
def test_reviews_that_name_no_product_are_read_together(subject):
    found = read(in_script([review(text, **subject) for text in ("One", "Two", "Three")]))
    assert [r.text for r in found.reviews] == ["One", "Two", "Three"]


def test_reviews_beside_the_only_product_are_its_own():
    product = {"@type": "Product", "name": "Pillow", "aggregateRating": {"ratingValue": 4, "reviewCount": "1,234"}}
    found = read(in_script({"@graph": [product, review("One"), review("Two")]}))
    assert (len(found.reviews), found.product_title, found.complete) == (2, "Pillow", False)


def test_variants_belong_together_and_other_products_are_left_out_by_name():
    variants = [
        {"@type": "Product", "name": f"Shirt {n}", "review": [review(f"{n} {m}") for m in range(n)]}
        for n in (2, 3)
    ]
    other = {"@type": "Product", "name": "Lamp", "review": [review(f"Lamp {n}") for n in range(9)]}
    group = {"@type": "ProductGroup", "name": "Shirt", "hasVariant": variants, "isRelatedTo": [other]}
    found = read(in_script(group, {"@type": "Organization", "name": "The shop", "review": [review("Fast")]}))
    assert (len(found.reviews), found.product_title) == (5, "Shirt")
    assert found.left_out == ("reviews of “The shop” (1)", "reviews of “Lamp” (9)")


@pytest.mark.parametrize(
    "script",
    [
        '<script type="application/ld+json">{"@type":"Product","review":[{"reviewBody":"Good",}],}</script>',
        '<SCRIPT TYPE="application/ld+json">/*<![CDATA[*/{"review":{"reviewBody":"Good"}}/*]]>*/</SCRIPT>',
        '<script type="application/ld&#43;json">{"review":{"reviewBody":"Good"}}</script>',
        '<!-- application/ld+json --><script type="application/ld+json">{"review":{"reviewBody":"Good"}}</script>',
        """<script type="application/ld+json">{"name":"Don\\'t","review":{"reviewBody":"Good"}}</script>""",
    ],
)
def test_structured_data_is_read_as_templates_write_it(script):
    assert [r.text for r in read(f"<html>{script}</html>").reviews] == ["Good"]


def test_structured_data_that_cannot_be_read_is_named():
    broken = '<script type="application/ld+json">{"review": {"reviewBody": "a</script>'
    found = read(in_script({"@type": "Product", "name": "P", "review": review("Good")}) + broken)
    assert found.left_out == ("a part of the page's structured data, which is not valid JSON",)


def test_school_marks_are_turned_around():
    marks = {"@type": "Rating", "ratingValue": "2", "bestRating": "1", "worstRating": "6"}
    (found,) = read(in_script({"@type": "Product", "review": {"reviewRating": marks, "reviewBody": "ok"}})).reviews
    assert found.rating == 4.2
