"""How a worker handles analysis code: much of it at once, slow to stop, ignoring stops, or interfering."""

from pathlib import Path

import pytest
from processes import Installation, has_exited, wait_until

pytestmark = pytest.mark.slow

SOURCE = """
@outlast.analysis("holds")
async def holds(n: int) -> int:
    note("holds", os.getpid())
    await until("go")
    return n

@outlast.analysis("thread")
def thread() -> None:
    for n in range(1_000_000):
        note("thread", n)
        report(n, 1_000_000)
        time.sleep(0.01)

@outlast.analysis("deaf")
def deaf() -> None:
    note("deaf", os.getpid())
    while not Path("go").exists():
        time.sleep(0.01)

@outlast.analysis("apart", isolation="process")
def apart(name: str) -> None:
    note("apart", name, os.getpid())
    while True:
        time.sleep(0.01)

@outlast.analysis("apart_briefly", isolation="process", timeout=15, max_attempts=1)
def apart_briefly() -> None:
    note("apart", "briefly", os.getpid())
    while True:
        time.sleep(0.01)

@outlast.analysis("busy")
async def busy() -> None:
    note("busy", os.getpid())
    while not Path("go").exists():
        pass

@outlast.analysis("endless", timeout=1, max_attempts=1)
async def endless() -> None:
    note("endless", os.getpid())
    while True:
        pass
"""


def test_one_worker_keeps_two_hundred_sessions_in_flight(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE) as installation:
        server = installation.serve(1, "--concurrency", "300")
        visitor = installation.visitor(server)
        sessions = [visitor.start("holds", n=n) for n in range(200)]
        at_work = installation.wait_for_effect("holds", count=200)
        assert {line[1] for line in at_work} == {str(pid) for pid in server.workers}
        installation.allow("go")
        for n, session in enumerate(sessions):
            assert visitor.wait_for(session, "completed", within=10)["result"] == n
        assert len(installation.effects("holds")) == 200


def test_a_thread_is_stopped_by_cancel_at_its_next_report(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE) as installation:
        visitor = installation.visitor(installation.serve(workers=1))
        session = visitor.start("thread")
        installation.wait_for_effect("thread", count=3)
        assert visitor.cancel(session) == 202
        visitor.wait_for(session, "cancelled", within=2)
        ticks = len(installation.effects("thread"))
        follower = visitor.start("holds", n=1)
        installation.allow("go")
        visitor.wait_for(follower, "completed", within=10)
        assert len(installation.effects("thread")) == ticks, "the thread went on"


def test_a_thread_that_does_not_stop_is_abandoned_and_its_worker_replaced(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE) as installation:
        server = installation.serve(workers=1)
        visitor = installation.visitor(server)
        session = visitor.start("deaf")
        pid = int(installation.wait_for_effect("deaf")[0][1])
        assert visitor.cancel(session) == 202
        assert visitor.snapshot(session)["phase"] == "cancelling"
        visitor.wait_for(session, "cancelled", within=8)
        wait_until(lambda: has_exited(pid), 5, "the end of the worn worker")
        visitor.start("holds", n=1)
        assert installation.wait_for_effect("holds")[0][1] != str(pid)
        assert "It still runs" in server.log


def test_cancel_kills_the_process_of_an_isolated_analysis(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE) as installation:
        server = installation.serve(workers=1)
        visitor = installation.visitor(server)
        session = visitor.start("apart", name="a")
        pid = int(installation.wait_for_effect("apart", "a")[0][2])
        workers = server.workers
        assert visitor.cancel(session) == 202
        visitor.wait_for(session, "cancelled", within=3)
        assert has_exited(pid)
        assert server.workers == workers, "its worker goes on"


def test_the_timeout_kills_the_process_of_an_isolated_analysis(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE) as installation:
        visitor = installation.visitor(installation.serve(workers=1))
        session = visitor.start("apart_briefly")
        shown = visitor.wait_for(session, "failed", within=60)
        assert shown["error_code"] == "timeout"
        pid = int(installation.effects("apart", "briefly")[0][2])
        wait_until(lambda: has_exited(pid), 2)


def test_code_that_blocks_the_event_loop_is_named_in_the_log_and_keeps_its_session(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE) as installation:
        server = installation.serve(workers=1)
        visitor = installation.visitor(server)
        session = visitor.start("busy")
        installation.wait_for_effect("busy")
        wait_until(lambda: "event loop has been blocked" in server.log, 10, "the warning")
        assert "in busy" in server.log
        installation.allow("go")
        assert visitor.wait_for(session, "completed", within=10)["attempt"] == 1
        assert len(installation.effects("busy")) == 1, "it was taken from a worker that was alive"


def test_a_busy_loop_past_its_timeout_costs_its_worker_not_the_neighbours(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE) as installation:
        visitor = installation.visitor(installation.serve(workers=1))
        neighbour = visitor.start("holds", n=7)
        installation.wait_for_effect("holds")
        session = visitor.start("endless")
        first = installation.wait_for_effect("endless")[0][1]
        wait_until(lambda: has_exited(int(first)), 30, "the end of the worker that was blocked")
        installation.allow("go")
        assert visitor.wait_for(neighbour, "completed", within=60)["attempt"] == 1
        assert visitor.wait_for(session, "failed", within=90)["error_code"] == "timeout"
        assert len(installation.effects("endless")) == 1, "it has one attempt, and that is spent"
