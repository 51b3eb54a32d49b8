"""`POST /api/analysis/upload`: what is kept, and everything that may be wrong with a file on its way."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from edge_site import PATIENCE, OpenSite, Visitor, open_site, served

UPLOAD = "/api/analysis/upload"
LIMIT = 200_000


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path, max_upload_mb=LIMIT / 1e6) as site:
        yield site


@pytest.fixture
async def visitor(site: OpenSite) -> Visitor:
    return await site.visitor()


def is_problem(answer: httpx.Response, status: int) -> bool:
    body = answer.json()
    return (
        answer.status_code == body["status"] == status
        and answer.headers["content-type"] == "application/problem+json"
        and body["success"] is False
    )


def part(head: bytes, content: bytes = b"a,b", end: bytes = b"\r\n--b--\r\n") -> bytes:
    return b"--b\r\n" + head + b"\r\n\r\n" + content + end


NAMED = b'Content-Disposition: form-data; name="file"; filename="a.csv"'


async def send(visitor: Visitor, body: bytes, kind: str = "multipart/form-data; boundary=b") -> httpx.Response:
    return await visitor.post(UPLOAD, content=body, headers={"Content-Type": kind})


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 70_000, LIMIT])
async def test_a_file_is_kept_and_can_be_analysed(site: OpenSite, visitor: Visitor, size: int):
    content = b"\x00\xff,\r\n" * (size // 5) + b"x" * (size % 5)
    answer = await visitor.upload(content, "réviews.csv")
    source = "upload:" + hashlib.sha256(content).hexdigest()
    assert answer.status_code == 200
    assert answer.json() == {"success": True, "source": source, "name": "réviews.csv", "bytes": size}
    async with site.working():
        final = await visitor.finished(await visitor.started("product", source=source))
    assert final["result"] == {"bytes": size}


async def test_the_same_file_twice_is_the_same_upload(visitor: Visitor):
    first, second = await visitor.upload(b"same"), await visitor.upload(b"same", "other.csv")
    assert first.json()["source"] == second.json()["source"]


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\\b.csv", "x" * 1000, "line\nbreak.csv"])
async def test_a_name_is_no_path(visitor: Visitor, name: str):
    kept = (await visitor.upload(b"a", name)).json()["name"]
    assert not set("/\\\n") & set(kept)
    assert 0 < len(kept) <= 120


async def test_a_form_without_a_file_is_refused(visitor: Visitor):
    answer = await visitor.post(UPLOAD, files={"other": ("a.csv", b"a,b")})
    assert is_problem(answer, 422)
    assert answer.json()["errors"][0]["pointer"] == "/file"


async def test_a_file_sent_as_text_is_refused(visitor: Visitor):
    answer = await send(visitor, part(b'Content-Disposition: form-data; name="file"'))
    assert is_problem(answer, 422)


async def test_an_empty_file_is_refused(visitor: Visitor):
    answer = await visitor.upload(b"")
    assert is_problem(answer, 422)
    assert "empty" in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "multipart/form-data"),
        (b"a,b", "multipart/form-data; boundary="),
        (b"a,b", "multipart/form-data; boundary=b"),
        (b"\x00\xff" * 50, "multipart/form-data; boundary=b"),
        (part(b"Content-Disposition: form-data"), "multipart/form-data; boundary=b"),
        (part(b"No colon here"), "multipart/form-data; boundary=b"),
        (part(b""), "multipart/form-data; boundary=b"),
        (part(NAMED), "multipart/form-data; boundary=" + "b" * 300),
        (part(b"\r\n\r\na,b\r\n--b\r\n".join([NAMED] * 6)), "multipart/form-data; boundary=b"),
        (b"--b\r\n" + NAMED, "multipart/form-data; boundary=b"),
        (part(NAMED, end=b""), "multipart/form-data; boundary=b"),
        (part(b'Content-Disposition: form-data; name="t"', b"x" * 1_100_000), "multipart/form-data; boundary=b"),
        (
            part(b'Content-Disposition: form-data; name="t"\r\n\r\nx\r\n--b\r\n' * 200),
            "multipart/form-data; boundary=b",
        ),
        (part(b"X-Header: " + b"x" * 50_000 + b"\r\n" + NAMED), "multipart/form-data; boundary=b"),
    ],
)
async def test_a_broken_form_is_the_senders_fault(site: OpenSite, visitor: Visitor, body: bytes, kind: str):
    answer = await send(visitor, body, kind)
    assert answer.status_code in {400, 413, 422}
    assert is_problem(answer, answer.status_code)


@pytest.mark.parametrize(
    "kind", ["text/csv", "application/json", "application/x-www-form-urlencoded", "multipart/mixed"]
)
async def test_a_file_that_is_not_in_a_form_is_refused(visitor: Visitor, kind: str):
    assert is_problem(await send(visitor, b"a,b", kind), 415)


async def test_a_media_type_is_the_same_in_capitals(visitor: Visitor):
    answer = await send(visitor, part(NAMED), "Multipart/Form-Data; boundary=b")
    assert answer.status_code == 200


async def test_a_file_above_the_limit_is_refused_with_both_sizes(visitor: Visitor):
    answer = await visitor.upload(b"x" * (LIMIT + 1))
    assert is_problem(answer, 413)
    assert "0.2 MB" in answer.json()["error"]


async def test_what_announces_to_be_too_large_is_refused_unread(visitor: Visitor):
    async def never():
        raise AssertionError("It was read.")
        yield b""

    headers = {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": str(10 * LIMIT)}
    assert is_problem(await visitor.post(UPLOAD, content=never(), headers=headers), 413)


async def test_what_does_not_end_is_cut_off_at_the_limit(visitor: Visitor):
    sent = 0

    async def endless():
        nonlocal sent
        yield part(NAMED, end=b"")
        while True:
            sent += 50_000
            yield b"x" * 50_000

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert is_problem(await visitor.post(UPLOAD, content=endless(), headers=headers), 413)
    assert sent <= LIMIT + 64 * 1024 + 100_000


async def test_uploads_are_limited_per_minute_apart_from_starts(tmp_path: Path):
    async with open_site(tmp_path, starts_per_minute=2) as site:
        visitor = await site.visitor()
        answers = [(await visitor.upload(bytes([n]))).status_code for n in range(3)]
        assert answers == [200, 200, 429]
        assert (await visitor.start("echo", text="a")).status_code == 202


@pytest.mark.slow
async def test_who_leaves_in_the_middle_leaves_no_trace(
    site: OpenSite, visitor: Visitor, caplog: pytest.LogCaptureFixture
):
    async with served(site.app) as address, asyncio.timeout(PATIENCE):
        host, port = address.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        head = (
            f"POST {UPLOAD} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 5000\r\n"
            f"Content-Type: multipart/form-data; boundary=b\r\nX-CSRF-Token: {visitor.token}\r\n"
            f"Cookie: outlast_owner={visitor.cookie_of('outlast_owner')}\r\n\r\n"
        )
        with caplog.at_level(logging.INFO):
            writer.write(head.encode() + part(NAMED, end=b""))
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            while not any("disconnected while sending" in r.getMessage() for r in caplog.records):  # noqa: ASYNC110 - only the log shows it
                await asyncio.sleep(0.01)
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


@pytest.mark.slow
async def test_a_real_server_refuses_a_large_file_with_an_answer_that_arrives(site: OpenSite, visitor: Visitor):
    async with served(site.app) as address:
        headers = {"X-CSRF-Token": visitor.token, "Cookie": f"outlast_owner={visitor.cookie_of('outlast_owner')}"}
        async with Visitor(base_url=address, headers=headers, timeout=PATIENCE) as client:
            assert is_problem(await client.upload(b"x" * 2 * LIMIT), 413)
            assert (await client.upload(b"x")).status_code == 200
