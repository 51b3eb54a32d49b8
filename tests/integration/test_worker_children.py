"""Child processes of analyses: they get no input, inherit no descriptors, and do not outlive their worker."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from processes import Installation, has_exited, wait_until

pytestmark = pytest.mark.slow

SOURCE = """
import json, multiprocessing, subprocess, sys

def square(n: int) -> int:
    return n * n

def tell() -> dict[str, object]:
    code = "import json, os, sys; print(json.dumps([os.environ.get('PYTHONPATH'), sys.stdin.read()]))"
    other = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    fds = [os.readlink(f"/proc/self/fd/{n}") for n in range(3)]
    inherited = subprocess.run(["ls", "/proc/self/fd"], check=True, capture_output=True, text=True).stdout.split()
    return {
        "cat": subprocess.run(["cat"], check=True, capture_output=True, text=True).stdout,
        "input": sys.stdin.read(),
        "other": json.loads(other),
        "stdin": fds[0],
        "inherited": len(inherited),
    }

async def tells_async() -> dict[str, object]:
    return tell()

def tells_def() -> dict[str, object]:
    return tell()

def tells_process() -> dict[str, object]:
    return tell()

outlast.analysis("async")(tells_async)
outlast.analysis("def")(tells_def)
outlast.analysis("process", isolation="process")(tells_process)

@outlast.analysis("pools", isolation="process", timeout=60)
def pools() -> list[list[int]]:
    found = []
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            found.append(pool.map(square, range(5)))
    return found

@outlast.analysis("forks", isolation="process", timeout=60, max_attempts=1)
def forks() -> str:
    return "child" if os.fork() == 0 else "parent"

@outlast.analysis("forks_in_loop", timeout=60, max_attempts=1)
async def forks_in_loop() -> str:
    return "child" if os.fork() == 0 else "parent"

def sleeps(kind: str) -> None:
    child = subprocess.Popen(["sleep", "300"])
    note("sleeps", kind, os.getpid(), child.pid)
    child.wait()

def sleeps_def(kind: str) -> None:
    sleeps(kind)

@step("Sleeping")
def asleep(kind: str) -> None:
    sleeps(kind)

def sleeps_process(kind: str) -> None:
    asleep(kind)

outlast.analysis("sleeps_def", timeout=600)(sleeps_def)
outlast.analysis("sleeps_process", isolation="process", timeout=600)(sleeps_process)
outlast.analysis("times_out", isolation="process", timeout=8, max_attempts=1)(sleeps_process)
"""


def test_standard_input_is_empty_and_nothing_of_ours_is_inherited(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE, PYTHONPATH="/somewhere") as installation:
        visitor = installation.visitor(installation.serve(workers=1))
        for kind in ("async", "def", "process"):
            found = visitor.wait_for(visitor.start(kind), "completed", within=30)["result"]
            assert (found["cat"], found["input"], found["stdin"]) == ("", "", "/dev/null"), kind
            assert found["other"] == ["/somewhere", ""], "the environment is the user's"
            assert found["inherited"] <= 4, "standard streams, and the folder that ls reads"


def test_pools_and_forks_work_in_a_process_of_its_own(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE) as installation:
        visitor = installation.visitor(installation.serve(workers=1))
        squares = [n * n for n in range(5)]
        shown = visitor.wait_for(visitor.start("pools"), "completed", within=60)
        assert shown["result"] == [squares, squares]
        for kind in ("forks", "forks_in_loop"):
            assert visitor.wait_for(visitor.start(kind), "completed", within=30)["result"] == "parent"
        assert len(installation.alive_workers()) == 1


@pytest.mark.parametrize("kind", ["sleeps_def", "sleeps_process"])
def test_what_a_killed_worker_has_started_is_killed_with_it(tmp_path: Path, kind: str) -> None:
    with Installation(tmp_path, SOURCE) as installation:
        server = installation.serve(workers=1)
        visitor = installation.visitor(server)
        visitor.start(kind, kind="x")
        (_, _, _, child), *_ = installation.wait_for_effect("sleeps", "x")
        (worker,) = server.workers
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: has_exited(int(child)), 10, "the end of what it had started")


def test_the_timeout_kills_what_an_isolated_analysis_has_started(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE) as installation:
        visitor = installation.visitor(installation.serve(workers=1))
        session = visitor.start("times_out", kind="x")
        (_, _, _, child), *_ = installation.wait_for_effect("sleeps", "x")
        assert visitor.wait_for(session, "failed", within=40)["error_code"] == "timeout"
        assert has_exited(int(child))


@pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("unshare") is None,
    reason="needs root, to make a process the first of its kind",
)
def test_as_the_first_process_of_a_container_orphans_are_reaped(tmp_path: Path) -> None:
    program = tmp_path / "first.py"
    program.write_text(
        "import os, subprocess, time, psutil\n"
        "from outlast.running.process_tree import OrphanReaper\n"
        "assert os.getpid() == 1\n"
        "subprocess.run(['sh', '-c', 'sleep 0 & exit'])\n"
        "end = time.monotonic() + 20\n"
        "while not [c for c in psutil.Process().children() if c.status() == psutil.STATUS_ZOMBIE]:\n"
        "    assert time.monotonic() < end\n"
        "reaper = OrphanReaper()\n"
        "reaper.reap()\n"
        "assert psutil.Process().children(), 'somebody else may still be about to wait for it'\n"
        "reaper.reap()\n"
        "assert not psutil.Process().children()\n"
        "print('reaped')\n"
    )
    unshare = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", sys.executable, str(program)]
    done = subprocess.run(unshare, capture_output=True, text=True, timeout=60, check=False)
    if "unshare failed" in done.stderr or "Operation not permitted" in done.stderr:
        pytest.skip("this machine lets nobody make namespaces")
    assert done.stdout == "reaped\n", done.stderr
    assert psutil.Process().is_running()


HOST = """
import asyncio, multiprocessing, signal, sys
from outlast import Outlast

outlast = Outlast()

def square(n: int) -> int:
    return n * n

def pooled() -> list[int]:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map(square, range(5))

@outlast.analysis("async", timeout=20)
async def in_the_loop() -> list[int]:
    return pooled()

@outlast.analysis("def", timeout=20)
def in_a_thread() -> list[int]:
    return pooled()

async def main() -> None:
    told = []
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.append, "the host was told to stop")
    async with outlast.lifespan(workers=1):
        started = await outlast.start(sys.argv[1], owner="somebody")
        async for view in outlast.watch(started.session.id):
            pass
    print(view.session.error_code or view.session.status.value, *told)

if __name__ == "__main__":
    asyncio.run(main())
"""


def _run_host(folder: Path, kind: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "host.py", kind],
        cwd=folder,
        env=os.environ | {"ANALYSIS_DATA_DIR": str(folder / "data")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("kind", ["async", "def"])
def test_a_fork_pool_in_an_embedded_worker_ends_and_its_signals_do_not_reach_the_host(
    tmp_path: Path, kind: str
) -> None:
    (tmp_path / "host.py").write_text(HOST)
    for _ in range(3):
        done = _run_host(tmp_path, kind)
        # Python's own os.fork() may hang in a process with threads: it did in 2 of 128 runs beside other work
        if done.stdout.split("\n")[0] != "timeout":
            break
    assert done.stdout.split("\n")[0] == "completed", done.stdout + done.stderr
