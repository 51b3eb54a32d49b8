"""`ETag`, `304` and the long poll of the snapshot; and that what a watcher sees never goes back."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from edge_site import PATIENCE, OpenSite, Visitor, events_of, open_site, served

from outlast.testing.acts import update


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path) as site:
        yield site


@pytest.fixture
async def visitor(site: OpenSite) -> Visitor:
    return await site.visitor()


@pytest.fixture
async def path(visitor: Visitor) -> str:
    return f"/api/analysis/progress/{await visitor.started('held', text='a')}"


async def poll(visitor: Visitor, path: str, tag: str, query: str = "") -> int:
    return (await visitor.get(path + query, headers={"If-None-Match": tag})).status_code


@pytest.mark.parametrize("form", ["{}", "{strong}", '"other", {}', '{} , "other"', 'W/"x",{strong},"y"', "*"])
async def test_a_tag_that_still_holds_is_answered_with_304(visitor: Visitor, path: str, form: str):
    tag = (await visitor.get(path)).headers["etag"]
    assert tag.startswith('W/"')
    wanted = form.format(tag, strong=tag.removeprefix("W/"))
    answer = await visitor.get(path, headers={"If-None-Match": wanted})
    assert answer.status_code == 304
    assert answer.content == b""
    assert answer.headers["etag"] == tag
    assert "retry-after" in answer.headers
    assert "content-type" not in answer.headers


@pytest.mark.parametrize("wanted", ['"other"', 'W/"1.2.3"', "", '"', ",,", "\u00ff", "W/"])
async def test_another_tag_is_answered_in_full(visitor: Visitor, path: str, wanted: str):
    headers = {"If-None-Match": wanted.encode("latin-1")}
    assert (await visitor.get(path, headers=headers)).status_code == 200


async def test_a_browser_that_receives_no_events_is_logged_once(
    visitor: Visitor, path: str, caplog: pytest.LogCaptureFixture
):
    for _ in range(3):
        await visitor.get(path + "?wait=0", headers={"X-Outlast-Held": "events"})
    assert len([said for said in caplog.messages if "no event within 4 s" in said]) == 1


async def test_a_change_of_the_row_changes_the_tag(site: OpenSite, visitor: Visitor, path: str):
    session = await site.take(path.rpartition("/")[2])
    tag = (await visitor.get(path)).headers["etag"]
    await site.engine.store.report([update(session, 10.0, "Reading")])
    answer = await visitor.get(path, headers={"If-None-Match": tag})
    assert answer.status_code == 200
    assert answer.headers["etag"] != tag
    assert answer.json()["current_message"] == "Reading"


@pytest.mark.slow
async def test_the_tag_covers_queue_position_and_stalled(tmp_path: Path):
    """Three views of one version differ: neither is part of the row."""
    async with open_site(tmp_path) as site:
        visitor = await site.visitor()
        first = await visitor.started("echo", text="a")
        path = f"/api/analysis/progress/{await visitor.started('echo', text='b')}"
        stalled = await visitor.get(path)
        async with asyncio.timeout(PATIENCE):
            await site.take(first)
            moved = await visitor.get(path + "?wait=10", headers={"If-None-Match": stalled.headers["etag"]})
            while moved.json()["stalled"] or moved.json()["queue_position"] != 1:
                tag = moved.headers["etag"]
                moved = await visitor.get(path + "?wait=10", headers={"If-None-Match": tag})
        assert (stalled.json()["stalled"], stalled.json()["queue_position"]) == (True, 2)
        assert moved.json()["version"] == stalled.json()["version"]
        assert moved.headers["etag"] != stalled.headers["etag"]


async def test_elapsed_time_alone_is_no_change(visitor: Visitor, path: str):
    first = await visitor.get(path)
    second = await visitor.get(path)
    assert first.headers["etag"] == second.headers["etag"]


async def test_a_long_poll_returns_at_the_first_change(site: OpenSite, visitor: Visitor, path: str):
    session = await site.take(path.rpartition("/")[2])
    tag = (await visitor.get(path)).headers["etag"]
    waiting = asyncio.create_task(visitor.get(path + "?wait=25", headers={"If-None-Match": tag}))
    await asyncio.wait({waiting}, timeout=0.1)
    assert not waiting.done()
    async with asyncio.timeout(PATIENCE):
        await site.outlast.cancel(session.id)
        answer = await waiting
    assert answer.status_code == 200
    assert answer.json()["phase"] == "cancelling"


@pytest.mark.slow
async def test_a_long_poll_ends_with_304_when_nothing_changed(site: OpenSite, visitor: Visitor, path: str):
    await site.take(path.rpartition("/")[2])
    tag = (await visitor.get(path)).headers["etag"]
    began = asyncio.get_running_loop().time()
    assert await poll(visitor, path, tag, "?wait=0.3") == 304
    assert asyncio.get_running_loop().time() - began >= 0.3


async def test_a_long_poll_does_not_hold_up_the_end_of_the_process(site: OpenSite, visitor: Visitor, path: str):
    await site.take(path.rpartition("/")[2])
    tag = (await visitor.get(path)).headers["etag"]
    waiting = asyncio.create_task(poll(visitor, path, tag, "?wait=25"))
    await asyncio.wait({waiting}, timeout=0.1)
    site.engine.closing.set()
    async with asyncio.timeout(5):
        assert await waiting == 304


async def test_a_long_poll_without_a_tag_returns_at_once(visitor: Visitor, path: str):
    async with asyncio.timeout(5):
        assert (await visitor.get(path + "?wait=25")).status_code == 200


@pytest.mark.parametrize("wait", ["soon", "-1", "nan", "inf", "1,5", "1e999"])
async def test_a_wait_that_is_no_number_of_seconds_is_refused(visitor: Visitor, path: str, wait: str):
    answer = await visitor.get(path, params={"wait": wait})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [e["pointer"] for e in answer.json()["errors"]] == ["?wait"]


@pytest.mark.parametrize("query", ["?wait=0", "?wait=", "?other=1", "?wait=1000"])
async def test_other_queries_are_fine(visitor: Visitor, path: str, query: str):
    assert (await visitor.get(path + query)).status_code == 200


@pytest.mark.slow
async def test_no_watcher_ever_sees_a_session_go_back(site: OpenSite, visitor: Visitor):
    """Events, long polls and plain polls of one session at the same time, over a real server."""
    async with served(site.app) as address, site.working():
        session_id = await visitor.started("held", text="a", moves=40)
        cookie = {"Cookie": f"outlast_owner={visitor.cookie_of('outlast_owner')}"}
        client = Visitor(base_url=address, headers=cookie)
        site.clients.append(client)
        path = f"/api/analysis/progress/{session_id}"

        async def stream() -> list[dict]:
            async with client.stream("GET", path + "/events") as response:
                return [e.data async for e in events_of(response) if e.data]

        async def polls(query: str) -> list[dict]:
            seen, tag = [], ""
            while not seen or seen[-1]["completed_at"] is None:
                answer = await client.get(path + query, headers={"If-None-Match": tag})
                if answer.status_code == 200:
                    seen.append(answer.json())
                    tag = answer.headers["etag"]
            return seen

        async with asyncio.timeout(2 * PATIENCE):
            await site.hold.entered.passed()
            site.hold.go.open()
            watchers = await asyncio.gather(stream(), polls("?wait=5"), polls("?wait=5"), polls("?wait=0.05"))
    for seen in watchers:
        versions = [s["version"] for s in seen]
        shown = [s["progress_percentage"] for s in seen]
        assert versions == sorted(versions)
        assert shown == sorted(shown)
        assert (seen[-1]["status"], shown[-1]) == ("completed", 100)
        assert all(p < 100 for p in shown[:-1])
    assert any(0 < s["progress_percentage"] < 100 for s in watchers[0])
