"""Posting to the public internet: no other machine hears anything."""

import ipaddress
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

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
def test_an_address_inside_is_refused_at_once_and_after_resolution(address: str):
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(NotPublicError):
        checked_url(f"https://{host}/hook")
    with pytest.raises(NotPublicError, match="not on the public internet"):
        post("https://hooks.example.org/", b"", {}, lambda _host, _port: ["93.184.215.14", address])


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


@pytest.fixture
def canary(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[str]]]:
    """A server inside that answers with a redirect to itself, reached without TLS; what it heard."""
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.path)
            self.send_response(307)
            self.send_header("Location", f"http://127.0.0.1:{server.server_port}/redirected")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    def connect(connection: public_http._Connection) -> None:
        connection.sock = socket.create_connection((connection._address, connection.port), 5)

    monkeypatch.setattr(public_http._Connection, "connect", connect)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://hooks.example.org:{server.server_port}/hook?a=1", heard
        server.shutdown()


def test_a_name_that_changes_its_mind_is_asked_once(
    canary: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
):
    url, heard = canary
    answers = iter([["127.0.0.1"]])
    with pytest.raises(NotPublicError):
        post(url, b"{}", {}, lambda _host, _port: next(answers))
    assert heard == []
    monkeypatch.setattr(public_http, "is_public", lambda _: True)
    answers = iter([["127.0.0.1"]])
    assert post(url, b"{}", {}, lambda _host, _port: next(answers)) == 307
    assert heard == ["/hook?a=1"], "the redirect is not followed"


def test_a_name_without_an_address_and_a_closed_port_are_errors_of_the_network(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(OSError, match="has no address"):
        post("https://hooks.example.org/", b"", {}, lambda _host, _port: [])
    monkeypatch.setattr(public_http, "is_public", lambda _: True)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(OSError, match="refused"):
        post(f"https://hooks.example.org:{port}/", b"", {}, lambda _host, _port: ["127.0.0.1"])
