"""Judge.me's API: the own shop's reviews page by page, without e-mail addresses, and how it fails."""

import datetime as dt
import logging
from collections.abc import Iterator

import pytest
from provider_server import ProviderServer, Reply, provider_server, said

from outlast import SettingsError
from outlast_reviews.review import Review, ReviewSet
from outlast_reviews.settings import ReviewSettings, review_settings
from outlast_reviews.sources.errors import FetchError
from outlast_reviews.sources.fetching.addresses import product_at
from outlast_reviews.sources.limits import MIB
from outlast_reviews.sources.providers.judgeme import JudgeMe

PRODUCTS, REVIEWS = "/api/v1/products/-1", "/api/v1/reviews"
PRODUCT = product_at("https://shop.example.org/collections/all/products/warm-blanket?variant=1")


def review(number: int, **more) -> dict:
    return {
        "id": number,
        "title": f"Title {number}",
        "body": f"Text {number}",
        "rating": 4,
        "product_external_id": 99,
        "product_title": "A blanket",
        "reviewer": {"id": 500 + number, "email": f"ann{number}@mail.example", "name": "Ann", "phone": "123"},
        "hidden": False,
        "verified": "buyer",
        "created_at": "2024-03-03T04:38:32+00:00",
        **more,
    }


@pytest.fixture
def server() -> Iterator[ProviderServer]:
    with provider_server() as server:
        server.replies = {
            PRODUCTS: [said({"product": {"id": 4711, "handle": "warm-blanket"}})],
            REVIEWS: [
                said({"current_page": 1, "per_page": 100, "reviews": [review(n) for n in range(1, 101)]}),
                said({"current_page": 2, "per_page": 100, "reviews": [review(101, hidden=True), review(102)]}),
            ],
        }
        yield server


def provider(server: ProviderServer) -> JudgeMe:
    return JudgeMe(
        ReviewSettings(
            judgeme_token="the-token",
            judgeme_shop="a-shop.myshopify.com",
            judgeme_sites="shop.example.org",
            judgeme_url=server.url,
        )
    )


def collect(server: ProviderServer) -> ReviewSet:
    ticket = provider(server).order(PRODUCT)
    return provider(server).collect(ticket, lambda _done, _total: None, lambda _seconds: None)


def test_all_pages_are_read_and_what_the_shop_hides_is_left_out(server, caplog):
    with caplog.at_level(logging.DEBUG):
        found = collect(server)
    assert len(found.reviews) == 101
    assert found.reviews[0] == Review(
        1, "1", 4.0, dt.date(2024, 3, 3), "Title 1", "Text 1", "501", verified=True, incentivised=None
    )
    assert (found.product_title, found.complete) == ("A blanket", True)
    assert found.left_out == ("1 review that the shop does not show",)
    assert [asked.query.get("page") for asked in server.asked] == [None, "1", "2"]
    assert server.asked[0].query["handle"] == "warm-blanket"
    assert server.asked[1].query["product_id"] == "4711"
    assert {asked.query["shop_domain"] for asked in server.asked} == {"a-shop.myshopify.com"}
    assert "@mail.example" not in repr(found)
    assert "the-token" not in caplog.text


def test_a_product_without_reviews_is_an_empty_set_that_is_whole(server):
    server.replies[REVIEWS] = [said({"reviews": []})]
    found = collect(server)
    assert (found.reviews, found.complete) == ((), True)


@pytest.mark.parametrize(
    ("path", "reply", "transient", "words"),
    [
        (PRODUCTS, said({"product": None}), False, "no product at this address"),
        (PRODUCTS, said({"error": "not found"}, 404), False, "Check the address"),
        (PRODUCTS, said({"error": "Invalid token"}, 401), False, "ANALYSIS_JUDGEME_TOKEN"),
        (REVIEWS, said({"error": "slow down"}, 429, Retry_After="9"), True, "quota"),
        (REVIEWS, Reply(b"", 500), True, "trouble"),
        (REVIEWS, Reply(b'{"reviews": [{"id": 1, "rating"'), True, "cannot be read"),
        (REVIEWS, said({"reviews": None}), True, "cannot be read"),
        (REVIEWS, said({"reviews": [{"id": 1}]}), True, "cannot be read"),
        (REVIEWS, Reply(b"<html><input type='password'></html>"), False, "login page"),
    ],
)
def test_a_failure_says_what_to_do(server, path, reply, transient, words):
    server.replies[path] = [reply]
    with pytest.raises(FetchError) as caught:
        collect(server)
    assert words in str(caught.value)
    assert "the-token" not in str(caught.value)
    assert caught.value.transient is transient


def test_a_small_answer_is_no_larger_than_eight_mebibytes(server):
    answer = said({"product": {"id": 4711, "handle": "warm-blanket"}})
    fits = answer._replace(body=answer.body.ljust(8 * MIB))
    server.replies[PRODUCTS] = [fits, fits._replace(body=fits.body + b" ")]
    provider(server).order(PRODUCT)
    with pytest.raises(FetchError, match="cannot be read"):
        provider(server).order(PRODUCT)


def test_a_failure_on_a_later_page_is_no_smaller_set(server):
    server.replies[REVIEWS][1] = Reply(b"", 500)
    with pytest.raises(FetchError, match="trouble"):
        collect(server)


def test_it_covers_the_products_of_its_shop_alone(server):
    covers = provider(server).covers
    assert covers(PRODUCT)
    assert covers(product_at("https://a-shop.myshopify.com/products/x"))
    assert not covers(product_at("https://shop.example.org/pages/about"))
    assert not covers(product_at("https://shop.example.org.evil.example/products/x"))


def test_a_half_set_key_is_a_sentence_that_names_the_settings(monkeypatch):
    monkeypatch.setenv("ANALYSIS_JUDGEME_TOKEN", "secret-token")
    with pytest.raises(SettingsError, match="ANALYSIS_JUDGEME_SHOP") as caught:
        review_settings()
    assert "secret-token" not in str(caught.value)
    monkeypatch.setenv("ANALYSIS_JUDGEME_SHOP", "https://shop/")
    with pytest.raises(SettingsError, match="ANALYSIS_JUDGEME_SHOP: it is a host name"):
        review_settings()
