"""Polls that are answered from the last answer: for the same owner alone, never older, and never when in doubt."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from edge_site import OpenSite, Visitor, make_outlast, open_site, until

from outlast.app import runtime_of
from outlast.domain.errors import StoreUnavailable
from outlast.testing.acts import completed, update
from outlast.web.access import COOKIE
from outlast.web.poll_cache import MAX_SNAPSHOT


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path) as site:
        yield site


@pytest.fixture
async def visitor(site: OpenSite) -> Visitor:
    return await site.visitor()


@pytest.fixture
async def session_id(site: OpenSite, visitor: Visitor) -> str:
    """Of a session at work, which a poll has shown."""
    session_id = await visitor.started("held", text="a")
    await site.take(session_id)
    await visitor.snapshot(session_id)
    return session_id


@pytest.fixture
def path(session_id: str) -> str:
    return f"/api/analysis/progress/{session_id}"


def forbid_whole_reads(site: OpenSite, monkeypatch: pytest.MonkeyPatch) -> None:
    async def get(*_: object, **__: object) -> None:
        raise AssertionError("the whole session was read")

    monkeypatch.setattr(site.engine.store, "get", get)


def raise_on_version(site: OpenSite, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    async def version(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(site.engine.store, "version", version)


async def test_what_has_not_changed_is_shown_again_without_reading_the_session(
    site: OpenSite, visitor: Visitor, path: str, monkeypatch: pytest.MonkeyPatch
):
    first = await visitor.get(path)
    forbid_whole_reads(site, monkeypatch)
    second = await visitor.get(path)
    elapsed = (first.json()["elapsed_ms"], second.json()["elapsed_ms"])
    assert elapsed[0] <= elapsed[1]
    assert first.json() | {"elapsed_ms": 0} == second.json() | {"elapsed_ms": 0}
    lengths = {"content-length": ""}
    assert dict(first.headers) | lengths == dict(second.headers) | lengths


async def test_its_tag_is_answered_with_304_without_reading_the_session(
    site: OpenSite, visitor: Visitor, path: str, monkeypatch: pytest.MonkeyPatch
):
    headers = {"If-None-Match": (await visitor.get(path)).headers["etag"]}
    first = await visitor.get(path, headers=headers)
    forbid_whole_reads(site, monkeypatch)
    second = await visitor.get(path, headers=headers)
    assert (first.status_code, second.status_code) == (304, 304)
    assert dict(first.headers) == dict(second.headers)


@pytest.mark.slow
async def test_what_another_process_has_written_is_shown_by_the_next_poll(
    site: OpenSite, visitor: Visitor, session_id: str, tmp_path: Path
):
    other = make_outlast(tmp_path)
    async with other.lifespan():
        store = (await runtime_of(other).engine()).store
        session = await store.get(session_id, owner=None)
        assert session is not None
        for percentage in range(1, 60):
            await store.report([update(session, float(percentage), f"At {percentage}")])
            shown = await visitor.snapshot(session_id)
            assert (shown["progress_percentage"], shown["current_message"]) == (percentage, f"At {percentage}")


@pytest.mark.slow
async def test_two_processes_in_turn_never_go_back(
    site: OpenSite, visitor: Visitor, session_id: str, tmp_path: Path
):
    """Each has an answer of its own to repeat, and shows none that is older than the other's."""
    other = make_outlast(tmp_path)
    async with other.lifespan():
        twin = OpenSite(other, other.asgi(), await runtime_of(other).engine(), site.hold)
        elsewhere = twin.client()
        elsewhere.cookies, elsewhere.headers = visitor.cookies, visitor.headers
        session = await site.engine.store.get(session_id, owner=None)
        assert session is not None
        seen: list[int] = []
        for percentage in range(1, 30):
            await site.engine.store.report([update(session, float(percentage), "")])
            seen += [(await v.snapshot(session_id))["version"] for v in (visitor, elsewhere, visitor)]
        await elsewhere.aclose()
    assert seen == sorted(seen)
    assert len(set(seen)) == 29


async def test_another_visitor_finds_nothing_where_the_owner_was_just_answered(
    site: OpenSite, visitor: Visitor, path: str
):
    tag = (await visitor.get(path)).headers["etag"]
    stranger = await site.visitor()
    await stranger.started("held", text="b")
    unknown = await stranger.get("/api/analysis/progress/" + "a" * 26)
    for asked in (await stranger.get(path), await stranger.get(path, headers={"If-None-Match": tag})):
        assert asked.status_code == 404
        assert asked.json() == unknown.json()
    assert (await site.client().get(path)).status_code == 404


async def test_an_adopted_session_is_hidden_from_its_former_owner(site: OpenSite, visitor: Visitor, path: str):
    from starlette.requests import Request

    cookie = "; ".join(f"{k}={v}" for k, v in visitor.cookies.items()).encode()
    anonymous = site.outlast.visitor(Request({"type": "http", "headers": [(b"cookie", cookie)]}))
    assert anonymous is not None
    assert (await visitor.get(path)).status_code == 200
    assert await site.outlast.adopt(anonymous, "alice") == 1
    assert (await visitor.get(path)).status_code == 404


@pytest.mark.parametrize("where", [0, 5, 40, -1])
async def test_a_cookie_with_one_other_character_is_nobody(
    site: OpenSite, visitor: Visitor, path: str, where: int
):
    await visitor.get(path)
    good = visitor.cookie_of(COOKIE)
    bad = "".join("b" if i == where % len(good) and c != "b" else "c" if i == where % len(good) else c
                  for i, c in enumerate(good))  # fmt: skip
    asked = {
        value: await site.client().get(path, headers={"Cookie": f"{COOKIE}={value}"}) for value in (good, bad)
    }
    assert [answer.status_code for answer in asked.values()] == [200, 404]


async def test_a_foreign_host_is_refused_where_ours_was_just_answered(visitor: Visitor, path: str):
    assert (await visitor.get(path)).status_code == 200
    assert (await visitor.get(path, headers={"Host": "evil.example"})).status_code == 421
    assert (await visitor.get(path)).status_code == 200


@pytest.mark.slow
async def test_the_place_in_the_queue_is_shown_anew_though_the_row_has_not_changed(
    site: OpenSite, visitor: Visitor
):
    first = await visitor.started("echo", text="a")
    second = await visitor.started("echo", text="b")
    before = await visitor.snapshot(second)
    await site.take(first)

    async def moved() -> bool:
        return (await visitor.snapshot(second))["queue_position"] == 1

    await until(moved)
    after = await visitor.snapshot(second)
    assert (before["queue_position"], before["version"]) == (2, after["version"])


async def test_a_large_snapshot_is_whole_each_time(site: OpenSite, visitor: Visitor):
    session_id = await visitor.started("echo", text="large")
    await site.end(session_id, completed('"' + "x" * (2 * MAX_SNAPSHOT) + '"'))
    for _ in range(2):
        assert len((await visitor.snapshot(session_id))["result"]) == 2 * MAX_SNAPSHOT


async def test_where_the_store_cannot_be_read_the_answer_is_503(
    site: OpenSite, visitor: Visitor, path: str, monkeypatch: pytest.MonkeyPatch
):
    async def get(*_: object, **__: object) -> None:
        raise StoreUnavailable("The disk is gone.")

    raise_on_version(site, monkeypatch, StoreUnavailable("The disk is gone."))
    monkeypatch.setattr(site.engine.store, "get", get)
    answer = await visitor.get(path)
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"


async def test_what_nobody_expected_is_a_reference_and_a_line_in_the_log(
    site: OpenSite,
    visitor: Visitor,
    path: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    raise_on_version(site, monkeypatch, ValueError("the secret"))
    with caplog.at_level(logging.ERROR):
        answer = await visitor.get(path)
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "the secret" not in answer.text
    [line] = [r for r in caplog.records if r.levelno == logging.ERROR and r.name.startswith("outlast")]
    assert answer.json()["reference"] in line.getMessage()
    assert "the secret" in str(line.exc_info)
