"""Posting to the public internet: no other machine hears anything."""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from outlast.web import public_http
from outlast.web.public_addresses import NotPublicError, checked_url, is_public
from outlast.web.public_http import post
from outlast_reviews.sources.fetching import ip_addresses

INSIDE = [
    "127.0.0.1",
    "10.1.2.3",
    "169.254.169.254",
    "168.63.129.16",
    "100.64.0.1",
    "::1",
    "fe80::1",
    "fd00::1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::1",
    "2001:0:7f00:1::",
    "2600::5efe:7f00:1",
]


@given(st.ip_addresses() | st.ip_addresses(network="192.0.0.0/8") | st.ip_addresses(network="2000::/6"))
@example(ipaddress.ip_address("8.8.8.8"))
def test_it_draws_the_line_where_the_product_does(address: ipaddress.IPv4Address | ipaddress.IPv6Address):
    assert is_public(address) == ip_addresses.is_public(address)


@pytest.mark.parametrize("address", INSIDE)
async def test_an_address_inside_is_refused_at_once_and_after_resolution(address: str):
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(NotPublicError):
        checked_url(f"https://{host}/hook")
    with pytest.raises(NotPublicError, match="not on the public internet"):
        await post("https://hooks.example.org/", b"", {}, answering("93.184.215.14", address))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.org",
        "http://hooks.example.org/",
        "ftp://hooks.example.org/",
        "https://",
        "https://localhost/",
        "https://intranet/",
        "https://a..example.org/",
        "https://.example.org/",
        "https://example.org../",
        "https://" + "a" * 64 + ".example.org/",
        "https://" + "a." * 130 + "example.org/",
        "https://2130706433/",
        "https://127.1/",
        "https://0x7f.1/",
        "https://user:key@hooks.example.org/",
        "https://hooks.example.org/#part",
        "https://hooks.example.org:99999/",
        "https://[::1/",
        "https://hooks.example.org/a b",
        "https://hooks.example.org/\r\nHost: x",
        "https://høøks.example.org/",
        "https://hooks.example.org/" + "a" * 2000,
    ],
)
def test_an_address_that_is_none_gets_a_sentence(url: str):
    with pytest.raises(NotPublicError) as refused:
        checked_url(url)
    assert str(refused.value).startswith("It")


class Canary:
    """A server inside, reached without TLS; what it heard, and what it answers."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.answer = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1/redirected\r\n\r\n"
        self.url = ""
        self.served: list[asyncio.Task[None] | None] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.served.append(asyncio.current_task())
        head = await reader.readuntil(b"\r\n\r\n")
        self.heard.append(head.decode().partition("\r\n")[0])
        writer.write(self.answer)
        if self.answer:
            writer.write_eof()
        await reader.read()
        writer.close()
        await writer.wait_closed()


@pytest.fixture
async def canary(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Canary]:
    async def connect(address: str, port: int, host: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        assert host == "hooks.example.org"
        return await asyncio.open_connection(address, port)

    monkeypatch.setattr(public_http, "connect", connect)
    canary = Canary()
    async with await asyncio.start_server(canary.serve, "127.0.0.1", 0) as server:
        canary.url = f"https://hooks.example.org:{server.sockets[0].getsockname()[1]}/hook?a=1"
        yield canary
        await asyncio.gather(*filter(None, canary.served))


def answering(*addresses: str) -> public_http.Resolver:
    async def resolve(_host: str, _port: int) -> list[str]:
        return list(addresses)

    return resolve


async def test_a_name_is_asked_once_and_a_redirect_is_not_followed(
    canary: Canary, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(NotPublicError):
        await post(canary.url, b"{}", {}, answering("127.0.0.1"))
    assert canary.heard == []
    monkeypatch.setattr(public_http, "is_public", lambda _: True)
    asked: list[str] = []

    async def once(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    assert await post(canary.url, b"{}", {"webhook-id": "m"}, once) == 307
    assert canary.heard == ["POST /hook?a=1 HTTP/1.1"]
    assert asked == ["hooks.example.org"]


@pytest.mark.parametrize(
    "answer", [b"nonsense\r\n\r\n", b"HTTP/1.1 204", b"SSH-2.0-x\r\n", b"HTTP/1.1 2" + b"0" * 99_999]
)
async def test_what_is_no_response_is_an_error_of_the_network(
    canary: Canary, monkeypatch: pytest.MonkeyPatch, answer: bytes
):
    monkeypatch.setattr(public_http, "is_public", lambda _: True)
    canary.answer = answer
    with pytest.raises(OSError, match="did not answer in HTTP"):
        await post(canary.url, b"{}", {}, answering("127.0.0.1"))


async def test_an_informational_response_comes_before_the_one_that_counts(
    canary: Canary, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(public_http, "is_public", lambda _: True)
    canary.answer = b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"
    assert await post(canary.url, b"{}", {}, answering("127.0.0.1")) == 204


async def test_a_receiver_that_says_nothing_costs_no_more_than_its_time(
    canary: Canary, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(public_http, "is_public", lambda _: True)
    monkeypatch.setattr(public_http, "SECONDS", 0.05)
    canary.answer = b""
    with pytest.raises(TimeoutError):
        await post(canary.url, b"{}", {}, answering("127.0.0.1"))


async def test_a_name_without_an_address_and_a_closed_port_are_errors_of_the_network(
    monkeypatch: pytest.MonkeyPatch,
):
    with pytest.raises(OSError, match="has no address"):
        await post("https://hooks.example.org/", b"", {}, answering())
    monkeypatch.setattr(public_http, "is_public", lambda _: True)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(OSError, match="Connect call failed"):
        await post(f"https://hooks.example.org:{port}/", b"", {}, answering("127.0.0.1"))
