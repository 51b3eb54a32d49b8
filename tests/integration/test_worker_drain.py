"""A stop is not a failure: attempts finish if they can, and the rest resume at the next start."""

import signal
import time
from pathlib import Path

import pytest
from processes import Installation, wait_until

pytestmark = pytest.mark.slow

SOURCE = """
@step("Once")
async def once(name: str) -> None:
    note("once", name)

@outlast.analysis("waits", steps=[once])
async def waits(name: str) -> str:
    await once(name)
    note("waits", name, os.getpid())
    await until(name)
    return name
"""


def test_the_first_term_lets_attempts_finish_and_releases_the_rest_unspent(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE, ANALYSIS_SHUTDOWN_GRACE="3") as installation:
        server = installation.serve(workers=1)
        visitor = installation.visitor(server)
        soon, later = visitor.start("waits", name="soon"), visitor.start("waits", name="later")
        installation.wait_for_effect("waits", count=2)
        server.signal(signal.SIGTERM)
        began = time.monotonic()
        installation.allow("soon")
        assert server.wait(10) == 0
        assert time.monotonic() - began >= 3, "the other had its grace"
        assert not installation.alive_processes()

        visitor.address = installation.serve(workers=1).address()
        assert visitor.snapshot(soon)["status"] == "completed", "it had ended within the grace time"
        installation.wait_for_effect("waits", "later", count=2)
        installation.allow("later")
        shown = visitor.wait_for(later, "completed", within=10)
        assert shown["attempt"] == 1, "a stop spends no attempt"
        assert len(installation.effects("once")) == 2
        assert len(installation.effects("waits", "soon")) == 1


def test_the_second_term_stops_at_once(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE, ANALYSIS_SHUTDOWN_GRACE="120") as installation:
        server = installation.serve(workers=2)
        visitor = installation.visitor(server)
        session = visitor.start("waits", name="x")
        installation.wait_for_effect("waits", "x")
        server.signal(signal.SIGTERM)
        wait_until(lambda: len(server.workers) == 1, 10, "the end of the idle worker")
        server.signal(signal.SIGTERM)
        assert server.wait(3) == 0
        assert not installation.alive_processes()

        installation.allow("x")
        visitor.address = installation.serve(workers=1).address()
        assert visitor.wait_for(session, "completed", within=10)["attempt"] == 1


def test_an_unsupervised_worker_drains_and_releases_too(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE, ANALYSIS_SHUTDOWN_GRACE="0.2") as installation:
        visitor = installation.visitor(installation.serve(workers=0))
        first = installation.worker()
        session = visitor.start("waits", name="x")
        installation.wait_for_effect("waits", "x", first.pid)
        first.signal(signal.SIGTERM)
        assert first.wait(5) == 0
        assert visitor.snapshot(session)["status"] == "pending"
        second = installation.worker()
        installation.wait_for_effect("waits", "x", second.pid)
        installation.allow("x")
        assert visitor.wait_for(session, "completed", within=5)["attempt"] == 1


def test_when_the_last_attempt_has_ended_nothing_more_is_waited_for(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE, ANALYSIS_SHUTDOWN_GRACE="120") as installation:
        worker = installation.worker()
        visitor = installation.visitor(installation.serve(workers=0))
        session = visitor.start("waits", name="x")
        installation.wait_for_effect("waits", "x")
        worker.signal(signal.SIGTERM)
        installation.allow("x")
        visitor.wait_for(session, "completed", within=10)
        assert worker.wait(2) == 0
