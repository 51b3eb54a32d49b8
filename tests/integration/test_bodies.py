"""What is read of bodies: nothing of strangers', little where none is taken, and not too much at once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from edge_site import HOST, OpenSite, Visitor, open_site
from test_access_matrix import BY_NAME, EVERY, UNKNOWN_ID

from outlast.web.bodies import ALL_UPLOADS, IGNORED_BODY, OWNERS_UPLOADS
from outlast.web.routes import PARAMETERS, Route

CHUNK = b"x" * 500
CHUNKED = (b"transfer-encoding", b"chunked")
TAKE_NONE = [(r, m) for r, m in EVERY if not r.takes_body]
KEY = "the key of these bodies"


class Sender:
    """One request at the application, whose body goes on for as long as it is read."""

    def __init__(self, route: Route, method: str, visitor: Visitor | None, *headers: tuple[bytes, bytes]) -> None:
        self.sent = 0
        self.status = 0
        self.ends_at: int | None = None
        self.silent = False
        self.gone = asyncio.Event()
        known: list[tuple[bytes, bytes]] = []
        if visitor is not None:
            cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
            known = [(b"cookie", cookies.encode()), (b"x-csrf-token", visitor.token.encode())]
        self.scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": route.path.format(session_id=UNKNOWN_ID, link=UNKNOWN_ID, file="outlast.css"),
            "root_path": "",
            "query_string": b"",
            "scheme": "http",
            "headers": [(b"host", HOST.removeprefix("http://").encode()), *known, *headers],
        }

    async def receive(self) -> dict[str, Any]:
        if self.ends_at is not None and self.sent >= self.ends_at:
            await self.gone.wait()
            return {"type": "http.disconnect"}
        self.sent += len(CHUNK)
        return {"type": "http.request", "body": CHUNK, "more_body": self.silent or self.sent != self.ends_at}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]

    async def ask(self, site: OpenSite) -> int:
        async with asyncio.timeout(10):
            await site.app(self.scope, self.receive, self.send)
        return self.status


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path, dashboard_key=KEY, max_upload_mb=0.1) as site:
        yield site


@pytest.fixture
async def visitor(site: OpenSite) -> Visitor:
    return await site.visitor()


async def test_an_endless_body_is_cut_off_on_a_route_without_a_body(site: OpenSite, visitor: Visitor):
    for route, method in TAKE_NONE:
        sender = Sender(route, method, visitor, CHUNKED)
        status = await sender.ask(site)
        assert status == 413 or (sender.sent == 0 and status in {401, 403}), (
            route.name
        )  # operators' are refused before
        assert sender.sent <= IGNORED_BODY + len(CHUNK)


async def test_a_large_body_is_refused_unread_on_a_route_without_a_body(site: OpenSite, visitor: Visitor):
    for route, method in TAKE_NONE:
        for length in (b"1001", b"9" * 5_000, b"-1", b"many"):
            sender = Sender(route, method, visitor, (b"content-length", length))
            assert await sender.ask(site) in {413, 401, 403}, route.name
            assert sender.sent == 0


async def test_an_empty_object_is_accepted_on_a_route_without_a_body(site: OpenSite, visitor: Visitor):
    session_id = await visitor.started("held", text="a")
    assert (await visitor.post(f"/api/analysis/cancel/{session_id}", json={})).status_code == 200


async def test_nothing_is_read_of_a_post_without_a_token(site: OpenSite):
    for route, method in EVERY:
        if not route.safe:
            sender = Sender(route, method, None, CHUNKED, (b"content-type", b"application/json"))
            assert await sender.ask(site) == 403, route.name
            assert sender.sent == 0


def _start(visitor: Visitor) -> Sender:
    """One that is as large as an upload may be, and ends there without an end."""
    sender = Sender(BY_NAME["start"], "POST", visitor, CHUNKED, (b"content-type", b"application/json"))
    sender.ends_at = 100_000
    sender.silent = True
    return sender


def _small(visitor: Visitor) -> Sender:
    """One that is read whole, and is no JSON."""
    sender = _start(visitor)
    sender.ends_at, sender.silent = len(CHUNK), False
    return sender


async def _under_way(site: OpenSite, senders: list[Sender]) -> list[asyncio.Task[int]]:
    asking = [asyncio.create_task(s.ask(site)) for s in senders]
    async with asyncio.timeout(10):
        while any(s.sent < (s.ends_at or 0) for s in senders):  # noqa: ASYNC110 - the sender has no event for it
            await asyncio.sleep(0.005)
    return asking


async def test_what_one_owner_has_under_way_is_bounded(site: OpenSite, visitor: Visitor):
    senders = [_start(visitor) for _ in range(OWNERS_UPLOADS)]
    asking = await _under_way(site, senders)
    assert await _small(visitor).ask(site) == 429
    assert await _small(await site.visitor()).ask(site) == 400  # another's is read, and is no JSON
    for sender in senders:
        sender.gone.set()
    await asyncio.gather(*asking)
    assert await _small(visitor).ask(site) == 400


async def test_what_all_owners_have_under_way_is_bounded(site: OpenSite):
    senders = [_start(await site.visitor()) for _ in range(ALL_UPLOADS)]
    asking = await _under_way(site, senders)
    assert await _small(await site.visitor()).ask(site) == 503
    for sender in senders:
        sender.gone.set()
    await asyncio.gather(*asking)
    assert await _small(await site.visitor()).ask(site) == 400


@pytest.mark.slow
@pytest.mark.parametrize("length", [101, 256, 4_000, 60_000])
async def test_no_parameter_of_an_address_is_too_long_for_an_answer(site: OpenSite, length: int):
    visitor = await (await site.visitor()).arrive()
    for route, method in EVERY:
        for name in PARAMETERS:
            if f"{{{name}}}" in route.path:
                given = dict.fromkeys(PARAMETERS, UNKNOWN_ID) | {name: "a" * length}
                answer = await visitor.request(method, route.path.format(**given))
                assert answer.status_code == 404, route.name
