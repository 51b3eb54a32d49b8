"""Addresses for rate limits: an IPv4 address, or the /64 of an IPv6 address."""

import pytest

from outlast.web.limits import UNKNOWN_ADDRESS, client_address


def of(host: str) -> str:
    return client_address({"client": (host, 1)})


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("64:ff9b::192.0.2.7", "64:ff9b::/64"),
    ],
)
def test_an_address_stands_for_who_can_choose_it(host: str, wanted: str):
    assert of(host) == wanted


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1", "localhost"])
def test_loopback_stands_for_everybody(host: str):
    assert of(host) == ""


@pytest.mark.parametrize("host", ["", "unknown", "_hidden", "<script>", "1.2.3.4.5", "x" * 60_000])
def test_what_is_no_address_counts_as_one(host: str):
    assert of(host) == UNKNOWN_ADDRESS


def test_without_an_address_nobody_is_limited_by_it():
    assert client_address({"client": None}) == ""
    assert client_address({}) == ""
