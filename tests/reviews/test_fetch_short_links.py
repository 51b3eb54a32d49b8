"""Short links: followed to where they lead, without going there, and no less safely than a page is fetched."""

import pytest
from source_server import Answer, canary_listener, shop_server

from outlast_reviews.sources.errors import FetchError
from outlast_reviews.sources.fetching.addresses import product_at
from outlast_reviews.sources.fetching.fetch import Fetcher

PRODUCT = "https://www.amazon.de/dp/B0C1M76VR9?ref_=x"


@pytest.fixture
def shop():
    with shop_server() as running:
        yield running


def to_this_machine(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


def fetcher(shop) -> Fetcher:
    return Fetcher(allow=shop.allow, resolver=to_this_machine)


def refusal(fetcher: Fetcher, address: str) -> FetchError:
    with pytest.raises(FetchError) as caught:
        fetcher.follow_short_link(address)
    return caught.value


def test_a_short_link_is_followed_over_other_short_links_to_the_product(shop):
    shop.redirect("/d/1", shop.url("/x", "amzn.to"), 301)
    shop.redirect("/x", PRODUCT)
    led = fetcher(shop).follow_short_link(shop.url("/d/1", "a.co"))
    assert product_at(led).subject == "amazon:de:B0C1M76VR9"
    assert [path for path, _ in shop.asked] == ["/d/1", "/x"]


def test_nothing_is_asked_of_where_it_leads(shop):
    with canary_listener() as canary:
        shop.redirect("/1", f"http://127.0.0.1:{canary.port}/")
        assert fetcher(shop).follow_short_link(shop.url("/1", "amzn.eu")).endswith(f":{canary.port}/")
        assert not canary.sang


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("http://amazon.com.evil.example/dp/B0C1M76VR9", "looks like one"),
        ("https://xn--mazon-3ve.com/dp/B0C1M76VR9", "looks like one"),
        ("https://me:secret@www.amazon.de/dp/B0C1M76VR9", "password"),
        ("javascript:alert(1)", "address"),
        ("", "address that is none"),
        ("/1", "link to link"),
    ],
)
def test_a_short_link_that_leads_nowhere_good_is_refused(shop, location, words):
    shop.redirect("/1", location)
    assert words in str(refusal(fetcher(shop), shop.url("/1", "a.co")))


def test_a_short_link_that_answers_itself_leads_to_no_product(shop):
    shop.answers["/1"] = Answer(b"<html>hello</html>")
    assert "does not lead" in str(refusal(fetcher(shop), shop.url("/1", "a.co")))


def test_a_short_links_host_inside_the_private_network_is_never_spoken_to():
    with canary_listener() as canary:
        inside = Fetcher(resolver=to_this_machine, ports={canary.port})
        assert "private network" in str(refusal(inside, f"http://a.co:{canary.port}/1"))
        assert not canary.sang
