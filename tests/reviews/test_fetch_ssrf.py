"""No address, name, redirect or change of mind leads the fetcher to anything but a public shop."""

import ipaddress
import itertools

import httpx
import pytest
from source_server import Answer, canary_listener, shop_server

from outlast_reviews.sources.errors import FetchError
from outlast_reviews.sources.fetching.fetch import Fetcher
from outlast_reviews.sources.fetching.ip_addresses import is_public

PUBLIC = "93.184.215.14"

V4 = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255",
    "127.0.0.1",
    "127.1.2.3", "127.255.255.254", "169.254.0.1", "169.254.169.254", "169.254.170.2", "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255", "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "168.63.129.16",
]  # fmt: skip
V6 = [
    "::", "::1", "::2", "fe80::1", "febf::1", "fec0::1", "fc00::1", "fd00:ec2::254", "fdff::1", "ff02::1",
    "ff0e::1",
    "100::1", "2001::1", "2001:0:7f00:1::", "2001:10::1", "2001:2::1", "2001:20::1", "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1", "2002:5db8:d70e::1", "3fff::1", "5f00::1", "64:ff9b::7f00:1", "64:ff9b::5db8:d70e",
    "64:ff9b:1::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:93.184.215.14", "::127.0.0.1", "::ffff:0:127.0.0.1",
    "2606:4700::5efe:7f00:1", "2606:4700::200:5efe:a00:1",
]  # fmt: skip


def spellings(address: str) -> list[str]:
    """The ways to write an IPv4 address that one resolver or another understands."""
    a, b, c, d = (int(part) for part in address.split("."))
    number = int(ipaddress.IPv4Address(address))
    halves = f"{a:02x}{b:02x}:{c:02x}{d:02x}"
    full = str.maketrans("0123456789", "０１２３４５６７８９")
    return [
        address, f"{address}.", str(number), hex(number), oct(number).replace("o", ""), f"0X{number:08X}",
        f"{a:#x}.{b:#x}.{c:#x}.{d:#x}", f"0{a:o}.0{b:o}.0{c:o}.0{d:o}", f"{a:04o}.{b}.{c}.{d}",
        f"{a}.{b}.{c * 256 + d}",
        f"{a}.{b * 65536 + c * 256 + d}", f"{a:#x}.{b}.{c}.{d}", f"{a}.{b}.{c}.{d:#x}", f"00{a}.00{b}.00{c}.00{d}",
        address.translate(full), address.replace(".", "。"), f"[::ffff:{address}]",
        f"[::ffff:{halves}]", f"[64:ff9b::{halves}]", f"[2002:{halves}::1]",
        f"%{ord(address[0]):02x}{address[1:]}",
    ]  # fmt: skip


def hostile_addresses(port: int) -> list[str]:
    hosts = [spelling for address in V4 for spelling in spellings(address)]
    hosts += [f"[{address}]" for address in V6] + [
        "[fe80::1%25eth0]",
        "[::1%lo]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:7f00:0001]",
    ]
    hosts += ["localhost", "LOCALHOST", "localhost.", "metadata.google.internal", "a.example", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ"]
    addresses = [
        f"{scheme}://{host}{end}" for scheme, host, end in itertools.product(["http"], hosts, ["/", f":{port}/x"])
    ]
    addresses += [f"https://{host}/" for host in hosts]
    addresses += [
        f"http://{PUBLIC}:{other}/" for other in (1, 21, 22, 25, 3306, 6379, 8080, 9200, 11211, 65535, port)
    ]
    addresses += [
        f"{scheme}127.0.0.1:{port}/"
        for scheme in (
            "ftp://",
            "file://",
            "gopher://",
            "dict://",
            "ws://",
            "ldap://",
            "unix:",
            "jar:http://",
            "//",
            "",
        )
    ]
    return [
        *addresses,
        f"http://shop.example@127.0.0.1:{port}/",
        f"http://shop.example:80@127.0.0.1:{port}/",
        f"http://127.0.0.1:{port}\\@shop.example/",
        f"http://shop.example\\@127.0.0.1:{port}/",
        f"http://127.0.0.1:{port}#@shop.example/",
        f"http://127.0.0.1:{port}?@shop.example/",
        f"http://shop.example/\r\nHost: 127.0.0.1:{port}",
        f"http://127.0.0.1\t:{port}/",
        f"http:/127.0.0.1:{port}/",
        f"http:127.0.0.1:{port}/",
        f"http:///127.0.0.1:{port}/",
        "http://",
        "http://[]/",
        "http://./",
        "http://.../",
    ]


@pytest.mark.slow
def test_hundreds_of_hostile_addresses_are_refused_and_the_canary_stays_silent():
    with canary_listener() as canary:
        fetcher = Fetcher(resolver=lambda _host, _port: ["127.0.0.1"], seconds=5)
        addresses = hostile_addresses(canary.port)
        assert len(set(addresses)) >= 500
        for address in addresses:
            with pytest.raises(FetchError) as caught:
                fetcher.fetch(address)
            assert not caught.value.transient, address
        assert not canary.sang


@pytest.mark.slow
def test_the_canary_would_have_sung():
    with canary_listener() as canary:
        with pytest.raises(FetchError):
            Fetcher(allow={("127.0.0.1", canary.port)}, seconds=0.2).fetch(f"http://127.0.0.1:{canary.port}/")
        assert canary.sang


@pytest.mark.parametrize("address", [*V4, *V6])
def test_an_address_that_is_not_of_the_public_internet_is_not_public(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", [PUBLIC, "1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e"]
)
def test_an_address_of_the_public_internet_is_public(address):
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("private", [*V4, *V6, "fe80::1%eth0", "not an address", ""])
def test_one_private_address_among_public_ones_spoils_a_name(private):
    def resolver(_host: str, _port: int) -> list[str]:
        return [PUBLIC, private]

    def never(_request: httpx.Request) -> httpx.Response:
        raise AssertionError

    with pytest.raises(FetchError):
        Fetcher(resolver=resolver, transport=httpx.MockTransport(never)).fetch("https://shop.example/")


def test_a_resolver_that_flips_is_asked_once_and_its_checked_answer_is_the_one_connected_to():
    answers = iter([[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]])
    asked: list[str] = []
    requests: list[httpx.Request] = []

    def flip(host: str, _port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, headers={"Content-Type": "text/html"}, stream=httpx.ByteStream(b"<html>"))

    page = Fetcher(resolver=flip, transport=httpx.MockTransport(answer)).fetch("https://shop.example/p")
    assert asked == ["shop.example"]
    assert requests[0].url.host == PUBLIC
    assert requests[0].headers["Host"] == "shop.example"
    assert requests[0].extensions["sni_hostname"] == "shop.example"
    assert page.address == "https://shop.example/p"


def test_a_name_is_checked_again_at_each_redirect():
    with shop_server() as shop, canary_listener() as canary:
        answers = iter([["127.0.0.1"], ["10.0.0.1"]])
        shop.redirect("/a", "/b")
        fetcher = Fetcher(allow=shop.allow, resolver=lambda *_: next(answers))
        with pytest.raises(FetchError, match="private network"):
            fetcher.fetch(shop.url("/a", host="shop.example"))
        assert [path for path, _ in shop.asked] == ["/a"]
        assert not canary.sang


@pytest.mark.slow
def test_redirects_into_private_addresses_are_refused_and_the_canary_stays_silent():
    with shop_server() as shop, canary_listener() as canary:
        fetcher = Fetcher(allow=shop.allow, resolver=lambda *_: ["127.0.0.1"], seconds=10)
        port = canary.port
        targets = [
            f"http://127.0.0.1:{port}/", f"//127.0.0.1:{port}/", f"http://localhost:{port}/", f"http://0x7f.1:{port}/",
            f"http://[::1]:{port}/", f"http://[::ffff:127.0.0.1]:{port}/", f"http://2130706433:{port}/", "http://10.0.0.1/",
            "http://169.254.169.254/latest/meta-data/", f"http://shop.example:{port}/", f"http://127.0.0.1:{port}@x.example/",
            "file:///etc/passwd", f"gopher://127.0.0.1:{port}/_", "http://127.0.0.1/",
        ]  # fmt: skip
        for number, target in enumerate(targets):
            with pytest.raises(FetchError):
                fetcher.fetch(shop.redirect(f"/{number}", target))
        assert len(shop.asked) == len(targets)
        assert not canary.sang


def test_what_a_test_allows_is_one_address_with_one_port():
    with shop_server() as shop, shop_server() as other:
        shop.answers["/"] = other.answers["/"] = Answer()
        fetcher = Fetcher(allow=shop.allow)
        assert fetcher.fetch(shop.url()).body
        with pytest.raises(FetchError):
            fetcher.fetch(other.url())
        assert other.asked == []
