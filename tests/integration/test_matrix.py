"""The same product over every store and every way to the workers, in both modes: one suite, many settings."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest
from processes import Installation, Process, Visitor, wait_until

pytestmark = pytest.mark.slow

SOURCE = """
@step("First")
async def first(name: str) -> str:
    note("first", name)
    return name.upper()

@step("Second")
async def second(name: str) -> str:
    note("second", name)
    report(0.5, message="half way")
    return name + "!"

@outlast.analysis("two", steps=[first, second])
async def two(name: str) -> dict:
    return {"said": await second(await first(name))}

@outlast.analysis("threaded")
def threaded(name: str) -> str:
    for n in range(3):
        report(n, 3)
    return name

@outlast.analysis("stumbles", steps=[first], max_attempts=2)
async def stumbles(name: str) -> str:
    await first(name)
    note("stumbles", name)
    if not Path("mended").exists():
        raise ValueError(name)
    return name

@outlast.analysis("waits")
async def waits(name: str) -> str:
    note("waits", name)
    try:
        await until("go")
    except asyncio.CancelledError:
        note("stopped", name)
        raise
    return name
"""


@dataclass(frozen=True)
class Row:
    """One installation of the matrix."""

    store: str
    queue: str

    def settings(self, request: pytest.FixtureRequest) -> dict[str, str]:
        settings = {"QUEUE_CONNECTION": "database"}
        if self.store == "postgres":
            settings |= {"DATABASE_URL": request.getfixturevalue("postgres_url"), "APP_KEY": "k" * 64}
        if self.queue == "celery":
            settings |= {"QUEUE_CONNECTION": "redis", "REDIS_URL": request.getfixturevalue("redis_url")}
        return settings


ROWS = [Row(store, queue) for store in ("sqlite", "postgres") for queue in ("database", "celery")]
every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.store}-{row.queue}")


@pytest.fixture
def installation(row: Row, request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Installation]:
    with Installation(tmp_path, SOURCE, **row.settings(request)) as installation:
        yield installation


@pytest.fixture
def inline(row: Row, request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Visitor]:
    """A visitor of a site in sync mode."""
    with Installation(tmp_path, SOURCE, ANALYSIS_ASYNC_ENABLED="false", **row.settings(request)) as installation:
        yield installation.visitor(installation.serve(workers=2))


@every_row
def test_a_session_is_started_worked_and_completed_with_its_steps(installation: Installation) -> None:
    visitor = installation.visitor(installation.serve(workers=1))
    two, threaded = visitor.start("two", name="a"), visitor.start("threaded", name="b")
    shown = visitor.wait_for(two, "completed", within=30)
    assert shown["result"] == {"said": "A!"}
    assert [step["status"] for step in shown["steps"]] == ["done", "done"]
    assert visitor.wait_for(threaded, "completed", within=30)["result"] == "b"
    assert (len(installation.effects("first")), len(installation.effects("second"))) == (1, 1)


@every_row
def test_what_an_analysis_raised_is_tried_again_after_its_kept_steps_and_then_by_hand(
    installation: Installation,
) -> None:
    visitor = installation.visitor(installation.serve(workers=1))
    session = visitor.start("stumbles", name="a")
    assert visitor.wait_for(session, "failed", within=60)["attempt"] == 2
    installation.allow("mended")
    assert visitor.retry(session) == 202
    assert visitor.wait_for(session, "completed", within=30)["result"] == "a"
    assert len(installation.effects("stumbles", "a")) == 3
    assert len(installation.effects("first", "a")) == 1


@every_row
def test_a_cancel_stops_the_work(installation: Installation) -> None:
    visitor = installation.visitor(installation.serve(workers=1))
    session = visitor.start("waits", name="a")
    installation.wait_for_effect("waits", "a")
    assert visitor.cancel(session) == 202
    installation.wait_for_effect("stopped", "a", within=5)
    visitor.wait_for(session, "cancelled", within=10)


@every_row
def test_workers_of_their_own_take_what_an_api_without_workers_started(installation: Installation) -> None:
    api: Process = installation.serve(workers=0)
    visitor = installation.visitor(api)
    session = visitor.start("two", name="a")
    assert wait_until(lambda: visitor.snapshot(session)["stalled"], 10, "to be stalled")
    installation.workers(2)
    assert visitor.wait_for(session, "completed", within=30)["result"] == {"said": "A!"}
    sessions = [visitor.start("two", name=f"n{i}") for i in range(20)]
    for one in sessions:
        visitor.wait_for(one, "completed", within=30)
    assert len(installation.effects("second")) == 21


@every_row
def test_in_sync_mode_the_answer_is_the_completed_session(inline: Visitor) -> None:
    answer = inline.start_response("two", 200, name="a")
    assert answer["session"]["status"] == "completed"
    assert answer["session"]["result"] == {"said": "A!"}


@every_row
def test_in_sync_mode_an_attempt_that_fails_is_the_last(inline: Visitor) -> None:
    session = inline.start_response("stumbles", 200, name="a")["session"]
    assert (session["status"], session["attempt"], session["max_attempts"]) == ("failed", 1, 1)
