"""Sessions in flight when a process is killed still complete."""

import os
import signal
import time
from pathlib import Path

import pytest
from processes import LEASE, Installation, has_exited, wait_until

pytestmark = pytest.mark.slow

TWO_STEPS = """
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

@outlast.analysis("two", steps=[first, second])
async def two(name: str) -> list[int]:
    return [await first(name), await second(name)]
"""


def test_a_killed_worker_of_serve_costs_two_seconds_at_most_and_no_step_twice(tmp_path: Path) -> None:
    with Installation(tmp_path, TWO_STEPS) as installation:
        server = installation.serve(workers=2)
        visitor = installation.visitor(server)
        session = visitor.start("two", name="a")
        pid = int(installation.wait_for_effect("second", "a")[0][2])
        wait_until(lambda: len(server.workers) == 2, 10)
        installation.allow("go")
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        shown = visitor.wait_for(session, "completed", within=10)
        took = time.monotonic() - killed
        if len(installation.effects("second", "a")) == 1:
            pytest.skip("the step ended in the instant before the kill")
        assert took <= 2.0
        assert len(installation.effects("first", "a")) == 1
        assert shown["result"][1] != pid
        assert shown["steps"][0]["resumed"]
        assert shown["attempt"] == 1
        assert wait_until(lambda: len(server.workers) == 2, 10), "the dead worker is replaced"


def test_a_killed_worker_without_supervisor_is_replaced_within_its_lease(tmp_path: Path) -> None:
    with Installation(tmp_path, TWO_STEPS) as installation:
        visitor = installation.visitor(installation.serve(workers=0))
        doomed = installation.worker("--concurrency", "1")
        session = visitor.start("two", name="a")
        installation.wait_for_effect("second", "a", doomed.pid)
        heir = installation.worker()
        visitor.start("two", name="b")
        installation.wait_for_effect("second", "b", heir.pid)
        doomed.signal(signal.SIGKILL)
        killed = time.monotonic()
        installation.allow("go")
        shown = visitor.wait_for(session, "completed", within=LEASE + 10)
        assert time.monotonic() - killed <= LEASE + 2
        assert len(installation.effects("first", "a")) == 1
        assert shown["result"][1] == heir.pid


def test_a_killed_serve_leaves_no_process_and_loses_nothing(tmp_path: Path) -> None:
    with Installation(tmp_path, TWO_STEPS) as installation:
        server = installation.serve(workers=2)
        visitor = installation.visitor(server)
        sessions = [visitor.start("two", name=f"n{i}") for i in range(6)]
        installation.wait_for_effect("second", count=6)
        server.signal(signal.SIGKILL)
        server.wait(5)
        wait_until(lambda: not installation.alive_processes(), 2.0, "the end of every worker of the killed serve")

        installation.allow("go")
        visitor.address = installation.serve(workers=2).address()
        for session in sessions:
            shown = visitor.wait_for(session, "completed", within=20)
            assert shown["attempt"] == 1, "to lose one's supervisor costs no attempt"
        assert len(installation.effects("first")) == 6


def test_orphaned_workers_end_even_when_their_code_holds_on(tmp_path: Path) -> None:
    source = """
@outlast.analysis("deaf")
async def deaf() -> None:
    note("begins", os.getpid())
    while True:
        time.sleep(0.1)

@outlast.analysis("thread")
def thread() -> None:
    note("begins", os.getpid())
    while True:
        time.sleep(0.1)
"""
    with Installation(tmp_path, source) as installation:
        server = installation.serve(
            workers=2,
        )
        visitor = installation.visitor(server)
        wait_until(lambda: len(server.workers) == 2, 10)
        visitor.start("thread")
        installation.wait_for_effect("begins")
        visitor.start("deaf")
        installation.wait_for_effect("begins", count=2)
        pids = [*server.workers]
        server.signal(signal.SIGKILL)
        server.wait(5)
        wait_until(lambda: all(map(has_exited, pids)), 2.5, "the end of workers whose code does not stop")
