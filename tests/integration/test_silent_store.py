"""A store that says nothing: requests that need it are refused, the next ones at once, until it speaks again."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest
from edge_site import PATIENCE, OpenSite, Visitor, open_site, until
from postgres_wires import Wire, listening

from outlast.backends.postgres import database, pools
from outlast.core.circuit_breaker import CircuitBreaker

SOON = 0.3
"""Seconds of patience here, instead of five."""


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path) as site:
        site.engine.breaker.answer_within = SOON
        yield site


@pytest.fixture
async def visitor(site: OpenSite) -> Visitor:
    return await site.visitor()


@pytest.fixture
def lock(tmp_path: Path, site: OpenSite):
    """Another process's write lock on the site's database."""
    other = apsw.Connection(str(tmp_path / "outlast.db"))
    other.set_busy_timeout(5_000)  # the site may be writing itself
    other.execute("BEGIN IMMEDIATE")
    yield other
    other.close()


def forbid(site: OpenSite, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    async def ask(*_: object, **__: object) -> None:
        raise AssertionError("the store was asked")

    for name in names:
        monkeypatch.setattr(site.engine.store, name, ask)


async def closed(breaker: CircuitBreaker) -> None:
    async def well() -> bool:
        return not breaker.open

    await until(well)


@pytest.mark.slow
async def test_a_held_write_lock_is_answered_with_503_and_the_next_start_at_once(
    site: OpenSite, visitor: Visitor, lock, monkeypatch: pytest.MonkeyPatch, caplog
):
    caplog.set_level(logging.INFO, "outlast")
    async with asyncio.timeout(PATIENCE):
        first = await visitor.start("echo", text="a")
    assert first.status_code == 503
    assert int(first.headers["retry-after"]) >= 1
    forbid(site, monkeypatch, "add", "put", "cancel", "share", "retry")
    for answer in (
        await visitor.start("echo", text="b"),
        await visitor.upload(b"some reviews"),
        await visitor.delete(f"/api/analysis/cancel/{'a' * 26}"),
        await visitor.post("/", data={"csrf_token": visitor.token, "analysis": "echo", "text": "c"}),
        await visitor.post(f"/api/analysis/share/{'a' * 26}"),
    ):
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
    assert (
        sum("is waiting for the store, which is unavailable" in record.message for record in caplog.records) == 1
    )


@pytest.mark.slow
async def test_while_writers_wait_readers_are_answered(site: OpenSite, visitor: Visitor, tmp_path: Path):
    session_id = await visitor.started("held", text="a")
    other = apsw.Connection(str(tmp_path / "outlast.db"))
    other.set_busy_timeout(5_000)  # the site may be writing itself
    other.execute("BEGIN IMMEDIATE")
    assert (await visitor.start("echo", text="b")).status_code == 503
    assert site.engine.breaker.open
    assert (await visitor.snapshot(session_id))["status"] == "pending"
    assert (await visitor.get(f"/analysis/{session_id}", headers={"Accept": "text/html"})).status_code == 200
    other.close()


@pytest.mark.slow
async def test_when_the_lock_is_gone_starts_go_on_and_what_was_refused_is_not_stored(
    site: OpenSite, visitor: Visitor, lock, caplog
):
    caplog.set_level(logging.INFO, "outlast")
    assert (await visitor.start("echo", text="refused")).status_code == 503
    assert (await visitor.start("echo", text="refused at once")).status_code == 503
    lock.execute("ROLLBACK")
    await closed(site.engine.breaker)
    assert (await visitor.start("echo", text="b")).status_code == 202
    assert len(await site.sessions()) == 1
    (told,) = [record.message for record in caplog.records if "The store is available again" in record.message]
    assert "2 call(s) had failed" in told


async def test_a_database_behind_a_silent_wire_is_answered_with_503_and_the_next_request_at_once(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(database, "CALL_TIMEOUT", 1)
    monkeypatch.setattr(pools, "ACQUIRE_TIMEOUT", 1)
    with listening(postgres_url, Wire) as (wire, url):
        address = url + "?connect_timeout=2"
        async with open_site(tmp_path, database_url=address, app_key=("k" * 40,), dashboard_key=None) as site:
            visitor = await site.visitor()
            session_id = await visitor.started("held", text="a")
            site.engine.breaker.answer_within = SOON
            wire.fall_silent()
            async with asyncio.timeout(PATIENCE):
                assert (await visitor.start("echo", text="b")).status_code == 503
            with monkeypatch.context() as silent:
                forbid(site, silent, "add", "get", "put", "cancel", "result", "share", "shared", "version")
                for answer in (
                    await visitor.start("echo", text="c"),
                    await visitor.get(f"/api/analysis/progress/{session_id}"),
                    await visitor.get(f"/api/analysis/progress/{session_id}/events"),
                    await visitor.get(f"/api/analysis/result/{session_id}"),
                    await visitor.get(f"/analysis/{session_id}"),
                    await visitor.get(f"/shared/{'a' * 26}"),
                    await visitor.delete(f"/api/analysis/cancel/{session_id}"),
                    await visitor.upload(b"some reviews"),
                ):
                    assert answer.status_code == 503
            wire.speak()
            await closed(site.engine.breaker)
            assert (await visitor.start("echo", text="d")).status_code == 202
