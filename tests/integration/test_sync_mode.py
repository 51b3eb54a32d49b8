"""Work inside the request: the same pipeline, answered with its end, or with the events on the way."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from edge_site import PATIENCE, OpenSite, Visitor, events_of, open_site, served

from outlast.web import api

HTML = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture(params=[{"async_enabled": False}, {"queue_connection": "sync"}], ids=["async off", "queue sync"])
async def site(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path, **request.param) as site:
        yield site


@pytest.fixture
async def visitor(site: OpenSite) -> Visitor:
    return await site.visitor()


async def test_the_answer_is_the_completed_session(visitor: Visitor):
    answer = await visitor.start("echo", text="a")
    body = answer.json()
    assert answer.status_code == 200
    assert body.keys() == {"success", "session_id", "status", "message", "session", "links"}
    assert (body["session"]["status"], body["session"]["progress_percentage"]) == ("completed", 100)
    assert body["session"]["result"] == {"text": "a"}
    assert [s["status"] for s in body["session"]["steps"]] == ["done", "done"]
    assert "retry-after" not in answer.headers
    assert (await visitor.snapshot(body["session_id"])) == body["session"]


@pytest.mark.parametrize(("analysis", "code"), [("failing", "permanent"), ("breaking", "error")])
async def test_a_failure_is_an_answer_too_after_one_attempt(visitor: Visitor, analysis: str, code: str):
    answer = await visitor.start(analysis, text="a")
    session = answer.json()["session"]
    assert answer.status_code == 200
    assert (session["status"], session["error_code"]) == ("failed", code)
    assert (session["attempt"], session["max_attempts"]) == (1, 1)


@pytest.mark.slow
async def test_what_takes_longer_than_it_may_fails_within_the_request(tmp_path: Path):
    async with open_site(tmp_path, async_enabled=False, queue_timeout=0.2) as site:
        answer = await (await site.visitor()).start("held", text="a")
        assert answer.status_code == 200
        assert answer.json()["session"]["error_code"] == "timeout"


@pytest.mark.slow
async def test_what_cannot_be_waited_for_is_answered_as_on_its_way(
    site: OpenSite, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(api, "INLINE_MARGIN", -299.8)  # of a timeout of 300 s
    answer = await visitor.start("held", text="a")
    assert answer.status_code == 202
    assert answer.json()["session"]["status"] in {"pending", "processing"}
    site.hold.go.open()
    assert (await visitor.finished(answer.json()["session_id"]))["status"] == "completed"


@pytest.mark.slow
async def test_a_second_request_for_the_same_waits_for_the_same_work(site: OpenSite, visitor: Visitor):
    async with asyncio.timeout(PATIENCE):
        first = asyncio.create_task(visitor.start("held", text="a"))
        await site.hold.entered.passed()
        second = asyncio.create_task(visitor.start("held", text="a"))
        await asyncio.wait({second}, timeout=0.2)
        assert not second.done()
        site.hold.go.open()
        answers = [(await first).json(), (await second).json()]
    assert answers[0]["session_id"] == answers[1]["session_id"]
    assert [a["status"] for a in answers] == ["started", "existing"]
    assert [a["session"]["status"] for a in answers] == ["completed", "completed"]
    assert site.hold.reads == 1


async def test_it_can_be_watched_and_cancelled_from_elsewhere_meanwhile(site: OpenSite, visitor: Visitor):
    async with asyncio.timeout(PATIENCE):
        starting = asyncio.create_task(visitor.start("held", text="a"))
        await site.hold.entered.passed()
        (session,) = await site.sessions()
        assert (await visitor.snapshot(session.id))["phase"] == "running"
        assert (await visitor.delete(f"/api/analysis/cancel/{session.id}")).status_code == 202
        answer = await starting
    assert answer.status_code == 200
    assert answer.json()["session"]["status"] == "cancelled"


async def test_closing_lets_the_request_go(site: OpenSite, visitor: Visitor):
    async with asyncio.timeout(PATIENCE):
        starting = asyncio.create_task(visitor.start("held", text="a"))
        await site.hold.entered.passed()
        site.engine.closing.set()
        assert (await starting).status_code == 202


@pytest.mark.slow
async def test_a_client_of_events_gets_them_on_the_start_itself(site: OpenSite, visitor: Visitor):
    async with served(site.app) as address, asyncio.timeout(PATIENCE):
        headers = {"X-CSRF-Token": visitor.token, "Cookie": f"outlast_owner={visitor.cookie_of('outlast_owner')}"}
        body = {"analysis": "held", "input": {"text": "a", "moves": 20}}
        async with (
            Visitor(base_url=address, headers=headers, timeout=PATIENCE) as client,
            client.stream(
                "POST", "/api/analysis/start", json=body, headers={"Accept": "text/event-stream"}
            ) as response,
        ):
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            events = events_of(response)
            first = await anext(events)
            await site.hold.entered.passed()
            site.hold.go.open()
            rest = [e async for e in events]
    assert first.name == "progress"
    assert rest[-1].name == "done"
    assert rest[-1].data["status"] == "completed"
    assert [e.name for e in rest[:-1]] == ["progress"] * (len(rest) - 1)
    assert any(0 < e.data["progress_percentage"] < 100 for e in [first, *rest])


async def test_a_client_of_events_is_refused_like_any_other(visitor: Visitor):
    accept = {"Accept": "text/event-stream"}
    answer = await visitor.post("/api/analysis/start", json={"analysis": "echo", "input": {}}, headers=accept)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.slow
async def test_streams_of_starts_are_streams_too(tmp_path: Path):
    async with open_site(tmp_path, async_enabled=False, streams_per_owner=1) as site, served(site.app) as address:
        visitor = await Visitor(base_url=address, timeout=PATIENCE).arrive()
        site.clients.append(visitor)
        accept = {"Accept": "text/event-stream"}
        body = {"analysis": "held", "input": {"text": "a"}}
        async with visitor.stream("POST", "/api/analysis/start", json=body, headers=accept) as first:
            assert first.status_code == 200
            await site.hold.entered.passed()
            body = {"analysis": "held", "input": {"text": "b"}}
            refused = await visitor.post("/api/analysis/start", json=body, headers=accept)
            assert refused.status_code == 429
            assert len(await site.sessions()) == 1
            site.hold.go.open()
            assert [e.name async for e in events_of(first)][-1] == "done"


@pytest.mark.slow
async def test_who_leaves_does_not_stop_the_work(site: OpenSite, visitor: Visitor):
    async with served(site.app) as address, asyncio.timeout(PATIENCE):
        headers = {"X-CSRF-Token": visitor.token, "Cookie": f"outlast_owner={visitor.cookie_of('outlast_owner')}"}
        async with Visitor(base_url=address, headers=headers, timeout=PATIENCE) as client:
            starting = asyncio.create_task(client.start("held", text="a"))
            await site.hold.entered.passed()
            starting.cancel()
            await asyncio.wait({starting})
        (session,) = await site.sessions()
        site.hold.go.open()
        assert (await visitor.finished(session.id))["status"] == "completed"


async def test_the_form_without_javascript_leads_to_the_finished_page(site: OpenSite, visitor: Visitor):
    form = {"csrf_token": visitor.token, "analysis": "echo", "text": "a"}
    answer = await visitor.post("/", data=form, headers=HTML)
    assert answer.status_code == 303
    page = await visitor.get(answer.headers["location"], headers=HTML)
    assert page.status_code == 200
    assert "<analysis-progress" not in page.text
    (session,) = await site.sessions()
    assert session.status == "completed"


async def test_asynchronous_mode_never_works_inside_the_request(tmp_path: Path):
    """Without any worker the session waits, and says so."""
    async with open_site(tmp_path) as site:
        visitor = await site.visitor()
        accept = {"Accept": "text/event-stream"}
        body = {"analysis": "echo", "input": {"text": "a"}}
        answer = await visitor.post("/api/analysis/start", json=body, headers=accept)
        assert answer.status_code == 202
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["session"]["stalled"] is True
