"""Code that does not end costs its worker a replacement, and other sessions nothing."""

import signal
import time
from pathlib import Path

import httpx
import pytest
from processes import Installation, Visitor, has_exited, wait_until

pytestmark = pytest.mark.slow

SOURCE = """
import subprocess, sys

@outlast.analysis("long")
async def long() -> str:
    note("long", os.getpid())
    await until("go")
    return "done"

@outlast.analysis("hangs", timeout=1, max_attempts=2)
def hangs() -> None:
    note("hangs", os.getpid())
    while not Path("end").exists():
        time.sleep(0.05)

@outlast.analysis("swallows", timeout=600, max_attempts=1)
async def swallows() -> None:
    note("swallows", os.getpid())
    while True:
        try:
            await asyncio.sleep(1)
        except BaseException:
            pass

@outlast.analysis("ignores_signals")
async def ignores_signals() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.set_wakeup_fd(-1)
    note("ignores_signals", os.getpid())
    await until("go")

@outlast.analysis("busy", timeout=600)
async def busy() -> None:
    note("busy", os.getpid())
    while True:
        pass

@outlast.analysis("signals_itself", max_attempts=1)
async def signals_itself() -> str:
    note("signals_itself", os.getpid())
    for _ in range(3):
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.1)
    return "done"

@outlast.analysis("freezes", timeout=600)
async def freezes() -> None:
    note("freezes", os.getpid())
    os.kill(os.getpid(), signal.SIGSTOP)
    await until("go")
"""


def refuses(visitor: Visitor) -> bool:
    try:
        return visitor.http.get(visitor.address + "/readyz").status_code == 503
    except httpx.TransportError:
        return True


def test_sessions_beside_hanging_code_are_never_released(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE) as installation:
        server = installation.serve(workers=1)
        visitor = installation.visitor(server)
        honest = visitor.start("long")
        (_, first), *_ = installation.wait_for_effect("long")
        hanging = visitor.start("hangs")
        shown = visitor.wait_for(hanging, "failed", within=40)
        assert (shown["error_code"], shown["attempt"]) == ("timeout", 2)
        assert len(server.workers) <= 3, "each place has at most one that retires"
        installation.allow("go")
        shown = visitor.wait_for(honest, "completed", within=10)
        assert len(installation.effects("long")) == 1, "it was not begun again"
        wait_until(lambda: has_exited(int(first)), 20, "the end of the worker that it was in")
        wait_until(lambda: len(installation.alive_workers()) == 1, 20, "one worker, as before")


@pytest.mark.parametrize("kind", ["swallows", "hangs", "busy", "ignores_signals"])
def test_serve_stops_in_time_whatever_its_workers_run(tmp_path: Path, kind: str) -> None:
    with Installation(tmp_path, SOURCE, ANALYSIS_SHUTDOWN_GRACE="1") as installation:
        server = installation.serve(workers=1)
        visitor = installation.visitor(server)
        session = visitor.start(kind)
        installation.wait_for_effect(kind)
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        assert server.wait(10) == 0
        assert time.monotonic() - began < 1 + 2 + 1, "the grace time and two seconds, and one for a busy machine"
        assert not installation.alive_processes()
        visitor.address = installation.serve(workers=0).address()
        shown = visitor.snapshot(session)
        assert (shown["status"], shown["attempt"]) == ("pending", 0), "a stop spends nothing"


def test_a_signal_that_the_analysis_sends_to_its_own_worker_stops_nothing(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE) as installation:
        visitor = installation.visitor(installation.serve(workers=1))
        honest = visitor.start("long")
        (_, first), *_ = installation.wait_for_effect("long")
        session = visitor.start("signals_itself")
        visitor.wait_for(session, "completed", within=20)
        assert installation.effects("signals_itself") == [["signals_itself", first]]
        wait_until(lambda: len(installation.alive_workers()) == 2, 20, "a replacement")
        installation.allow("go")
        visitor.wait_for(honest, "completed", within=10)
        assert len(installation.effects("long")) == 1


def test_a_frozen_worker_does_not_hold_up_the_second_stop(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE, ANALYSIS_SHUTDOWN_GRACE="60") as installation:
        server = installation.serve(workers=1)
        visitor = installation.visitor(server)
        visitor.start("freezes")
        installation.wait_for_effect("freezes")
        server.signal(signal.SIGTERM)
        wait_until(lambda: refuses(visitor), 10, "the end of its listener")  # two signals at once may be one
        server.signal(signal.SIGTERM)
        assert server.wait(5) == 0
        assert not installation.alive_processes()
