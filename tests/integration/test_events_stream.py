"""Server-sent events over a real server: snapshots as they change, and every way in which a stream ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from edge_site import PATIENCE, OpenSite, Visitor, events_of, open_site, served, until

from outlast.ports.notifier import Topic
from outlast.testing.acts import claim_of, completed, update
from outlast.web import events as events_module


@dataclass
class Stage:
    """A site behind a real server, and one visitor with a session."""

    site: OpenSite
    visitor: Visitor
    session_id: str
    path: str

    def stream(self, **headers: str):
        return self.visitor.stream("GET", self.path, headers=headers)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_site(tmp_path, streams_per_owner=2) as site, served(site.app) as address:
        visitor = await Visitor(base_url=address, timeout=PATIENCE).arrive()
        site.clients.append(visitor)
        session_id = await visitor.started("echo", text="a")
        yield Stage(site, visitor, session_id, f"/api/analysis/progress/{session_id}/events")


@pytest.mark.slow
async def test_a_stream_shows_the_snapshot_at_once_then_each_change_then_the_end(stage: Stage):
    async with stage.stream() as response, asyncio.timeout(PATIENCE):
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert "no-store" in response.headers["cache-control"]
        assert response.headers["x-accel-buffering"] == "no"
        events = events_of(response)
        first = await anext(events)
        session = await stage.site.take(stage.session_id)
        await stage.site.engine.store.report([update(session, 30.0, "Reading")])
        seen = [await anext(events)]
        while seen[-1].data["progress_percentage"] != 30.0:
            seen.append(await anext(events))
        await stage.site.engine.store.finish(claim_of(session), completed())
        rest = [e async for e in events if e.comment is None]
    assert (first.name, first.data["status"]) == ("progress", "pending")
    assert all(e.name == "progress" for e in seen)
    assert [e.name for e in rest if e.name == "done"] == ["done"]
    assert rest[-1].name == "done"
    assert rest[-1].data["status"] == "completed"
    assert rest[-1].data["result"] == {"grade": "A"}
    everything = [first, *seen, *rest]
    assert all(int(e.id) == e.data["version"] for e in everything)
    assert first.data == {**await stage.visitor.snapshot(stage.session_id), **first.data}


@pytest.mark.slow
async def test_the_snapshots_are_those_of_the_poll(stage: Stage):
    await stage.site.end(stage.session_id, completed())
    polled = await stage.visitor.snapshot(stage.session_id)
    async with stage.stream() as response, asyncio.timeout(PATIENCE):
        (only,) = [e async for e in events_of(response)]
    assert only.name == "done"
    assert only.data == polled


@pytest.mark.slow
async def test_a_client_that_has_seen_the_end_gets_no_event(stage: Stage):
    session = await stage.site.end(stage.session_id, completed())
    for seen in (str(session.version), f"{session.version};of a later version"):
        answer = await stage.visitor.get(stage.path, headers={"Last-Event-ID": seen})
        assert answer.status_code == 204
        assert answer.content == b""


@pytest.mark.slow
async def test_a_client_that_missed_the_end_gets_it(stage: Stage):
    session = await stage.site.end(stage.session_id, completed())
    for seen in (str(session.version - 1), "", "rubbish"):
        async with stage.stream(**{"Last-Event-ID": seen}) as response, asyncio.timeout(PATIENCE):
            assert [e.name async for e in events_of(response)] == ["done"]


@pytest.mark.slow
async def test_changes_come_at_most_four_times_a_second_and_the_latest_wins(stage: Stage):
    session = await stage.site.take(stage.session_id)
    clock = asyncio.get_running_loop().time
    async with stage.stream() as response, asyncio.timeout(2 * PATIENCE):
        arrivals: list[float] = []

        async def listen() -> list[float]:
            shown = []
            async for event in events_of(response):
                arrivals.append(clock())
                shown.append(event.data["progress_percentage"])
            return shown

        listening = asyncio.create_task(listen())
        began = clock()
        percentage = 0.0
        while clock() - began < 1.5:
            percentage = min(99.0, percentage + 0.1)
            await stage.site.engine.store.report([update(session, percentage)])
            stage.site.engine.notifier.publish(Topic.CHANGED, [session.id])
            await asyncio.wait({listening}, timeout=0.01)
        await stage.site.engine.store.finish(claim_of(session), completed())
        shown = await listening
    within = [a for a in arrivals if a <= began + 1.5]
    assert 3 <= len(within) <= 1.5 * 4 + 2
    assert shown == sorted(shown)
    assert shown[-1] == 100


@pytest.mark.slow
async def test_on_closing_the_stream_says_goodbye_and_ends(stage: Stage):
    async with stage.stream() as response, asyncio.timeout(5):
        events = events_of(response)
        assert (await anext(events)).name == "progress"
        stage.site.engine.closing.set()
        rest = [e async for e in events]
    assert [(e.name, e.data) for e in rest] == [("bye", {})]


@pytest.mark.slow
async def test_the_server_ends_within_two_seconds_whatever_is_open(tmp_path: Path):
    async with open_site(tmp_path) as site:
        loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            address = await stack.enter_async_context(served(site.app))
            visitor = await Visitor(base_url=address, timeout=PATIENCE).arrive()
            site.clients.append(visitor)
            path = f"/api/analysis/progress/{await visitor.started()}"
            tag = (await visitor.get(path)).headers["etag"]
            response = await visitor.send(visitor.build_request("GET", path + "/events"), stream=True)
            polling = asyncio.create_task(visitor.get(path + "?wait=25", headers={"If-None-Match": tag}))
            await asyncio.wait({polling}, timeout=0.1)
            site.engine.closing.set()
            began = loop.time()
        assert loop.time() - began < 2
        await response.aclose()
        await asyncio.wait({polling}, timeout=PATIENCE)
        assert polling.result().status_code in {200, 304}


@pytest.mark.slow
async def test_a_silent_stream_is_kept_open_by_comments(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(events_module, "KEEPALIVE_EVERY", 0.5)
    await stage.site.take(stage.session_id)
    async with stage.stream() as response, asyncio.timeout(PATIENCE):
        lines = response.aiter_lines()
        async for line in lines:
            if line.startswith(":"):
                break
        assert await anext(lines) == ""


@pytest.mark.slow
async def test_one_visitor_holds_so_many_streams_open_and_no_more(stage: Stage):
    async with stage.stream() as first, stage.stream() as second:
        assert (first.status_code, second.status_code) == (200, 200)
        refused = await stage.visitor.get(stage.path)
        assert refused.status_code == 429
        assert refused.headers["content-type"] == "application/problem+json"
        assert int(refused.headers["retry-after"]) >= 1
        other = await Visitor(base_url=stage.visitor.base_url).arrive()
        stage.site.clients.append(other)
        others = f"/api/analysis/progress/{await other.started()}/events"
        async with other.stream("GET", others) as third:
            assert third.status_code == 200


@pytest.mark.slow
async def test_a_closed_stream_frees_its_place(stage: Stage):
    async with stage.stream(), stage.stream():
        pass

    async def room() -> bool:
        async with stage.stream() as response:
            return response.status_code == 200

    await until(room)


@pytest.mark.slow
async def test_an_ended_stream_frees_its_place(stage: Stage):
    await stage.site.end(stage.session_id, completed())
    for _ in range(5):
        async with stage.stream() as response:
            assert [e.name async for e in events_of(response)] == ["done"]


@pytest.mark.slow
async def test_a_session_that_was_cleaned_up_has_no_stream(stage: Stage):
    engine = stage.site.engine
    await engine.store.cancel(stage.session_id, owner=None)
    async with stage.stream() as response, asyncio.timeout(PATIENCE):
        assert [e.name async for e in events_of(response)] == ["done"]
    later = engine.clock.now() + timedelta(hours=1)
    before = engine.clock.now() - timedelta(hours=1)
    await engine.store.prune(sessions_before=later, results_before=before, uploads_before=before, dry_run=False)
    assert (await stage.visitor.get(stage.path)).status_code == 404


@pytest.mark.slow
async def test_many_watch_one_session_and_all_see_the_end(tmp_path: Path):
    async with open_site(tmp_path, streams_per_owner=100) as site, served(site.app) as address:
        limits = httpx.Limits(max_connections=100)
        visitor = await Visitor(base_url=address, timeout=PATIENCE, limits=limits).arrive()
        site.clients.append(visitor)
        session_id = await visitor.started("echo", text="a")
        session = await site.take(session_id)
        path = f"/api/analysis/progress/{session_id}/events"
        watching = 0
        everybody = asyncio.Event()

        async def watch() -> list[str | None]:
            nonlocal watching
            async with visitor.stream("GET", path) as response:
                events = events_of(response)
                names = [(await anext(events)).name]
                watching += 1
                if watching == 50:
                    everybody.set()
                names += [e.name async for e in events]
            return names

        async with asyncio.timeout(2 * PATIENCE):
            watchers = [asyncio.create_task(watch()) for _ in range(50)]
            await everybody.wait()
            await site.engine.store.finish(claim_of(session), completed())
            assert {tuple(n) for n in await asyncio.gather(*watchers)} <= {
                ("progress", "done"),
                ("progress", "progress", "done"),
            }


@pytest.mark.slow
async def test_one_stream_shows_several_sessions_and_ends_with_the_last(stage: Stage):
    other = await stage.visitor.started("echo", text="b")
    path = f"/api/analysis/events?session_id={stage.session_id}&session_id={other}"
    async with stage.visitor.stream("GET", path) as response, asyncio.timeout(PATIENCE):
        events = events_of(response)
        first = [await anext(events) for _ in range(2)]
        await stage.site.end(other, completed())
        while (ended := await anext(events)).data["session_id"] != other or ended.name != "done":
            assert ended.name == "progress"
        await stage.site.end(stage.session_id, completed())
        rest = [e async for e in events if e.comment is None]
    assert {e.data["session_id"] for e in first} == {stage.session_id, other}
    assert [(e.name, e.data["session_id"]) for e in rest][-1] == ("done", stage.session_id)
    assert other not in {e.data["session_id"] for e in rest}


@pytest.mark.slow
@pytest.mark.parametrize("query", ["", "session_id=", "session_id=x", "session_id=" + "a" * 26])
async def test_a_stream_of_several_names_sessions_of_its_owner(stage: Stage, query: str):
    answer = await stage.visitor.get(f"/api/analysis/events?{query}")
    assert answer.status_code == (404 if "a" * 26 in query else 422)


@pytest.mark.slow
async def test_a_stream_of_several_has_a_bound(stage: Stage):
    ids = ["a" * 24 + first + second for first in "abcdefgh" for second in "abcdefgh"]
    answer = await stage.visitor.get("/api/analysis/events", params={"session_id": ids})
    assert answer.status_code == 422
    assert "Name 1 to 50 sessions" in answer.json()["error"]
