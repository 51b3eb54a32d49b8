"""A worker that resumes from suspension finds its claims lost and writes nothing."""

import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from processes import LEASE, Installation, wait_until

pytestmark = pytest.mark.slow

SOURCE = """
@outlast.analysis("ticking")
async def ticking() -> int:
    for n in range(1_000_000):
        if Path("go").exists():
            break
        note("tick", os.getpid())
        report(n % 50, 100)
        await asyncio.sleep(0.05)
    return os.getpid()

@outlast.analysis("ready")
async def ready() -> None:
    note("ready", os.getpid())

@outlast.analysis("stale")
async def stale() -> int:
    first = not Path("stale-began").exists()
    Path("stale-began").touch()
    note("stale", os.getpid())
    if first:
        await asyncio.sleep(20)  # due while the worker stands still: returns in the instant it wakes
        note("stale result", os.getpid())
        return os.getpid()
    await until("go")
    return os.getpid()
"""


@pytest.mark.long
def test_a_worker_paused_for_two_leases_is_refused_and_stops(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE) as installation:
        visitor = installation.visitor(installation.serve(workers=0))
        zombie = installation.worker("--concurrency", "2")
        ticking, stale = visitor.start("ticking"), visitor.start("stale")
        installation.wait_for_effect("tick", zombie.pid, count=3)
        installation.wait_for_effect("stale", zombie.pid)
        heir = installation.worker()
        visitor.start("ready")
        installation.wait_for_effect("ready", heir.pid)
        zombie.signal(signal.SIGSTOP)
        paused = time.monotonic()

        wait_until(lambda: installation.effects("stale", heir.pid), LEASE + 10, "the take-over")
        assert time.monotonic() - paused <= LEASE + 2

        def two_leases_have_passed() -> bool:
            visitor.snapshot(ticking)
            return time.monotonic() - paused >= 2 * LEASE

        wait_until(two_leases_have_passed, 2 * LEASE)
        ticks = len(installation.effects("tick", zombie.pid))
        zombie.signal(signal.SIGCONT)
        installation.wait_for_effect("stale", "result", zombie.pid)
        wait_until(lambda: "continues as" in zombie.log, 10, "the fresh start of the worker that was paused")

        after = len(installation.effects("tick", zombie.pid))
        assert after - ticks < 40, "the old attempt went on for long"
        grown = len(installation.effects("tick", heir.pid))
        installation.wait_for_effect("tick", heir.pid, count=grown + 20)
        assert len(installation.effects("tick", zombie.pid)) == after, "the old attempt still runs"
        assert visitor.snapshot(stale)["status"] == "processing", "the result of the lost claim was accepted"

        installation.allow("go")
        assert visitor.wait_for(stale, "completed", within=5)["result"] == heir.pid
        assert visitor.wait_for(ticking, "completed", within=5)["result"] == heir.pid
        with closing(sqlite3.connect(next(tmp_path.rglob("outlast.db")))) as database:
            counts = database.execute("SELECT DISTINCT crashes, lapses FROM analysis_sessions").fetchall()
            lines = database.execute("SELECT error FROM attempts WHERE ended = 'lapsed'").fetchall()
        assert counts == [(0, 0)], "to stand still is no crash, and to come back proves it"
        assert len(lines) == 2
        assert all("came back" in line for (line,) in lines)
