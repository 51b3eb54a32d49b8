"""The list of an owner's own sessions, and the deletion of one of them or of everything."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from edge_site import PATIENCE, OpenSite, Visitor, open_site

from outlast import DeleteAnswer, Fact, Status
from outlast.domain.outcome import Cancelled
from outlast.domain.session import Claim
from outlast.testing.acts import completed, failed


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path, max_active_per_owner=50, starts_per_minute=1_000) as site:
        yield site


@pytest.fixture
async def visitor(site: OpenSite) -> Visitor:
    return await site.visitor()


async def walked(visitor: Visitor, **query: str) -> list[str]:
    """The ids of the whole list, page by page."""
    found: list[str] = []
    while True:
        answer = (await visitor.get("/api/analysis", params=query)).raise_for_status().json()
        found += [snapshot["session_id"] for snapshot in answer["sessions"]]
        if answer["next"] is None:
            return found
        query["after"] = answer["next"]


async def delete(visitor: Visitor, session_id: str):
    return await visitor.delete(f"/api/analysis/result/{session_id}")


async def test_the_list_has_the_owners_sessions_newest_first(site: OpenSite, visitor: Visitor):
    started = [await visitor.started() for _ in range(5)]
    await (await site.visitor()).started()
    assert await walked(visitor) == started[::-1]
    for limit in ("1", "2", "5"):
        assert await walked(visitor, limit=limit) == started[::-1]


async def test_the_list_is_filtered(site: OpenSite, visitor: Visitor):
    echo, held = await visitor.started(), await visitor.started("held", text="a")
    await site.end(echo, completed())
    assert await walked(visitor, status="completed") == [echo]
    assert await walked(visitor, analysis="held") == [held]
    assert await walked(visitor, analysis="held", status="completed") == []


async def test_an_entry_is_the_snapshot_without_its_result(site: OpenSite, visitor: Visitor):
    session_id = await visitor.started()
    await site.end(session_id, completed('{"grade":"A"}'))
    (entry,) = (await visitor.get("/api/analysis")).json()["sessions"]
    snapshot = await visitor.snapshot(session_id)
    assert snapshot["result"] == {"grade": "A"}
    assert entry == {**snapshot, "result": None}


async def test_the_list_of_a_new_visitor_is_empty(site: OpenSite):
    answer = await site.client().get("/api/analysis")
    assert answer.json() == {"sessions": [], "next": None}


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        *(({"limit": limit}, "?limit") for limit in ("0", "-1", "101", "x", "1.5", "²", "9" * 50)),
        ({"status": "done"}, "?status"),
        *(({"after": after}, "?after") for after in ("x", "!", "bnVsbA", "WyJ4IiwieSJd", "W1tdLFtdXQ", "é")),
    ],
)
async def test_a_wrong_query_is_refused_by_name(visitor: Visitor, query: dict[str, str], pointer: str):
    answer = await visitor.get("/api/analysis", params=query)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_the_python_list_continues_after_a_page(site: OpenSite):
    handles = [await site.outlast.start("echo", owner="ann", text=str(n)) for n in range(5)]
    found: list[str] = []
    page = await site.outlast.list(owner="ann", limit=2)
    while page:
        found += [session.id for session in page]
        page = await site.outlast.list(owner="ann", limit=2, after=page[-1])
    assert found == [handle.id for handle in handles[::-1]]
    with pytest.raises(ValueError, match="pass owner="):
        await site.outlast.list(after=(await site.outlast.list())[0])


async def test_a_deleted_session_is_nowhere(site: OpenSite, visitor: Visitor):
    source = (await visitor.upload(b"a,b")).json()["source"]
    session_id = await visitor.started("product", source=source)
    await site.end(session_id, completed())
    link = await site.outlast.share(session_id)
    assert link is not None
    await visitor.snapshot(session_id)  # from now on polls are answered from a cache
    answer = await delete(visitor, session_id)
    assert answer.status_code == 200
    assert answer.json()["success"] is True
    for path in (
        f"/api/analysis/progress/{session_id}",
        f"/api/analysis/result/{session_id}",
        f"/analysis/{session_id}",
        f"/shared/{link}",
    ):
        assert (await visitor.get(path)).status_code == 404, path
    assert await walked(visitor) == []
    assert (await visitor.start("product", source=source)).status_code == 422  # the file has gone too
    assert (await delete(visitor, session_id)).status_code == 404


async def test_a_file_stays_while_another_session_has_it(site: OpenSite, visitor: Visitor):
    source = (await visitor.upload(b"a,b")).json()["source"]
    first = await visitor.started("product", source=source)
    await site.end(first, failed())
    second = await visitor.started("product", source=source)
    await site.end(second, failed())
    await delete(visitor, first)
    assert (await visitor.start("product", source=source)).status_code == 202


async def test_a_session_in_flight_is_cancelled_first(visitor: Visitor):
    session_id = await visitor.started()
    answer = await delete(visitor, session_id)
    assert answer.status_code == 409
    assert "Cancel it first" in answer.json()["error"]
    await visitor.delete(f"/api/analysis/cancel/{session_id}")
    assert (await delete(visitor, session_id)).status_code == 200


async def test_facts_of_a_session_go_with_it(site: OpenSite):
    facts = site.outlast.facts("seen")

    @site.outlast.analysis("remembering")
    async def remembering(key: str) -> str:
        await facts.put([Fact(key, 1), Fact("common", key)], keep=timedelta(hours=1))
        return key

    await facts.put([Fact("the operator's", 1)], keep=timedelta(hours=1))
    async with site.working(), asyncio.timeout(PATIENCE):
        one = await remembering.start(key="one")
        await one.result()
        other = await remembering.start(key="other")
        await other.result()
    keys = ["one", "other", "common", "the operator's"]
    assert (await facts.get(keys)).keys() == set(keys)
    assert await one.delete() is DeleteAnswer.DELETED
    assert (await facts.get(keys)).keys() == {"other", "common", "the operator's"}
    assert await site.outlast.delete(other.id) is DeleteAnswer.DELETED
    assert (await facts.get(keys)).keys() == {"the operator's"}


async def test_everything_is_deleted_once_it_has_stopped(site: OpenSite, visitor: Visitor):
    other = await site.visitor()
    anothers = await other.started()
    done, running = await visitor.started(), await visitor.started()
    await site.end(done, completed())
    claimed = await site.take(running)
    await visitor.upload(b"unused")
    answer = await visitor.delete("/api/analysis")
    assert answer.status_code == 202
    assert answer.json()["remaining"] == [running]
    assert answer.json()["deleted"] == {"sessions": 1, "results": 1, "uploads": 1, "facts": 0}
    assert "1 analysis is still being stopped" in answer.json()["message"]
    assert int(answer.headers["retry-after"]) > 0
    assert (await visitor.snapshot(running))["phase"] == "cancelling"
    assert await site.engine.store.finish(Claim(running, claimed.claim), Cancelled(()))
    answer = await visitor.delete("/api/analysis")
    assert answer.status_code == 200
    assert answer.json()["remaining"] == []
    assert await walked(visitor) == []
    assert await walked(other) == [anothers]


async def test_everything_of_one_owner_is_deleted_by_code(site: OpenSite):
    await site.outlast.start("echo", owner="ann", text="a")
    kept = await site.outlast.start("echo", owner="ben", text="a")
    deleted = await site.outlast.delete_all("ann")
    assert (deleted.sessions, deleted.remaining) == (1, ())
    assert [session.id for session in await site.outlast.list()] == [kept.id]


@pytest.mark.slow
async def test_the_page_lists_cancels_and_deletes(site: OpenSite, visitor: Visitor):
    form = {"csrf_token": visitor.token}
    assert "You have no analyses yet" in (await visitor.get("/analyses")).text
    waiting, done = await visitor.started(), await visitor.started()
    await site.end(done, completed())
    page = (await visitor.get("/analyses")).text
    assert f'action="/analysis/{waiting}/cancel"' in page
    assert f'action="/analysis/{done}/delete"' in page
    assert f'action="/analysis/{done}/delete"' in (await visitor.get(f"/analysis/{done}")).text
    refused = await visitor.post(f"/analysis/{waiting}/delete", data=form, headers={"Accept": "text/html"})
    assert refused.status_code == 409
    assert f'href="/analysis/{waiting}"' in refused.text
    deleted = await visitor.post(f"/analysis/{done}/delete", data=form)
    assert (deleted.status_code, deleted.headers["location"]) == (303, "/analyses")
    assert await walked(visitor) == [waiting]
    await visitor.post("/analyses/delete", data=form)
    assert await site.outlast.list() == []


@pytest.mark.slow
async def test_the_page_leads_to_older_sessions(visitor: Visitor):
    started = [await visitor.started() for _ in range(3)]
    page = (await visitor.get("/analyses?limit=2")).text
    assert started[0] not in page
    older = page.split('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    assert started[0] in (await visitor.get(older)).text


@pytest.mark.parametrize("status", Status)
async def test_every_status_can_be_asked_for(visitor: Visitor, status: Status):
    assert await walked(visitor, status=status.value) == []
