"""The head of a request has a limit, whatever it is made of; its body has that of its route."""

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from processes import Installation

from outlast.cli.connections import MAX_HEAD

pytestmark = pytest.mark.slow

START = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    folder: Path = tmp_path_factory.mktemp("heads")
    with Installation(folder, "") as installation:
        url = httpx.URL(installation.serve(workers=0).address())
        yield url.host, url.port or 80


def answer(address: tuple[str, int], *sent: bytes) -> bytes:
    """What comes until the server closes, or has answered once."""
    with socket.create_connection(address, timeout=10) as wire:
        try:
            for part in sent:
                wire.sendall(part)
        except ConnectionError:
            pass
        found = b""
        try:
            while b"\r\n\r\n" not in found and (more := wire.recv(65_536)):
                found += more
        except ConnectionError:
            pass
        return found


@pytest.mark.parametrize(
    "head",
    [
        pytest.param([b"A: " + b"x" * 100_000] * 40, id="one long header"),
        pytest.param([b"A: b\r\n" * 10_000] * 20, id="many headers"),
    ],
)
def test_a_head_that_goes_on_and_on_is_refused(address: tuple[str, int], head: list[bytes]) -> None:
    found = answer(address, START, *head, b"\r\n\r\n")
    assert not found or found.startswith(b"HTTP/1.1 400")  # the refusal may be lost with the connection


def test_so_is_an_address_that_never_ends(address: tuple[str, int]) -> None:
    assert b"200 OK" not in answer(address, b"GET /livez?", *[b"x" * 50_000] * 20, b" HTTP/1.1\r\nHost: a\r\n\r\n")


def test_a_usual_head_is_not(address: tuple[str, int]) -> None:
    long = b"Cookie: " + b"c" * (MAX_HEAD // 2) + b"\r\n\r\n"
    assert answer(address, START, long).startswith(b"HTTP/1.1 200")


def test_a_body_may_come_with_its_head_and_be_larger(address: tuple[str, int]) -> None:
    """What is refused here is the request without a token, not its size."""
    body = b"x" * 4 * MAX_HEAD
    head = b"POST /api/analysis/start HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert answer(address, head + body).startswith(b"HTTP/1.1 403")


def test_one_connection_carries_many_requests(address: tuple[str, int]) -> None:
    with httpx.Client(base_url=f"http://{address[0]}:{address[1]}", trust_env=False) as http:
        for _ in range(20):
            assert http.get("/livez", headers={"A": "x" * 10_000}).status_code == 200
