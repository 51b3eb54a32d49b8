"""What a deploy finds from the version before: inputs, kept results, results, sessions of removed analyses."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import deployed_analyses as code
import pytest
from edge_site import OpenSite, open_site, until

from outlast.backends.clock import SystemClock
from outlast.backends.memory.notifier import MemoryNotifier
from outlast.backends.memory.store import MemoryStore
from outlast.backends.postgres.store import PostgresStore
from outlast.backends.sqlite.store import SQLiteStore
from outlast.core.analyses.analysis import Analysis, Export
from outlast.core.analyses.catalogue import Catalogue
from outlast.core.analyses.payload import NotUnderstood
from outlast.core.session_starts import StartDefaults
from outlast.domain.errors import InvalidInput, Permanent
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.ports.store import StartLimits, Store
from outlast.running import foreign_sessions
from outlast.running.engine import Engine
from outlast.running.maintenance import Retention
from outlast.running.worker_options import WorkerOptions
from outlast.testing.acts import completed, register_worker

ME = "a visitor"
HTML = {"Accept": "text/html"}
BEFORE = Analysis("site", code.before)
AFTER = Analysis("site", code.after)

OpenStore = Callable[[], Store]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> OpenStore:
    """Return a function that opens this test's database once more, as another process does."""
    clock = SystemClock()
    match request.param:
        case "sqlite":
            return lambda: SQLiteStore(tmp_path / "outlast.db", clock)
        case "postgres":
            url = request.getfixturevalue("postgres_url")
            return lambda: PostgresStore(url, clock)
        case _:
            memory = MemoryStore(clock)
            return lambda: memory


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give workers of another version no time to come."""
    monkeypatch.setattr(foreign_sessions, "LEFT_TO_OTHERS_FOR", 0.0)


@asynccontextmanager
async def version(store: Store, analysis: Analysis, *, workers: int = 1) -> AsyncIterator[Engine]:
    catalogue = Catalogue()
    catalogue.add(analysis)
    defaults = StartDefaults(StartLimits(100, 1000), timeout=60.0, max_attempts=3)
    engine = Engine(store, MemoryNotifier(), catalogue, SystemClock(), defaults, Retention(24, 24, 24))
    await engine.open()
    if workers:
        engine.embed(workers, WorkerOptions(sleep=0.02, grace=0.0))
    try:
        yield engine
    finally:
        await engine.close()


async def started(engine: Engine, analysis: str = "site", **values: Any) -> str:
    return (await engine.sessions.start(analysis, values, ME)).session.id


async def end_of(engine: Engine, session_id: str) -> AnalysisSession:
    return [view async for view in engine.sessions.watch(session_id, owner=ME)][-1].session


@pytest.mark.parametrize("workers", [1, 3])
async def test_an_input_that_no_worker_understands_fails_once_and_the_sentence_names_the_field(
    open_store: OpenStore, no_waiting: None, workers: int
):
    async with version(open_store(), AFTER, workers=workers) as new:

        async def registered() -> bool:
            return len(await new.store.workers()) == workers

        await until(registered)
        async with version(open_store(), BEFORE, workers=0) as old:
            session_id = await started(old, address="https://example.org")
            session = await end_of(new, session_id)
        assert (session.status, session.error_code, session.attempt) == (Status.FAILED, "input_changed", 1)
        assert session.error == (
            "This site has changed since this analysis was started, and it cannot read the input any more "
            "(url: Field required). Please start it anew."
        )
        *looks, last = await new.store.history(session_id)
        assert ({line.ended for line in looks} <= {"released"}, last.ended) == (True, "failed")
        assert len({line.worker_id for line in (*looks, last)}) == workers
        with pytest.raises(InvalidInput, match="url: Field required"):
            await new.sessions.retry(session_id, owner=ME)


async def test_an_input_waits_while_a_living_worker_has_not_tried_to_read_it(
    open_store: OpenStore, no_waiting: None
):
    async with version(open_store(), BEFORE, workers=0) as old:
        session_id = await started(old, address="https://example.org")
        now = SystemClock().now()
        register_worker(old.store, "an old one", analyses=("site",), started_at=now, beat_at=now)
        async with version(open_store(), AFTER) as new:

            async def tried_twice() -> bool:
                return len(await new.store.history(session_id)) >= 2

            await until(tried_twice)
            await old.store.release_worker("an old one")
            session = await end_of(new, session_id)
            assert (session.status, session.error_code, session.attempt) == (Status.FAILED, "input_changed", 1)


async def test_an_input_of_a_moment_ago_waits_for_workers_that_a_deploy_has_not_started_yet(open_store: OpenStore):
    async with AsyncExitStack() as deploys:
        new = await deploys.enter_async_context(version(open_store(), AFTER, workers=0))
        session_id = await started(new, url="https://example.org", depth=1)
        old = await deploys.enter_async_context(version(open_store(), BEFORE))

        async def tried() -> bool:
            return bool(await new.store.history(session_id))

        await until(tried)
        assert (await new.store.get(session_id, owner=None)).status is Status.PENDING
        assert {line.ended for line in await old.store.history(session_id)} == {"released"}
        new.embed(1, WorkerOptions(sleep=0.02, grace=0.0))
        assert (await end_of(new, session_id)).status is Status.COMPLETED


@pytest.mark.parametrize(("work", "isolation"), [(code.after, None), (code.after_blocking, "process")])
async def test_upgrade_turns_the_stored_input_into_todays(open_store: OpenStore, work: Any, isolation: Any):
    async with version(open_store(), BEFORE, workers=0) as old:
        session_id = await started(old, address="https://example.org")
    analysis = Analysis("site", work, isolation=isolation, upgrade=code.upgrade)
    async with version(open_store(), analysis) as new:
        session = await end_of(new, session_id)
        assert (session.status, session.attempt) == (Status.COMPLETED, 1)
        stored = await new.sessions.result(session_id, owner=ME)
        assert stored is not None
        assert json.loads(stored.result) == "https://example.org to 3"


def test_upgrade_is_not_called_for_what_todays_signature_reads():
    analysis = replace(AFTER, upgrade=lambda stored: {"url": "another", "depth": 0})
    assert analysis.stored_input('{"url": "https://example.org", "depth": 1}').model_dump() == {
        "url": "https://example.org",
        "depth": 1,
    }


def raising(error: Exception) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def upgrade(stored: dict[str, Any]) -> dict[str, Any]:
        raise error

    return upgrade


@pytest.mark.parametrize(
    ("upgrade", "why"),
    [
        (lambda stored: {"url": stored["uri"]}, "its upgrade raised KeyError: 'uri'"),
        (lambda stored: {"url": stored["address"]}, "depth: Field required (after its upgrade)"),
        (lambda stored: None, "Input should be an object (after its upgrade)"),
        (lambda stored: {"url": object()}, "its upgrade raised PydanticSerializationError"),
        (lambda stored: next(iter(())), "its upgrade raised StopIteration"),
        (
            raising(RuntimeError("no table")),
            "its upgrade raised RuntimeError: no table",
        ),
        (raising(Permanent("no")), "its upgrade raised Permanent: no"),
    ],
)
def test_an_upgrade_that_fails_says_why(upgrade: Any, why: str):
    with pytest.raises(NotUnderstood) as raised:
        replace(AFTER, upgrade=upgrade).stored_input('{"address": "https://example.org"}')
    assert why in str(raised.value)


async def test_a_kept_result_whose_type_changed_is_worked_again_with_one_log_line(
    open_store: OpenStore, caplog: pytest.LogCaptureFixture
):
    items = ["one", "three", "seventeen"]
    async with version(open_store(), Analysis("total", code.total_of_texts)) as old:
        session_id = await started(old, "total", items=items)
        assert (await end_of(old, session_id)).status is Status.FAILED
    code.worked.clear()
    async with version(open_store(), Analysis("total", code.total_of_numbers)) as new:
        await new.sessions.retry(session_id, owner=ME)
        assert (await end_of(new, session_id)).status is Status.COMPLETED
        stored = await new.sessions.result(session_id, owner=ME)
    assert stored is not None
    assert json.loads(stored.result) == 17
    assert sorted(code.worked) == sorted(items)
    logged = [r.getMessage() for r in caplog.records if "runs again" in r.getMessage()]
    assert len(logged) == 1
    assert "'count'" in logged[0]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path) as site:
        yield site


def remove(site: OpenSite, analysis: str) -> None:
    del site.outlast._catalogue._analyses[analysis]


def change(site: OpenSite, analysis: str, **changes: Any) -> None:
    analyses = site.outlast._catalogue._analyses
    analyses[analysis] = replace(analyses[analysis], **changes)


@pytest.mark.slow
async def test_the_page_of_a_session_says_that_its_analysis_was_removed(site: OpenSite):
    me = await site.visitor()
    session_id = await me.started("echo", text="the input")
    remove(site, "echo")
    page = (await me.get(f"/analysis/{session_id}", headers=HTML)).raise_for_status().text
    assert "This site does not offer this analysis any more." in page
    assert "Waiting" not in page.partition("<analysis-progress")[2]
    snapshot = await me.snapshot(session_id)
    assert (snapshot["phase_title"], snapshot["current_message"]) == ("Not offered any more", None)
    assert snapshot["notice"].startswith("This site does not offer this analysis any more.")
    answer = await me.post(f"/api/analysis/cancel/{session_id}")
    assert answer.status_code == 200
    answer = await me.post(f"/api/analysis/retry/{session_id}")
    assert (answer.status_code, answer.json()["error"]) == (
        404,
        "This site does not offer this analysis any more.",
    )


async def test_an_analysis_that_only_workers_know_has_not_been_removed(site: OpenSite):
    now = site.engine.clock.now()
    register_worker(site.engine.store, "new", analyses=("echo",), started_at=now, beat_at=now)
    me = await site.visitor()
    session_id = await me.started("echo", text="the input")
    remove(site, "echo")
    assert "any more" not in ((await me.snapshot(session_id))["notice"] or "")


async def test_a_result_of_a_removed_analysis_is_shown_and_cannot_be_started_again(site: OpenSite):
    me = await site.visitor()
    session_id = await me.started("echo", text="the input")
    await site.end(session_id, completed('{"text":"the judgement"}'))
    remove(site, "echo")
    page = (await me.get(f"/analysis/{session_id}", headers=HTML)).raise_for_status().text
    assert "the judgement" in page
    assert f"/analysis/{session_id}/again" not in page


def of_another_version(result: Any, *_: Any) -> str:
    return result["verdict"]


@pytest.mark.slow
async def test_a_result_that_todays_render_cannot_show_is_shown_plainly(
    site: OpenSite, caplog: pytest.LogCaptureFixture
):
    me = await site.visitor()
    session_id = await me.started("echo", text="the input")
    await site.end(session_id, completed('{"text":"the judgement"}'))
    exports = {"echo.txt": Export("The text", of_another_version)}
    change(site, "echo", render=of_another_version, page_title=of_another_version, exports=exports)
    page = await me.get(f"/analysis/{session_id}", headers=HTML)
    assert page.status_code == 200
    assert "<h1>Echo</h1>" in page.text
    assert "the judgement" in page.text
    logged = [r.getMessage() for r in caplog.records if session_id in r.getMessage()]
    assert [line.rpartition(" its ")[2] for line in logged] == [
        "page_title, which raised.",
        "render, which raised.",
    ]
    link = (await me.post(f"/api/analysis/share/{session_id}")).json()["url"]
    shared = await site.client().get(link, headers=HTML)
    assert (shared.status_code, "the judgement" in shared.text) == (200, True)
    for address in (f"/analysis/{session_id}/export/echo.txt", f"{link}/export/echo.txt"):
        answer = await me.get(address)
        assert (answer.status_code, "cannot be made" in answer.text) == (410, True)


@pytest.mark.slow
async def test_starting_again_takes_the_upgraded_input(site: OpenSite):
    me = await site.visitor()
    session_id = await me.started("moving", to="/elsewhere")
    change(site, "moving", work=code.after, upgrade=lambda stored: {"url": stored["to"], "depth": 1})
    answer = await me.post(f"/analysis/{session_id}/again", data={"csrf_token": me.token}, headers=HTML)
    assert answer.status_code == 303, answer.text
    again = await site.engine.sessions.get(answer.headers["location"].rpartition("/")[2], owner=None)
    assert again is not None
    assert json.loads(again.session.input) == {"url": "/elsewhere", "depth": 1}
