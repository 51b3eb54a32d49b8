"""The site within a host's: its addresses and cookie stay in its place, and it opens by itself if it must."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from edge_site import OpenSite, Visitor, make_outlast, open_site
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from outlast import Outlast, runtime
from outlast.app import runtime_of
from outlast.wiring import make_engine

HTML = {"Accept": "text/html"}


class MountedVisitor(Visitor):
    """A browser that looks at `/slow`."""

    root = "/slow"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path, workers=1) as site:
        site.app = Starlette(routes=[Mount("/slow", app=site.app)])
        yield site


def look(site: OpenSite) -> MountedVisitor:
    client = site.client()
    client.__class__ = MountedVisitor
    return client


@pytest.mark.slow
async def test_every_address_lies_below_the_mount(site: OpenSite):
    visitor = await look(site).arrive()
    answer = await visitor.start("echo", text="a")
    assert answer.headers["location"].startswith("/slow/api/analysis/progress/")
    assert all(a.startswith("/slow/") for a in answer.json()["links"].values())
    snapshot = await visitor.finished(answer.json()["session_id"])
    assert all(a.startswith("/slow/") for a in snapshot["links"].values())
    for page in ("/slow/", "/slow/analysis/" + snapshot["session_id"], "/slow/nowhere"):
        html = (await visitor.get(page, headers=HTML)).text
        addresses = re.findall(r'\b(?:href|src|action)="([^"#]+)"', html)
        assert addresses
        assert all(a.startswith("/slow/") for a in addresses)
    for address in ("/slow/static/outlast.css", snapshot["links"]["result"], snapshot["links"]["page"]):
        assert (await visitor.get(address)).status_code == 200


async def test_a_login_of_the_host_beside_the_mount_recognises_the_visitor_and_adopts(site: OpenSite):
    async def log_in(request: Request) -> PlainTextResponse:
        anonymous = site.outlast.visitor(request)
        return PlainTextResponse(str(await site.outlast.adopt(anonymous, "ann") if anonymous else None))

    site.app = Starlette(routes=[Route("/login", log_in), Mount("/", site.app)])
    visitor = await look(site).arrive()
    await visitor.start("echo", text="a")
    assert (await visitor.get("/login")).text == "1"


async def test_the_cookie_is_sent_to_the_whole_host_but_not_beyond_its_own_path(site: OpenSite):
    answer = await site.client(root_path="/behind").get("/behind/slow/api/analysis/token")
    assert "Path=/behind" in answer.headers["set-cookie"].split("; ")


async def test_forms_post_and_lead_below_the_mount(site: OpenSite):
    visitor = await look(site).arrive()
    form = {"csrf_token": visitor.token, "analysis": "echo", "text": "a"}
    answer = await visitor.post("/slow/", data=form, headers=HTML)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/slow/analysis/")
    await visitor.finished(answer.headers["location"].rpartition("/")[2])
    cancelled = await visitor.post(answer.headers["location"] + "/cancel", data=form, headers=HTML)
    assert cancelled.headers["location"] == answer.headers["location"]


async def test_an_address_of_the_host_is_not_ours(site: OpenSite):
    visitor = await look(site).arrive()
    assert (await visitor.get("/api/analysis/token")).status_code == 404
    assert (await visitor.get("/slow/slow/api/analysis/token")).status_code == 404


async def test_behind_a_proxy_that_strips_a_prefix_links_carry_it(tmp_path: Path):
    async with open_site(tmp_path) as site:
        client = site.client(root_path="/behind")
        token = await client.get("/behind/api/analysis/token")
        client.headers["X-CSRF-Token"] = token.json()["token"]
        body = {"analysis": "echo", "input": {"text": "a"}}
        answer = await client.post("/behind/api/analysis/start", json=body)
        assert answer.json()["links"]["self"].startswith("/behind/api/")


async def test_a_host_opens_it_with_its_own_lifespan_and_workers(tmp_path: Path):
    outlast = make_outlast(tmp_path)
    host = Starlette(routes=[Mount("/slow", app=outlast.asgi())], lifespan=outlast.lifespan(workers=1))
    async with host.router.lifespan_context(host), mounted_visitor(host) as visitor:
        final = await visitor.finished(await visitor.started("echo", text="a"))
        assert final["result"] == {"text": "a"}


async def test_without_a_lifespan_it_opens_once_with_its_first_requests_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    outlast = make_outlast(tmp_path)
    made = []
    monkeypatch.setattr(runtime, "make_engine", lambda *given: made.append(1) or make_engine(*given))
    host = Starlette(routes=[Mount("/slow", app=outlast.asgi())])
    try:
        with caplog.at_level(logging.INFO, "outlast"):
            async with mounted_visitor(host) as visitor:
                answers = await asyncio.gather(*(visitor.get("/slow/readyz") for _ in range(5)))
                snapshot = await visitor.snapshot(await visitor.started("echo", text="a"))
        assert {a.status_code for a in answers} == {200}
        assert len(made) == 1
        assert snapshot["stalled"] is True
        assert any("outlast.lifespan()" in r.getMessage() for r in caplog.records)
    finally:
        await outlast.close()


async def test_without_a_lifespan_sync_mode_does_the_work_all_the_same(tmp_path: Path):
    outlast = make_outlast(tmp_path, async_enabled=False)
    host = Starlette(routes=[Mount("/slow", app=outlast.asgi())])
    try:
        async with mounted_visitor(host) as visitor:
            answer = await visitor.start("echo", text="a")
        assert answer.status_code == 200
        assert answer.json()["session"]["result"] == {"text": "a"}
    finally:
        await outlast.close()


@pytest.mark.slow
async def test_two_of_them_in_one_process_know_nothing_of_each_other(tmp_path: Path):
    async with open_site(tmp_path / "one", title="One") as one, open_site(tmp_path / "two", title="Two") as two:
        host = Starlette(routes=[Mount("/one", app=one.app), Mount("/two", app=two.app)])
        one.app = host
        client = one.client()
        tokens = {}
        for root in ("/one", "/two"):
            tokens[root] = (await client.get(root + "/api/analysis/token")).json()["token"]
            assert (await client.get(root + "/api/analysis/token")).json()["token"] == tokens[root]
        body = {"analysis": "echo", "input": {"text": "a"}}
        crossed = await client.post("/one/api/analysis/start", json=body, headers={"X-CSRF-Token": tokens["/two"]})
        assert crossed.status_code == 403
        answer = await client.post("/one/api/analysis/start", json=body, headers={"X-CSRF-Token": tokens["/one"]})
        session_id = answer.json()["session_id"]
        assert (await client.get(f"/one/api/analysis/progress/{session_id}")).status_code == 200
        assert (await client.get(f"/two/api/analysis/progress/{session_id}")).status_code == 404
        assert await two.sessions() == []
        for root, title in (("/one/", "One"), ("/two/", "Two")):
            assert f"<title>{title} · {title}</title>" in (await client.get(root, headers=HTML)).text


async def test_served_by_itself_it_lives_and_ends_with_its_server(tmp_path: Path):
    outlast = make_outlast(tmp_path)
    said, told = await live(outlast, end=True)
    assert told == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert runtime_of(outlast)._engine is None
    assert said == []


async def test_a_lifespan_failure_names_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ANALYSIS_POLLING_INTERVAL", "never")
    said, told = await live(Outlast(), end=False)
    assert told == ["lifespan.startup.failed"]
    assert "ANALYSIS_POLLING_INTERVAL" in said[0]


async def test_a_web_socket_is_closed_politely(site: OpenSite):
    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message["type"])

    scope = {"type": "websocket", "path": "/slow/x", "root_path": "", "headers": [], "query_string": b""}
    await site.app(scope, receive, send)
    assert sent == ["websocket.close"]


async def live(outlast: Outlast, *, end: bool) -> tuple[list[str], list[str]]:
    """What a server is told while it starts and ends the application."""
    said, told = [], []
    events = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive():
        return {"type": next(events)}

    async def send(message):
        told.append(message["type"])
        if "message" in message:
            said.append(message["message"])

    await outlast.asgi()({"type": "lifespan"}, receive, send)
    assert (next(events, None) is None) == end
    return said, told


@asynccontextmanager
async def mounted_visitor(app: Starlette) -> AsyncIterator[MountedVisitor]:
    transport = httpx.ASGITransport(app)
    async with MountedVisitor(transport=transport, base_url="http://localhost") as visitor:
        yield await visitor.arrive()
