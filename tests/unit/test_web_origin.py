"""Parsing of origins: scheme, host and port."""

import pytest

from outlast.web.access import _origin


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("http://shop.example", ("http", "shop.example", 80)),
        ("https://shop.example", ("https", "shop.example", 443)),
        ("https://Shop.example:8443", ("https", "shop.example", 8443)),
        ("http://", None),
        ("http://:80", None),
        ("ftp://shop.example", None),
        ("//shop.example", None),
        ("http://us@shop.example", None),
        ("http://[", None),
        ("http://shop.example:port", None),
        ("null", None),
        ("", None),
    ],
)
def test_an_origin_has_a_web_scheme_and_a_host(address: str, place: tuple[str, str, int] | None):
    assert _origin(address) == place
