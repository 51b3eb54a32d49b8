"""Repeated starts (`Idempotency-Key`), preferences (`Prefer`), and what limits say about a way on."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from edge_site import PATIENCE, OpenSite, Visitor, open_site

from outlast.backends.sqlite.times import as_text
from outlast.core.ids import owner_hash
from outlast.testing.acts import completed
from outlast.web.access import ANONYMOUS, COOKIE

STARTS = 6


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path, max_active_per_owner=2, starts_per_minute=STARTS) as site:
        yield site


@pytest.fixture
async def visitor(site: OpenSite) -> Visitor:
    return await site.visitor()


async def start(visitor: Visitor, key: str | None = None, text: str = "a", **headers: str) -> httpx.Response:
    if key is not None:
        headers["Idempotency-Key"] = key
    body: dict[str, Any] = {"analysis": "echo", "input": {"text": text}}
    return await visitor.post("/api/analysis/start", json=body, headers=headers)


async def test_the_same_key_and_body_give_the_same_session_also_once_it_has_ended(
    site: OpenSite, visitor: Visitor
):
    first = await start(visitor, "k-1")
    session_id = first.json()["session_id"]
    again = await start(visitor, '"k-1"')  # as a structured field
    assert (again.status_code, again.json()["status"]) == (202, "existing")
    assert again.json()["session_id"] == session_id
    await site.end(session_id, completed())
    ended = await start(visitor, "k-1")
    assert (ended.status_code, ended.json()["session_id"]) == (200, session_id)
    assert (await start(visitor)).json()["session_id"] != session_id
    assert len(await site.sessions()) == 2


async def test_new_keys_for_a_session_that_exists_are_limited(visitor: Visitor):
    statuses = [(await start(visitor, f"k-{n}")).status_code for n in range(STARTS + 2)]
    assert statuses == [202] * (STARTS + 1) + [429]
    assert (await start(visitor)).status_code == 202, "without a key nothing is stored"
    assert (await start(visitor, "k-1")).status_code == 202, "nor for a key that is known"


async def test_the_same_key_with_another_body_is_refused(visitor: Visitor):
    await start(visitor, "k-1")
    answer = await start(visitor, "k-1", text="b")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.slow
async def test_concurrent_requests_with_one_key_start_one_session(site: OpenSite, visitor: Visitor):
    answers = await asyncio.gather(*(start(visitor, "k-1") for _ in range(8)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["session_id"] for answer in answers}) == 1
    assert len(await site.sessions()) == 1


async def test_keys_of_other_visitors_are_theirs(site: OpenSite, visitor: Visitor):
    mine = await start(visitor, "k-1")
    theirs = await start(await site.visitor(), "k-1", text="b")
    assert theirs.status_code == 202
    assert theirs.json()["session_id"] != mine.json()["session_id"]


async def test_a_refused_start_leaves_its_key_free(visitor: Visitor):
    wrong = await visitor.post(
        "/api/analysis/start", json={"analysis": "none"}, headers={"Idempotency-Key": "k-1"}
    )
    assert wrong.status_code == 404
    assert (await start(visitor, "k-1")).status_code == 202


async def test_a_key_whose_holder_crashed_after_its_start_finds_that_session(site: OpenSite, visitor: Visitor):
    session_id = (await start(visitor, "k-1")).json()["session_id"]
    await site.end(session_id, completed())
    store: Any = site.engine.store

    async def unsettle(*_: str) -> None:
        """Crash before the key is settled."""
        raise asyncio.CancelledError

    settled, store.settle_start_key = store.settle_start_key, unsettle
    with pytest.raises(asyncio.CancelledError):
        await start(visitor, "k-2", text="b")
    store.settle_start_key = settled
    (crashed,) = [s.id for s in await site.sessions() if s.id != session_id]
    await site.end(crashed, completed())
    owner = owner_hash(ANONYMOUS + visitor.cookie_of(COOKIE).partition(".")[0])
    past = as_text(site.engine.clock.now() - timedelta(seconds=1))
    lapse = "UPDATE start_keys SET held_until = :past WHERE user_session = :owner AND held_until IS NOT NULL"
    await store._db.write(lambda c: c.execute(lapse, {"past": past, "owner": owner}))  # pyright: ignore[reportUnknownLambdaType] - a private part
    again = await start(visitor, "k-2", text="b")
    assert again.json()["session_id"] == crashed


async def test_the_session_of_a_key_may_be_deleted(site: OpenSite, visitor: Visitor):
    session_id = (await start(visitor, "k-1")).json()["session_id"]
    await site.end(session_id, completed())
    await visitor.delete(f"/api/analysis/result/{session_id}")
    assert (await start(visitor, "k-1")).status_code == 410


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "é", "a\tb"])
async def test_a_key_that_is_none_is_refused(visitor: Visitor, key: str):
    answer = await visitor.post(
        "/api/analysis/start",
        json={"analysis": "echo", "input": {"text": "a"}},
        headers=[(b"Idempotency-Key", key.encode("latin-1"))],
    )
    assert answer.status_code == 400


@pytest.mark.slow
async def test_a_start_waits_as_long_as_it_is_asked_to(site: OpenSite, visitor: Visitor):
    async with site.working(), asyncio.timeout(PATIENCE):
        answer = await start(visitor, Prefer="respond-async, wait=10")
        assert answer.status_code == 200
        assert answer.json()["session"]["status"] == "completed"
        assert answer.headers["preference-applied"] == "respond-async, wait=10"
    answer = await start(visitor, text="b", Prefer="wait=1")
    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == "wait=1"


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [("respond-async", "respond-async"), ("handling=strict", None), ("wait=x", None), ("wait=0;a=b", "wait=0")],
)
async def test_a_preference_that_is_not_applied_is_not_claimed(visitor: Visitor, prefer: str, applied: str | None):
    answer = await start(visitor, Prefer=prefer)
    assert answer.status_code == 202
    assert answer.headers.get("preference-applied") == applied


@pytest.mark.slow
async def test_the_rate_limit_is_announced_and_kept(site: OpenSite, visitor: Visitor):
    left: list[int] = []
    for n in range(STARTS):
        answer = await start(visitor, text=str(n))
        await site.end(answer.json()["session_id"], completed())
        assert answer.headers["ratelimit-policy"] == f'"per-owner";q={STARTS};w=60'
        found = re.fullmatch(r'"per-owner";r=(\d+);t=(\d+)', answer.headers["ratelimit"])
        assert found is not None
        left.append(int(found[1]))
        assert 0 < int(found[2]) <= 61
    assert left == [5, 4, 3, 2, 1, 0]
    refused = await start(visitor, text="more")
    assert refused.status_code == 429
    assert '"per-owner";r=0;t=' in refused.headers["ratelimit"]
    assert 50 <= int(refused.headers["retry-after"]) <= 61
    assert refused.headers["retry-after"] in refused.json()["error"]


@pytest.mark.slow
async def test_a_page_leads_to_what_is_in_flight(visitor: Visitor):
    await visitor.started()
    await visitor.started()
    refused = await visitor.start("echo", text="c")
    assert refused.status_code == 429
    assert refused.json()["error"].startswith("You already have 2 running or waiting.")
    assert int(refused.headers["retry-after"]) > 0
    form = {"csrf_token": visitor.token, "analysis": "echo", "text": "c"}
    page = await visitor.post("/", data=form, headers={"Accept": "text/html"})
    assert page.status_code == 429
    assert '<a href="/analyses">See them, or cancel one</a>' in page.text
