"""Addresses: one normal form, one subject, and plain words for what nothing can read."""

import pytest

from outlast_reviews.sources.fetching.addresses import BadAddress, Product, parse_address, product_at, refuse


@pytest.mark.parametrize(
    ("address", "subject"),
    [
        ("https://Shop.Example.com/p/1", "web:https://shop.example.com/p/1"),
        ("  https://shop.example.com  ", "web:https://shop.example.com/"),
        ("HTTPS://shop.example.com:443/a?b=1#reviews", "web:https://shop.example.com/a?b=1"),
        ("http://shop.example.com:80/a", "web:http://shop.example.com/a"),
        ("https://shop.example.com./a", "web:https://shop.example.com/a"),
        (
            "https://shop.example.com/a?utm_source=x&id=7&gclid=1&fbclid=2&ref=r",
            "web:https://shop.example.com/a?id=7",
        ),
        ("https://shop.example.com/a?b=2&a=1&ref_id=3", "web:https://shop.example.com/a?b=2&a=1&ref_id=3"),
        ("https://shop.example.com/a?utm%5Fsource=x", "web:https://shop.example.com/a"),
        ("https://bücher.example/straße?q=ä", "web:https://xn--bcher-kva.example/stra%C3%9Fe?q=%C3%A4"),
        ("https://shop.example.com/a%20b|c", "web:https://shop.example.com/a%20b%7Cc"),
        ("https://[2606:4700:0:0::1111]/x", "web:https://[2606:4700::1111]/x"),
    ],
)
def test_an_address_has_one_normal_form_and_it_is_stable(address, subject):
    product = product_at(address)
    assert (product.subject, product.shop) == (subject, "web")
    assert f"web:{product.address}" == subject
    assert product_at(product.address) == product


@pytest.mark.parametrize(
    ("address", "subject"),
    [
        ("https://www.amazon.com/dp/B0C1M76VR9", "amazon:us:B0C1M76VR9"),
        ("https://www.amazon.com/Some-Robot/dp/b0c1m76vr9/ref=sr_1?keywords=x", "amazon:us:B0C1M76VR9"),
        ("https://www.amazon.co.uk/gp/product/B0C1M76VR9?th=1", "amazon:uk:B0C1M76VR9"),
        ("https://amazon.de/product-reviews/B0C1M76VR9/", "amazon:de:B0C1M76VR9"),
        ("http://smile.amazon.com/gp/aw/d/B0C1M76VR9", "amazon:us:B0C1M76VR9"),
        ("https://m.amazon.co.jp/dp/4061234567#x", "amazon:jp:4061234567"),
        ("https://www.amazon.fr/-/en/Some-Robot/dp/B0C1M76VR9", "amazon:fr:B0C1M76VR9"),
        ("https://www.amazon.it/gp/aw/reviews/B0C1M76VR9", "amazon:it:B0C1M76VR9"),
        ("https://www.amazon.in/exec/obidos/ASIN/B0C1M76VR9", "amazon:in:B0C1M76VR9"),
        ("https://www.amazon.es/product-reviews/B0C1M76VR9?reviewerType=all", "amazon:es:B0C1M76VR9"),
        ("https://www.amazon.com/gp/customer-reviews/R1?ASIN=B0C1M76VR9", "amazon:us:B0C1M76VR9"),
    ],
)
def test_amazons_addresses_mean_a_country_and_a_product(address, subject):
    assert (product_at(address).subject, product_at(address).shop) == (subject, "amazon")


COUNTRIES = "com ca com.mx com.br co.uk ie de fr it es nl com.be se pl com.tr ae sa eg in co.jp com.au sg cn co.za"


@pytest.mark.parametrize("ending", COUNTRIES.split())
@pytest.mark.parametrize("prefix", ["", "www.", "smile.", "m.", "music."])
def test_every_amazon_shop_is_refused_with_what_to_do(ending, prefix):
    sentence = refuse(f"https://{prefix}amazon.{ending}/dp/B0C1M76VR9")
    assert "Amazon" in sentence
    assert "upload" in sentence


@pytest.mark.parametrize("short", ["https://amzn.to/3xYz", "https://a.co/d/abc", "https://amzn.eu/d/abc"])
def test_amazons_short_links_are_refused_too(short):
    assert "Amazon" in refuse(short)


@pytest.mark.parametrize(
    "address",
    [
        "https://notamazon.com/dp/B0C1M76VR9",
        "https://amazonas-reisen.example/dp/B0C1M76VR9",
        "https://shop.example.com/amazon.com/dp/B0C1M76VR9",
        "https://xa.co/d",
    ],
)
def test_only_amazons_own_hosts_are_amazon(address):
    assert product_at(address).shop == "web"
    assert refuse(address) is None


@pytest.mark.parametrize(
    "host",
    [
        "amazon.com.evil.example",
        "www.amazon.de.evil.example",
        "amazon.example.com",
        "amazon.xyz",
        "amazon-deals.example",
        "www-amazon.example",
        "amaz0n.com",
        "xn--mazon-3ve.com",
        "xn--amazn-mye.com",
        "аmazon.com",
        "AMAZОN.de",
        "arnazon.com",
        "ámázon.com",
    ],
)
def test_hosts_that_look_like_amazon_are_refused_and_never_taken_for_it(host):
    assert product_at(f"https://{host}/dp/B0C1M76VR9").shop == "web"
    assert "looks like one" in refuse(f"https://{host}/dp/B0C1M76VR9")


@pytest.mark.parametrize("host", ["shоp.example.com", "xn--shp-ted.example.com"])
def test_a_host_that_mixes_alphabets_is_refused(host):
    assert "several alphabets" in refuse(f"https://{host}/p/1")


@pytest.mark.parametrize("host", ["bücher.example", "магазин.example", "お店.example", "κατάστημα.example"])
def test_a_host_in_one_alphabet_of_its_own_is_worth_fetching(host):
    assert refuse(f"https://{host}/p/1") is None


@pytest.mark.parametrize("host", ["amzn.to", "a.co", "amzn.eu", "www.amzn.asia"])
def test_a_short_link_is_amazons_but_names_no_product(host):
    product = product_at(f"https://{host}/d/3xYz")
    assert (product.shop, product.is_short, product.product_id) == ("amazon", True, None)


def test_what_a_provider_delivers_is_not_refused():
    asked: list[str | None] = []

    def provided(product: Product) -> bool:
        asked.append(product.product_id)
        return product.country == "de"

    assert refuse("https://www.amazon.de/dp/B0C1M76VR9", provided=provided) is None
    assert "Amazon" in refuse("https://www.amazon.fr/dp/B0C1M76VR9", provided=provided)
    assert asked == ["B0C1M76VR9", "B0C1M76VR9"]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("", "no address"),
        ("shop", "no address"),
        ("localhost:8000/x", "no address"),
        ("printer.local/x", "private network"),
        ("127.0.0.1", "private network"),
        ("user@shop.example.com/p", "user name or password"),
        ("ftp://shop.example.com/", "not ftp://"),
        ("file:///etc/passwd", "not file://"),
        ("javascript:alert(1)", "https://"),
        ("data:text/html,x", "https://"),
        ("https://", "names no shop"),
        ("https:///path", "names no shop"),
        ("https://user:secret@shop.example.com/", "user name or password"),
        ("https://shop.example.com@127.0.0.1/", "user name or password"),
        ("https://shop example.com/", "spaces"),
        ("https://shop.example.com/a b", "spaces"),
        ("https://shop.example.com\\@evil.example/", "other characters"),
        ("https://shop.example.com/\r\nHost: x", "other characters"),
        ("https://shop.example.com:99999/", "host name"),
        ("https://shop.example.com:x/", "host name"),
        ("https://-shop.example.com/", "host name"),
        ("https://shop..example.com/", "host name"),
        ("https://sh*p.example.com/", "host name"),
        (f"https://{'a' * 64}.example.com/", "host name"),
        ("https://[::1/", "host name"),
        ("https://shop.example.com/" + "a" * 2_100, "longer"),
        ("https://localhost/", "private network"),
        ("https://localhost:8000/", "port 8000"),
        ("http://intranet/", "private network"),
        ("http://printer.local/", "private network"),
        ("http://x.internal/", "private network"),
        ("http://127.0.0.1/", "private network"),
        ("http://[::1]/", "private network"),
        ("http://169.254.169.254/latest/meta-data", "private network"),
        ("http://2130706433/", "unusual spelling"),
        ("https://shop.example.com:8443/", "port 8443"),
    ],
)
def test_an_address_that_cannot_be_one_is_told_why(address, words):
    sentence = refuse(address)
    assert words in sentence
    assert sentence.endswith(".")


def test_a_bad_address_has_no_product():
    with pytest.raises(BadAddress, match="https://"):
        product_at("ftp://shop.example.com")


@pytest.mark.parametrize(
    "typed",
    [
        "shop.example.com/p/1",
        "//shop.example.com/p/1",
        " Shop.example.com:443/p/1#reviews",
        "shop.example.com/p/1?utm_source=https://x.example/",
    ],
)
def test_a_link_without_its_beginning_is_completed(typed):
    assert product_at(typed).address == "https://shop.example.com/p/1"
    assert refuse(typed) is None
    assert product_at("amazon.com/dp/B0C1M76VR9").subject == "amazon:us:B0C1M76VR9"


def test_a_public_shop_is_worth_fetching():
    assert refuse("https://shop.example.com/p/1") is None
    assert refuse("http://93.184.215.14/p/1") is None


def test_a_tests_own_server_is_allowed_by_name_only():
    allow = {("127.0.0.1", 8123)}
    assert refuse("http://127.0.0.1:8123/page", allow) is None
    assert refuse("http://127.0.0.1:8124/page", allow)
    assert refuse("http://127.0.0.1/page", allow)
    assert refuse("http://amazon.com/dp/B0C1M76VR9", allow)


def test_tracking_is_kept_where_the_shop_itself_asks_for_it():
    assert parse_address("https://shop.example.com/?ref=1", keep_tracking=True).target == "/?ref=1"


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("B00ABCDEFG", "https://www.amazon.com/dp/B00ABCDEFG"),
        ("asdf", "This is no address"),
    ],
)
def test_what_is_typed_instead_of_an_address_is_answered_with_what_to_type(typed, answer):
    with pytest.raises(BadAddress, match=answer):
        parse_address(typed)
