"""Bright Data's dataset API, as documented and as it fails: ordered, waited for, fetched."""

import datetime as dt
import json
from collections.abc import Iterator

import pytest
from provider_server import ProviderServer, Reply, provider_server, said

from outlast_reviews.review import Review, ReviewSet
from outlast_reviews.settings import ReviewSettings
from outlast_reviews.sources.errors import FetchError
from outlast_reviews.sources.fetching.addresses import product_at
from outlast_reviews.sources.providers.brightdata import BrightData

TRIGGER, PROGRESS, SNAPSHOT = (
    "/datasets/v3/trigger",
    "/datasets/v3/progress/s_1a2b",
    "/datasets/v3/snapshot/s_1a2b",
)
PRODUCT = product_at("https://www.amazon.de/Ein-Roboter/dp/B0C1M76VR9/ref=sr_1?qid=7&tag=me")
RECORD = {
    "url": "https://www.amazon.de/dp/B0C1M76VR9/",
    "product_name": "A robot",
    "product_rating": 4.1,
    "rating": 5,
    "author_name": "Ann",
    "author_id": "AG1",
    "asin": "B0C1M76VR9",
    "review_header": "Nice",
    "review_id": "R1",
    "review_text": "It talks",
    "review_posted_date": "March 3, 2018",
    "review_country": "Germany",
    "is_verified": True,
    "is_amazon_vine": False,
    "timestamp": "2025-01-01T00:00:00.000Z",
}
LOGIN = b"<!doctype html><title>Log in</title><form><input type='password'></form>"
CAPTCHA = b"<html><title>Robot Check</title>Type the characters you see</html>"


@pytest.fixture
def server() -> Iterator[ProviderServer]:
    with provider_server() as server:
        server.replies = {
            TRIGGER: [said({"snapshot_id": "s_1a2b"})],
            PROGRESS: [said({"snapshot_id": "s_1a2b", "status": "ready", "records": 1})],
            SNAPSHOT: [said([RECORD])],
        }
        yield server


def provider(server: ProviderServer, **more) -> BrightData:
    return BrightData(ReviewSettings(brightdata_key="the-key", brightdata_url=server.url, **more))


def collect(server: ProviderServer, pauses: list[float] | None = None, **more) -> ReviewSet:
    waited = pauses if pauses is not None else []
    return provider(server, **more).collect("s_1a2b", lambda _done, _total: None, waited.append)


def failure(server: ProviderServer, **more) -> FetchError:
    with pytest.raises(FetchError) as caught:
        collect(server, **more)
    return caught.value


def test_an_order_names_the_product_and_nothing_else_of_the_visitors_address(server):
    assert provider(server).order(PRODUCT) == "s_1a2b"
    (asked,) = server.asked
    assert (asked.method, asked.query["dataset_id"]) == ("POST", "gd_le8e811kzy4ggddlq")
    assert asked.query["include_errors"] == "true"
    assert asked.headers["Authorization"] == "Bearer the-key"
    assert asked.body == [{"url": "https://www.amazon.de/dp/B0C1M76VR9/"}]


def test_what_was_collected_is_read(server):
    found = collect(server)
    assert found.reviews == (
        Review(1, "R1", 5.0, dt.date(2018, 3, 3), "Nice", "It talks", "AG1", verified=True, incentivised=False),
    )
    assert (found.format, found.product_title) == ("Bright Data: JSON", "A robot")


def test_a_slow_snapshot_is_asked_after_less_and_less_often(server):
    server.replies[PROGRESS] = [said({"status": s}) for s in ("starting", "running", "running", "ready")]
    server.replies[SNAPSHOT] = [said({"status": "building", "message": "try again in 10s"}, 202), said([RECORD])]
    pauses: list[float] = []
    assert len(collect(server, pauses).reviews) == 1
    assert pauses == sorted(pauses)
    assert len(pauses) == 4


def test_a_snapshot_that_takes_too_long_can_be_collected_later(server):
    server.replies[PROGRESS] = [said({"status": "running"})]
    pauses: list[float] = []
    error = failure(server, pauses=pauses, brightdata_wait=60)
    assert error.transient
    assert "still collecting" in str(error)
    assert "nothing is ordered twice" in str(error)
    assert sum(pauses) == pytest.approx(60)
    server.replies[PROGRESS] = [said({"status": "ready"})]
    assert len(collect(server).reviews) == 1
    assert server.times(TRIGGER) == 0


@pytest.mark.parametrize(
    ("reply", "transient", "words"),
    [
        (Reply(b"Invalid credentials", 401), False, "ANALYSIS_BRIGHTDATA_API_KEY"),
        (said({"error": "insufficient credit"}, 402), False, "used up"),
        (Reply(b"Account is suspended", 403), False, "suspended"),
        (Reply(b"Snapshot does not exist", 404), False, "does not know"),
        (Reply(b"Too many requests", 429, {"Retry-After": "7"}), True, "quota"),
        (Reply(b"oops", 500), True, "trouble answering"),
        (Reply(b"", 503, {"Retry-After": "7"}), True, "trouble answering"),
        (Reply(b"", 302, {"Location": "/login"}), False, "status 302"),
        (Reply(LOGIN), False, "a login page instead of reviews"),
        (Reply(CAPTCHA), False, "a robot check instead of reviews"),
        (Reply(b"<html>hello</html>"), False, "a web page instead of reviews"),
        (Reply(b"[1]"), True, "cannot be read"),
        (Reply(b"{"), True, "cannot be read"),
        (Reply(b'{"status"', cut=90), True, "could not be reached, or the connection broke"),
    ],
)
@pytest.mark.parametrize("path", [TRIGGER, PROGRESS])
def test_a_refusal_on_the_way_is_a_failure_with_what_to_do(server, path, reply, transient, words):
    server.replies[path] = [reply]
    with pytest.raises(FetchError) as caught:
        provider(server).order(PRODUCT) if path == TRIGGER else collect(server)
    assert words in str(caught.value)
    assert "upload that file" in str(caught.value)
    assert "the-key" not in str(caught.value)
    assert caught.value.transient is transient
    if "Retry-After" in reply.headers:
        assert caught.value.retry_after == 7


WHOLE = json.dumps([RECORD] * 3).encode()


@pytest.mark.parametrize(
    ("reply", "transient", "words"),
    [
        (Reply(WHOLE[:-40]), True, "breaks off"),
        (Reply(WHOLE[:-40], cut=40), True, "connection broke"),
        (Reply(LOGIN), False, "login page"),
        (Reply(CAPTCHA), False, "robot check"),
        (Reply(b""), True, "empty"),
        (said({"reviews": "none"}), True, "cannot be read"),
        (Reply(b"upstream error", 502), True, "trouble"),
        (
            said([{"input": {"url": "x"}, "error": "Page not found", "error_code": "dead_page", "rating": None}]),
            False,
            "(dead_page)",
        ),
    ],
)
def test_a_snapshot_that_is_not_reviews_is_a_failure_and_never_an_empty_set(server, reply, transient, words):
    server.replies[SNAPSHOT] = [reply]
    error = failure(server)
    assert words in str(error)
    assert error.transient is transient


def test_a_collection_that_failed_there_is_not_waited_for(server):
    server.replies[PROGRESS] = [said({"status": "failed", "error_message": "<b>internal</b>"})]
    error = failure(server)
    assert "could not collect" in str(error)
    assert "<b>" not in str(error)
    assert not error.transient


@pytest.mark.parametrize("ticket", ["../../admin", "s/1", "", None, 7, "a" * 99])
def test_a_ticket_that_could_lead_elsewhere_is_refused(server, ticket):
    server.replies[TRIGGER] = [said({"snapshot_id": ticket})]
    with pytest.raises(FetchError, match="cannot be read"):
        provider(server).order(PRODUCT)


def test_an_empty_snapshot_is_a_product_without_reviews(server):
    server.replies[SNAPSHOT] = [said([])]
    assert collect(server).reviews == ()


def test_it_covers_amazons_products_alone(server):
    covers = provider(server).covers
    assert covers(PRODUCT)
    assert covers(product_at("https://amzn.to/3xyz"))
    assert not covers(product_at("https://www.amazon.de/gp/help"))
    assert not covers(product_at("https://shop.example/dp/B0C1M76VR9"))
