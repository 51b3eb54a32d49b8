"""Visitors who start the same at once share one run: what each sees, and how each leaves it."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from edge_site import DASHBOARD_KEY, PATIENCE, Gate, Hold, OpenSite, Visitor, until
from processes import Installation

from outlast import Outlast, report, step
from outlast.app import runtime_of
from outlast.backends.clock import SystemClock
from outlast.backends.postgres.store import PostgresStore
from outlast.domain.status import Status
from outlast.ports.dispatcher import WaitingSession
from outlast.ports.store import RetryAnswer, Selection, Store
from outlast.settings import load_settings
from outlast.testing.acts import claim_next, claim_of, completed, read, register_worker, update
from outlast.testing.contract.sharing import join
from outlast.web.events import MIN_INTERVAL
from sqlite_template import put_store

pytestmark = pytest.mark.slow
MANY = 200
"""Visitors at once; it holds for 1,000, too, which take longer."""
COUNT_WRITES = (
    "CREATE TABLE written (rows INTEGER)",
    "INSERT INTO written VALUES (0)",
    "CREATE TRIGGER counts_writes AFTER UPDATE ON analysis_sessions BEGIN UPDATE written SET rows = rows + 1; END",
)
SHARED = """
@step("First")
async def first(name: str) -> int:
    note("first", name)
    return os.getpid()

@step("Second")
async def second(name: str) -> int:
    note("second", name, os.getpid())
    report(0.5, message="half way")
    await until("go")
    return os.getpid()

@outlast.analysis("two", steps=[first, second], fresh_for="1h", shared=True)
async def two(name: str) -> list[int]:
    return [await first(name), await second(name)]
"""


@pytest.fixture
def hold() -> Hold:
    return Hold()


@pytest.fixture
async def site(tmp_path: Path, hold: Hold) -> AsyncIterator[OpenSite]:
    put_store(tmp_path)
    limits = {"starts_per_minute": 1_000, "max_active_per_owner": 2}
    outlast = Outlast(load_settings(data_dir=tmp_path, shutdown_grace=0, **limits))

    @step("Waiting")
    async def wait(text: str) -> str:
        hold.reads += 1
        report(0.25, message="A quarter")
        hold.entered.open()
        try:
            await hold.go.passed()
        except asyncio.CancelledError:
            hold.cancelled.open()
            raise
        report(0.75, message="Three quarters")
        return text

    @outlast.analysis("held", steps=[wait], fresh_for="1h", shared=True)
    async def held(text: str) -> dict[str, Any]:
        return {"text": await wait(text)}

    outlast.configure(dashboard_key=DASHBOARD_KEY)
    async with outlast.lifespan(workers=1):
        opened = OpenSite(outlast, outlast.asgi(), await runtime_of(outlast).engine(), hold)
        yield opened
        hold.go.open()
        for client in opened.clients:
            await client.aclose()


async def passed(gate: Gate) -> None:
    await gate.passed()


async def shows(visitor: Visitor, session_id: str, **values: Any) -> dict[str, Any]:
    async def as_wanted() -> bool:
        snapshot = await visitor.snapshot(session_id)
        return all(snapshot[name] == value for name, value in values.items())

    await until(as_wanted)
    return await visitor.snapshot(session_id)


async def test_both_see_the_progress_of_one_run_and_get_its_result(site: OpenSite, hold: Hold):
    ann, bob = await site.visitor(), await site.visitor()
    first = await ann.started("held", text="a")
    await passed(hold.entered)
    answer = (await bob.start("held", text="a")).json()
    second = answer["session_id"]
    assert (answer["status"], answer["message"]) == ("started", "The analysis has started.")
    assert second != first
    for visitor, session in ((ann, first), (bob, second)):
        shown = await shows(visitor, session, current_message="A quarter")
        assert (shown["session_id"], shown["phase"], shown["progress_percentage"]) == (session, "running", 25.0)
        assert shown["cancellable"]
    assert (await bob.get(f"/api/analysis/progress/{first}")).status_code == 404
    assert (await bob.start("held", text="a")).json()["session_id"] == second
    page = (await bob.get(answer["links"]["page"])).text
    assert "A quarter" in page
    listed = (await bob.get("/api/analysis?status=processing")).json()["sessions"]
    assert [one["session_id"] for one in listed] == [second]
    hold.go.open()
    ends = [await visitor.finished(session) for visitor, session in ((ann, first), (bob, second))]
    for end in ends:
        assert (end["status"], end["result"], end["result_at"]) == ("completed", {"text": "a"}, None)
    assert hold.reads == 1
    assert (await ann.delete(f"/api/analysis/result/{first}")).status_code == 200
    assert (await bob.get(f"/api/analysis/result/{second}")).json() == {"text": "a"}


async def test_each_has_a_stream_of_the_run(site: OpenSite, hold: Hold):
    ann, bob = await site.visitor(), await site.visitor()
    sessions = [(visitor, await visitor.started("held", text="a")) for visitor in (ann, bob)]

    async def events(visitor: Visitor, session: str) -> list[dict[str, Any]]:
        answer = await visitor.get(f"/api/analysis/progress/{session}/events")
        lines = [line for line in answer.text.splitlines() if line.startswith("data: ")]
        return [json.loads(line.removeprefix("data: ")) for line in lines]

    streams = [asyncio.create_task(events(*one)) for one in sessions]
    await passed(hold.entered)
    await shows(*sessions[0], current_message="A quarter")
    await asyncio.sleep(3 * MIN_INTERVAL)  # for the streams to have sent it
    hold.go.open()
    async with asyncio.timeout(PATIENCE):
        for stream, (_, session) in zip(streams, sessions, strict=True):
            seen = await stream
            assert {one["session_id"] for one in seen} == {session}
            assert "A quarter" in [one["current_message"] for one in seen]
            assert seen[-1]["status"] == "completed"
            versions = [one["version"] for one in seen]
            assert versions == sorted(versions)


async def test_a_cancel_detaches_one_visitor_and_that_of_the_last_stops_the_work(site: OpenSite, hold: Hold):
    ann, bob = await site.visitor(), await site.visitor()
    first, second = await ann.started("held", text="a"), await bob.started("held", text="a")
    await passed(hold.entered)
    await shows(ann, first, current_message="A quarter")
    answer = await ann.post(f"/api/analysis/cancel/{first}")
    assert answer.status_code in {200, 202}, answer.text
    left = await ann.snapshot(first)
    assert (left["status"], left["progress_percentage"]) == ("cancelled", 25.0)
    assert (await bob.snapshot(second))["phase"] == "running"
    await bob.post(f"/api/analysis/cancel/{second}")
    await passed(hold.cancelled)
    assert (await bob.finished(second))["status"] == "cancelled"
    assert hold.reads == 1

    async def ended() -> bool:
        chosen = await site.engine.store.select(Selection(status=Status.CANCELLED, limit=9))
        return len(chosen) == 3

    await until(ended)


async def test_who_cancelled_may_retry_and_joins_again(site: OpenSite, hold: Hold):
    ann, bob = await site.visitor(), await site.visitor()
    first, second = await ann.started("held", text="a"), await bob.started("held", text="a")
    await passed(hold.entered)
    await ann.post(f"/api/analysis/cancel/{first}")
    assert (await ann.post(f"/api/analysis/retry/{first}")).status_code in {200, 202}
    assert (await ann.snapshot(first))["phase"] == "running"
    hold.go.open()
    for visitor, session in ((ann, first), (bob, second)):
        assert (await visitor.finished(session))["status"] == "completed"
    assert hold.reads == 1


async def test_everything_of_a_visitor_is_deleted_while_others_wait(site: OpenSite, hold: Hold):
    ann, bob = await site.visitor(), await site.visitor()
    await ann.started("held", text="a")
    second = await bob.started("held", text="a")
    await passed(hold.entered)
    deleted = await ann.delete("/api/analysis")
    assert deleted.status_code == 200, deleted.text
    assert (await ann.get("/api/analysis")).json()["sessions"] == []
    hold.go.open()
    assert (await bob.finished(second))["status"] == "completed"


class Sent:
    """A dispatcher that remembers what it sends to the fleet."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def dispatch(self, waiting: Sequence[WaitingSession]) -> None:
        self.ids += [one.session_id for one in waiting]


async def test_a_fleet_is_told_of_the_run_alone(site: OpenSite, monkeypatch: pytest.MonkeyPatch):
    sent = Sent()
    sessions, store = site.engine.sessions, site.engine.store
    monkeypatch.setattr(sessions, "_dispatcher", sent)
    started = [await sessions.start("held", {"text": "a"}, owner) for owner in ("ann", "bob")]
    run_id = started[0].session.run_id
    assert sent.ids == [run_id]
    await sessions.cancel(run_id or "", owner=None)
    await until(lambda: _is(store, started[1].session.id, Status.CANCELLED))
    assert await sessions.retry(started[1].session.id, owner="bob") is RetryAnswer.RETRIED
    assert sent.ids == [run_id, run_id]
    assert await sessions.retry(started[0].session.id, owner="ann") is RetryAnswer.RETRIED
    assert set(sent.ids) == {run_id}


async def _is(store: Store, session_id: str, status: Status) -> bool:
    return (await read(store, session_id)).status is status


async def test_operators_see_the_run_and_the_sessions_that_share_it(site: OpenSite, hold: Hold):
    ann, bob = await site.visitor(), await site.visitor()
    first, second = await ann.started("held", text="a"), await bob.started("held", text="a")
    await passed(hold.entered)
    run_id = (await read(site.engine.store, first)).run_id
    operator = await (await site.visitor()).log_in()
    for session in (first, second):
        page = (await operator.get(f"/dashboard/{session}")).raise_for_status().text
        assert f'/dashboard/{run_id}"' in page
        assert "which it shares with sessions of other owners" in page
    page = (await operator.get(f"/dashboard/{run_id}")).raise_for_status().text
    assert "everybody: the sessions of several owners share this run" in page
    listed = (await operator.get("/dashboard/sessions?status=processing")).raise_for_status().text
    assert all(f"/dashboard/{session}" in listed for session in (first, second, run_id))
    assert (listed.count("shares a run"), listed.count("shared run")) == (2, 1)
    waiting = (await operator.get("/dashboard/sessions?status=pending")).raise_for_status().text
    assert not any(session in waiting for session in (first, second, run_id))
    hold.go.open()
    for visitor, session in ((ann, first), (bob, second)):
        await visitor.finished(session)
        page = (await operator.get(f"/dashboard/{session}")).raise_for_status().text
        assert "None: it reused a result." not in page


async def test_the_work_grows_with_runs_and_not_with_visitors(site: OpenSite, hold: Hold):
    store, sessions = cast("Any", site.engine.store), site.engine.sessions
    for statement in COUNT_WRITES:
        await store._db.write(lambda connection, sql=statement: connection.execute(sql))
    started = await asyncio.gather(*(sessions.start("held", {"text": "a"}, f"visitor {n}") for n in range(MANY)))
    assert len({one.session.id for one in started}) == MANY
    assert len({one.session.run_id for one in started}) == 1

    async def to_the_end(session_id: str, owner: str) -> list[str | None]:
        return [view.session.progress.message async for view in sessions.watch(session_id, owner=owner)]

    watching = [asyncio.create_task(to_the_end(one.session.id, f"visitor {n}")) for n, one in enumerate(started)]
    await passed(hold.entered)
    await asyncio.sleep(0.5)
    assert _written(store) < MANY / 10
    hold.go.open()
    async with asyncio.timeout(PATIENCE):
        seen = await asyncio.gather(*watching)
    assert all("A quarter" in messages for messages in seen)
    assert await store.count() == dict.fromkeys(Status, 0) | {Status.COMPLETED: MANY + 1}
    assert hold.reads == 1
    assert _written(store) < 2.5 * MANY


async def test_visitors_of_two_machines_share_one_run(postgres_url: str):
    stores = [PostgresStore(postgres_url, SystemClock()) for _ in range(2)]
    for store in stores:
        await store.open(migrate=False)
    started = await asyncio.gather(*(join(stores[n % 2], f"visitor {n}") for n in range(MANY)))
    assert len({one.session.id for one in started}) == MANY
    assert len({one.session.run_id for one in started}) == 1
    assert sum(one.run is not None for one in started) == 1
    register_worker(stores[0])
    (run,) = await claim_next(stores[0])
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        before = _written_by(connection)
        for percentage in range(20):
            assert not await stores[0].report([update(run, percentage)])
        seen = await stores[1].changed({one.session.id: 0 for one in started})
        assert [one.progress.percentage for one in seen] == [19.0] * MANY
        assert _written_by(connection) == before
    for one in started[: MANY // 2]:
        await stores[1].cancel(one.session.id, owner=None)
    assert await stores[0].finish(claim_of(run), completed())
    counts = dict.fromkeys(Status, 0) | {Status.COMPLETED: MANY // 2 + 1, Status.CANCELLED: MANY // 2}
    assert await stores[1].count() == counts
    results = [await stores[1].result(one.session.id, owner=one.session.owner) for one in started]
    assert [result is not None for result in results] == [False] * (MANY // 2) + [True] * (MANY // 2)
    for store in stores:
        await store.close()


def _written_by(connection: psycopg.Connection[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """By which transaction each row of a session was written last."""
    return connection.execute("SELECT id, xmin::text FROM analysis_sessions ORDER BY id").fetchall()


def _written(store: Any) -> int:
    return store._db.read(lambda connection: connection.execute("SELECT rows FROM written").get)


def test_a_killed_worker_loses_nothing_of_a_shared_run(tmp_path: Path) -> None:
    with Installation(tmp_path, SHARED) as installation:
        server = installation.serve(workers=2)
        visitors = [installation.visitor(server) for _ in range(3)]
        sessions = [visitor.start("two", name="a") for visitor in visitors]
        assert len(set(sessions)) == 3
        pid = int(installation.wait_for_effect("second", "a")[0][2])
        visitors[2].cancel(sessions[2])
        os.kill(pid, signal.SIGKILL)
        installation.wait_for_effect("second", "a", count=2)
        late = installation.visitor(server)
        sessions.append(late.start("two", name="a"))
        installation.allow("go")
        shown = [
            visitor.wait_for(session, "completed", within=20)
            for visitor, session in ((visitors[0], sessions[0]), (visitors[1], sessions[1]), (late, sessions[3]))
        ]
        assert len({tuple(one["result"]) for one in shown}) == 1
        assert shown[0]["result"][1] != pid
        assert all(one["steps"][0]["resumed"] for one in shown)
        assert visitors[2].snapshot(sessions[2])["status"] == "cancelled"
        assert len(installation.effects("first", "a")) == 1
        assert len(installation.effects("second", "a")) == 2
