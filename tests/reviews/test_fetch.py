"""The fetcher against real local servers: what it brings, and when it gives up and how it says so."""

import contextlib
import gzip
import io
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest
from source_server import HTML, Answer, shop_server

from outlast_reviews.sources.errors import FetchError
from outlast_reviews.sources.fetching.fetch import Fetcher
from outlast_reviews.sources.formats.read import read_reviews


@pytest.fixture
def shop():
    with shop_server() as running:
        yield running


def to_this_machine(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


def refused(fetcher: Fetcher, address: str) -> FetchError:
    with pytest.raises(FetchError) as caught:
        fetcher.fetch(address)
    assert str(caught.value).endswith(".")
    return caught.value


def test_a_page_is_fetched_and_its_reviews_are_read(shop):
    product = {
        "@type": "Product",
        "name": "Pillow",
        "review": [{"@type": "Review", "reviewRating": {"ratingValue": 4}, "reviewBody": "Soft"}],
    }
    html = f'<html><script type="application/ld+json">{json.dumps(product)}</script></html>'
    shop.answers["/p?id=1"] = Answer(html.encode())
    page = Fetcher(allow=shop.allow).fetch(shop.url("/p?id=1&utm_source=x#reviews"))
    assert page.address == shop.url("/p?id=1")
    assert page.content_type == "text/html"
    assert read_reviews(io.BytesIO(page.body), len(page.body)).reviews[0].text == "Soft"


def test_a_name_is_sent_as_the_host_while_the_connection_goes_to_the_checked_address(shop):
    shop.answers["/"] = Answer()
    Fetcher(allow=shop.allow, resolver=to_this_machine).fetch(shop.url(host="shop.example"))
    headers = shop.asked[0][1]
    assert headers["Host"] == f"shop.example:{shop.port}"
    assert headers["User-Agent"].startswith("Outlast/")
    assert not {"Cookie", "Authorization", "Referer"} & set(headers)


def test_proxies_of_the_environment_are_not_used(shop, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    shop.answers["/"] = Answer()
    assert Fetcher(allow=shop.allow).fetch(shop.url()).body


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_with_all_of_their_query(shop, status):
    shop.redirect("/a", "/b?ref=1", status)
    shop.answers["/b?ref=1"] = Answer(b"<html>there</html>")
    page = Fetcher(allow=shop.allow).fetch(shop.url("/a"))
    assert page.address == shop.url("/b?ref=1")
    assert b"there" in page.body


def test_redirects_end_after_five(shop):
    for n in range(9):
        shop.redirect(f"/{n}", f"/{n + 1}")
    assert "without an end" in str(refused(Fetcher(allow=shop.allow), shop.url("/0")))
    assert len(shop.asked) == 6


@pytest.mark.parametrize(
    "location", ["", "javascript:alert(1)", "http://[", "ftp://x.example/", "//user@x.example/"]
)
def test_a_redirect_to_nowhere_is_told(shop, location):
    shop.redirect("/a", location)
    assert not refused(Fetcher(allow=shop.allow), shop.url("/a")).transient


def test_a_redirect_to_amazon_is_refused_in_words(shop):
    shop.redirect("/a", "https://www.amazon.com/dp/B0C1M76VR9")
    assert "Amazon" in str(refused(Fetcher(allow=shop.allow), shop.url("/a")))


@pytest.mark.parametrize(
    ("status", "transient"),
    [
        *((status, True) for status in (500, 502, 503, 520, 429, 408)),
        *((status, False) for status in (400, 401, 403, 404, 410, 451, 304)),
    ],
)
def test_what_may_pass_is_told_from_what_will_not(shop, status, transient):
    shop.answers["/"] = Answer(b"", status, {})
    assert refused(Fetcher(allow=shop.allow), shop.url()).transient is transient


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "999999999"}, 86_400.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_how_long_the_shop_asks_to_wait_is_kept(shop, headers, seconds):
    shop.answers["/"] = Answer(b"", 429, headers)
    assert refused(Fetcher(allow=shop.allow), shop.url()).retry_after == seconds


@pytest.mark.parametrize("kind", ["image/png", "application/pdf", "text/plain", "application/octet-stream", None])
def test_only_pages_and_json_are_taken(shop, kind):
    shop.answers["/"] = Answer(headers={"Content-Type": kind} if kind else {})
    assert not refused(Fetcher(allow=shop.allow), shop.url()).transient


def test_json_is_taken_and_a_packed_page_unpacked(shop):
    shop.answers["/j"] = Answer(b"[]", headers={"Content-Type": "application/ld+json"})
    shop.answers["/z"] = Answer(gzip.compress(b"<html>z"), headers={**HTML, "Content-Encoding": "gzip"})
    fetcher = Fetcher(allow=shop.allow)
    assert fetcher.fetch(shop.url("/j")).body == b"[]"
    assert fetcher.fetch(shop.url("/z")).body.endswith(b"<html>z")


def test_a_page_in_another_encoding_arrives_in_utf_8(shop):
    shop.answers["/"] = Answer(
        "<html>Größe".encode("latin-1"), headers={"Content-Type": 'text/html;charset="ISO-8859-1"'}
    )
    assert Fetcher(allow=shop.allow).fetch(shop.url()).body.decode("utf-8-sig") == "<html>Größe"


@pytest.mark.parametrize("charset", ["zlib", "rot13", "bz2", "nonsense", "utf-16"])
def test_an_encoding_that_is_none_of_texts_is_ignored(shop, charset):
    shop.answers["/"] = Answer(b"<html>abcd", headers={"Content-Type": f"text/html; charset={charset}"})
    assert b"a" in Fetcher(allow=shop.allow).fetch(shop.url()).body or charset == "utf-16"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"x" * 200_000),
        Answer(b"x" * 200_000, length=False),
        Answer(gzip.compress(b"x" * 50_000_000), headers={**HTML, "Content-Encoding": "gzip"}),
        Answer(b"not gzip", headers={**HTML, "Content-Encoding": "gzip"}),
        Answer(gzip.compress(b"<html>")[:-6], headers={**HTML, "Content-Encoding": "gzip"}),
        Answer(b"x", headers={**HTML, "Content-Encoding": "br"}),
    ],
    ids=["stated", "unstated", "bomb", "not packed", "cut", "packing not asked for"],
)
def test_size_and_packing_are_bounded(shop, answer):
    shop.answers["/"] = answer
    assert not refused(Fetcher(allow=shop.allow, most_bytes=100_000), shop.url()).transient


def test_progress_ends_at_what_there_was(shop):
    shop.answers["/"] = Answer(b"x" * 300_000)
    seen: list[tuple[int, int]] = []
    Fetcher(allow=shop.allow).fetch(shop.url(), lambda done, total: seen.append((done, total)))
    assert seen[-1] == (300_000, 300_000)
    assert seen == sorted(seen)


@contextlib.contextmanager
def listener(speak):
    """A server whose only connection is handed to `speak`."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    speak(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            thread.join()


def never_answer(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def drip(start: bytes, drop: bytes):
    """One drop after another without an end, each far sooner than any time limit between two of them."""

    def speak(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.settimeout(0.01)
        connection.sendall(start)
        while True:
            connection.sendall(drop)
            try:
                if not connection.recv(1):
                    return
            except TimeoutError:
                continue

    return speak


@pytest.mark.slow
@pytest.mark.parametrize(
    "speak",
    [
        never_answer,
        drip(b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        drip(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", b"x"),
    ],
    ids=["silence", "dripping headers", "dripping body"],
)
def test_a_slow_server_costs_no_more_than_the_time_allowed(speak):
    with listener(speak) as port:
        began = time.monotonic()
        error = refused(Fetcher(allow={("127.0.0.1", port)}, seconds=0.5), f"http://127.0.0.1:{port}/")
        assert time.monotonic() - began < 10
    assert error.transient
    assert "within 0.5 seconds" in str(error)


def test_a_resolver_that_hangs_costs_no_more_than_the_time_allowed():
    let_go = threading.Event()

    def hang(_host: str, _port: int) -> list[str]:
        let_go.wait()
        return []

    try:
        assert refused(Fetcher(resolver=hang, seconds=0.2), "https://shop.example/").transient
    finally:
        let_go.set()


@pytest.mark.parametrize(
    "speech",
    [b"", b"rubbish\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\nx"],
)
def test_a_broken_connection_may_be_tried_again(speech):
    def speak(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(speech)

    with listener(speak) as port:
        assert refused(Fetcher(allow={("127.0.0.1", port)}), f"http://127.0.0.1:{port}/").transient


def test_nobody_there_may_be_tried_again():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert refused(Fetcher(allow={("127.0.0.1", port)}), f"http://127.0.0.1:{port}/").transient


@pytest.mark.slow
def test_only_a_name_server_that_works_says_that_a_name_is_unknown():
    def unknown(host: str, port: int) -> list[str]:
        if host == "example.com":
            return ["93.184.215.14"]
        raise socket.gaierror(socket.EAI_NONAME, "no")

    for found in (unknown, lambda *_: []):
        told = refused(Fetcher(resolver=found), "https://shop.example/")
        assert not told.transient
        assert "no site at “shop.example”" in str(told)
    for error in (
        socket.gaierror(socket.EAI_NONAME, "without a network, of every name"),
        socket.gaierror(socket.EAI_AGAIN, "later"),
        socket.gaierror(socket.EAI_FAIL, "refused"),
        OSError("no sockets left"),
    ):

        def down(host: str, port: int, error: OSError = error) -> list[str]:
            raise error

        told = refused(Fetcher(resolver=down), "https://shop.example/")
        assert told.transient
        assert "cannot look up" in str(told)


@pytest.mark.slow
def test_tls_is_asked_for_the_name_and_a_certificate_of_nobody_is_refused(tmp_path):
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate),
            *("-subj", "/CN=shop.example", "-addext", "subjectAltName=DNS:shop.example"),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)

    def speak(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True):
            pass

    with listener(speak) as port:
        fetcher = Fetcher(allow={("127.0.0.1", port)}, resolver=to_this_machine)
        error = refused(fetcher, f"https://shop.example:{port}/")
    assert names == ["shop.example"]
    assert "certificate" in str(error)
    assert not error.transient
