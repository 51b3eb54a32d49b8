"""`outlast.sync`: the use cases for code without an event loop, from real threads, forks and hosts."""

import asyncio
import inspect
import io
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from outlast import AnalysisFailed, CancelAnswer, Outlast, RetryAnswer, Settings, Status, UnknownAnalysis, Upload
from outlast.sync import SyncOutlast, wait_on

BY_HAND = {"loop", "open", "close", "wait", "run", "views", "forget"}
"""Methods of `SyncOutlast` that do not have the signature of a method of `Outlast`."""


@pytest.fixture
def outlast(tmp_path):
    made = Outlast(Settings(data_dir=tmp_path))

    @made.analysis("double")
    def double(n: int) -> int:
        return 2 * n

    @made.analysis("size")
    def size(file: Upload) -> int:
        with file.open() as content:
            return len(content.read())

    yield made
    made.sync.close()


def test_every_use_case_is_there_with_its_parameters():
    for name, method in vars(SyncOutlast).items():
        if name.startswith("_") or name in BY_HAND:
            continue
        here, there = inspect.signature(method), inspect.signature(getattr(Outlast, name))
        assert list(here.parameters) == list(there.parameters), name
    use_cases = {
        name
        for name, method in vars(Outlast).items()
        if (inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method)) and not name.startswith("_")
    }
    assert use_cases <= set(vars(SyncOutlast))


def test_start_watch_and_result(outlast):
    outlast.sync.open(workers=1)
    session = outlast.sync.start("double", owner="ann", n=21)
    assert list(outlast.sync.watch(session.id))[-1].session.status is Status.COMPLETED
    assert outlast.sync.result(session.id, owner="ann").result == "42"
    assert outlast.sync.get(session.id, owner="bob") is None
    assert [found.id for found in outlast.sync.list(owner="ann")] == [session.id]
    link = outlast.sync.share(session.id, owner="ann")
    assert link
    assert outlast.sync.unshare(session.id, owner="ann")


@pytest.mark.slow
def test_a_session_returns_its_result_as_declared(outlast):
    outlast.sync.open(workers=1)
    session = outlast.sync.start("double", n=21)
    assert list(session)[-1].session.status is Status.COMPLETED
    assert session.result() == 42
    assert session.view().session.id == session.id
    assert session.cancel() is CancelAnswer.FINAL
    assert not session.existing


def test_a_session_that_was_cancelled_has_no_result_until_it_is_retried(outlast):
    session = outlast.sync.start("double", n=1)
    assert session.cancel() is CancelAnswer.CANCELLED
    with pytest.raises(AnalysisFailed) as failed:
        session.result()
    assert failed.value.code == "cancelled"
    assert session.retry() is RetryAnswer.RETRIED


@pytest.mark.slow
def test_run_waits_for_the_end(outlast):
    outlast.sync.open(workers=1)
    assert outlast.sync.run("double", owner="ann", n=1) == 2


def test_cancel_and_retry(outlast):
    session = outlast.sync.start("double", owner="ann", n=1).id
    assert outlast.sync.cancel(session, owner="ann") is CancelAnswer.CANCELLED
    assert outlast.sync.retry(session, owner="ann") is RetryAnswer.RETRIED
    assert outlast.sync.adopt("ann", "bob") == 1


def test_an_upload(outlast):
    outlast.sync.open(workers=1)
    file = outlast.sync.upload(io.BytesIO(b"x" * 1000), "a.txt", owner="ann")
    assert outlast.sync.run("size", owner="ann", file=file) == 1000


def test_an_error_is_raised_in_the_calling_thread(outlast):
    with pytest.raises(UnknownAnalysis, match="treble"):
        outlast.sync.start("treble", owner="ann")


def test_many_threads_share_one_loop(outlast):
    with ThreadPoolExecutor(16) as threads:
        started = list(threads.map(lambda n: outlast.sync.start("double", owner=f"owner {n}", n=n), range(64)))
    assert len({s.id for s in started}) == 64
    assert sum(t.name == "outlast-sync" for t in threading.enumerate()) == 1


async def test_a_thread_with_a_running_loop_may_call_it_as_a_notebook_does(outlast):
    assert outlast.sync.start("double", owner="ann", n=1).session.status is Status.PENDING


def test_on_its_own_loop_it_raises_instead_of_waiting_for_itself(outlast):
    async def inside():
        outlast.sync.get("x")

    with pytest.raises(RuntimeError, match="await"):
        outlast.sync.wait(inside())


def test_a_watch_that_is_left_early_ends(outlast):
    session = outlast.sync.start("double", owner="ann", n=1).id
    views = outlast.sync.watch(session)
    next(views)
    views.close()
    assert not asyncio.run_coroutine_threadsafe(_watched(outlast), outlast._runtime.loop).result()


async def _watched(outlast):
    return (await outlast._runtime.engine()).watch._watched


async def test_beside_an_asgi_host_it_uses_the_loop_of_the_host(outlast):
    async with outlast.lifespan(workers=1):
        assert await asyncio.to_thread(outlast.sync.run, "double", owner="ann", n=4) == 8
        with pytest.raises(RuntimeError, match="event loop"):
            outlast.sync.get("x")
    assert all(t.name != "outlast-sync" for t in threading.enumerate())


def test_close_ends_a_call_that_waits_in_another_thread(outlast):
    session = outlast.sync.start("double", n=1)
    waiting = threading.Event()

    def first_view():
        for _ in session:
            waiting.set()

    with ThreadPoolExecutor() as pool:
        watching = pool.submit(first_view)
        assert waiting.wait(10)
        outlast.sync.close()
        with pytest.raises(RuntimeError, match="was called while this call waited"):
            watching.result(10)


def test_a_call_that_reaches_a_loop_as_it_ends_is_told_so(monkeypatch):
    monkeypatch.setattr("outlast.sync.LOOP_CHECKED_EVERY", 0.01)
    loop = asyncio.new_event_loop()
    dropped = threading.Event()
    monkeypatch.setattr(loop, "call_soon_threadsafe", lambda *_, **__: dropped.set())

    async def work() -> None:
        pass

    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(wait_on, loop, work())
        assert dropped.wait(10)
        loop.close()
        with pytest.raises(RuntimeError, match="was called while this call waited"):
            waiting.result(10)


def test_after_close_the_next_call_opens_it_again(outlast):
    session = outlast.sync.start("double", owner="ann", n=1).id
    outlast.sync.close()
    assert all(t.name != "outlast-sync" for t in threading.enumerate())
    assert outlast.sync.get(session).session.id == session


def test_open_after_the_first_call_is_refused(outlast):
    outlast.sync.get("x")
    with pytest.raises(RuntimeError, match="before"):
        outlast.sync.open(workers=1)


def test_a_loop_that_has_ended_is_told_of(outlast):
    loop = asyncio.new_event_loop()
    loop.close()
    with pytest.raises(RuntimeError, match=r"await outlast\.close\(\)"):
        SyncOutlast(outlast, lambda: loop).get("x")


SITE = """
import json
from outlast import Outlast, Settings

outlast = Outlast(Settings(data_dir={folder!r}))

@outlast.analysis("double")
def double(n: int) -> int:
    return 2 * n

def application(environ, start_response):
    doubled = outlast.sync.run("double", owner="ann", n=int(environ["PATH_INFO"][1:]))
    start_response("200 OK", [("content-type", "application/json")])
    return [json.dumps(doubled).encode()]
"""
CALLED = """
outlast.sync.open(workers=1)
print(b"".join(application({"PATH_INFO": "/21"}, lambda *_: None)).decode())
"""
FORKED = """
import os
outlast.sync.open(workers=1)
session = outlast.sync.start("double", owner="ann", n=1)
session.result()
child = os.fork()
if child == 0:
    print(b"".join(application({"PATH_INFO": "/21"}, lambda *_: None)).decode(), flush=True)
    outlast.sync.close()
    os._exit(0)
_, status = os.waitpid(child, 0)
print(status, outlast.sync.get(session.id).session.status, flush=True)
"""
FORKED_FROM_A_LOOP = """
import asyncio, os
async def main():
    async with outlast.lifespan(workers=1):
        session = await double.start(1)
        await session.result()
        child = os.fork()
        if child == 0:
            print(outlast.sync.get(session.id).session.status, flush=True)
            outlast.sync.close()
            os._exit(0)
        _, status = await asyncio.to_thread(os.waitpid, child, 0)
        print(status, await double.run(21), flush=True)
asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "said"),
    [(CALLED, ["42"]), (FORKED, ["42", "0 completed"]), (FORKED_FROM_A_LOOP, ["completed", "0 42"])],
)
def test_a_wsgi_application_in_one_process_and_in_a_fork(tmp_path, script, said):
    code = SITE.format(folder=str(tmp_path)) + script
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=tmp_path,
    )
    assert (done.stdout.split("\n")[:-1], done.returncode) == (said, 0), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_at_exit_running_attempts_may_finish(tmp_path):
    code = SITE.format(folder=str(tmp_path)) + (
        "import threading\n"
        "begun, left = threading.Event(), threading.Event()\n"
        "@outlast.analysis('long')\n"
        "def long() -> int:\n"
        "    begun.set()\n"
        "    threading.main_thread().join()\n"
        "    return 7\n"
        "outlast.sync.open(workers=1)\n"
        "print(outlast.sync.start('long', owner='ann').id)\n"
        "begun.wait()\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert "Traceback" not in done.stderr, done.stderr
    outlast = Outlast(Settings(data_dir=tmp_path))
    try:
        assert outlast.sync.result(done.stdout.strip()).result == json.dumps(7)
    finally:
        outlast.sync.close()
