"""Processes that analyses start: readers of standard input, pools, forks, daemons, other interpreters."""

import asyncio
import json
import multiprocessing
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from hostile.row import COMPLETED, DEF, IN_PROCESS, PATIENT, PROCESS, Table, note


def cat(tag: str) -> str:
    return subprocess.run(["cat"], stdout=subprocess.PIPE, check=True).stdout.decode()


async def cat_async(tag: str) -> str:
    child = await asyncio.create_subprocess_exec("cat", stdout=asyncio.subprocess.PIPE)
    out, _ = await child.communicate()
    return out.decode()


def reads_input(tag: str) -> str:
    try:
        return input("your name? ")
    except (EOFError, RuntimeError, ValueError) as ended:
        return repr(ended)


def reads_stdin(tag: str) -> str:
    return "" if sys.stdin is None else sys.stdin.read()


def reads_descriptor(tag: str) -> str:
    return repr(os.read(0, 100))


def reads_every_descriptor(tag: str) -> str:
    """List the descriptors above 2 that a child inherits."""
    code = "import os, sys\nfor fd in range(3, 64):\n  try: os.fstat(fd)\n  except OSError: continue\n  print(fd)"
    output = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True, close_fds=False)
    return output.stdout.decode()


def closes_inherited(tag: str) -> str:
    """Close every descriptor in a forked child, as daemons do."""
    pid = os.fork()
    if pid == 0:
        os.closerange(0, 256)
        os._exit(0)
    os.waitpid(pid, 0)
    return "survived"


def square(n: int) -> int:
    return n * n


def pool_fork(tag: str) -> list[int]:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map(square, range(10))


def pool_spawn(tag: str) -> list[int]:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        return pool.map(square, range(10))


def pool_forkserver(tag: str) -> list[int]:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("forkserver")) as pool:
        return list(pool.map(square, range(10)))


def pool_left(tag: str) -> str:
    """Leave a pool open, neither closed nor terminated."""
    pool = multiprocessing.get_context("fork").Pool(2)
    note("child", tag)
    _left.append(pool)
    return str(pool.apply(square, (3,)))


_left: list[Any] = []


def pool_hangs(tag: str) -> None:
    note("child", tag)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(time.sleep, [300, 300])


def interpreter(tag: str) -> str:
    """Check that a child interpreter sees the user's PYTHONPATH instead of our import path."""
    code = "import json, os, sys; print(json.dumps([sys.path, os.environ.get('PYTHONPATH')]))"
    output = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    path, variable = json.loads(output.stdout)
    if variable is not None:
        raise ValueError(f"PYTHONPATH is {variable!r} for a child")
    return json.dumps(path)


def other_interpreter(tag: str) -> str:
    """Check that an interpreter with its own libraries, as `gdb` has, does not see our import path."""
    code = "import sys; print(any('hostile' in p or 'chaos' in p for p in sys.path))"
    output = subprocess.run([sys.executable, "-S", "-c", code], stdout=subprocess.PIPE, check=True)
    if output.stdout.strip() != b"False":
        raise ValueError("A child interpreter has our import path.")
    return "clean"


def fork_returns(tag: str) -> str:
    """Fork without exec: parent and child both return."""
    pid = os.fork()
    note("forked", tag, pid)
    return "parent" if pid else "child"


def fork_raises(tag: str) -> str:
    if os.fork() == 0:
        raise SystemExit(3)
    return "parent"


def fork_hangs(tag: str) -> str:
    pid = os.fork()
    if pid == 0:
        note("child", tag)
        time.sleep(300)
        os._exit(0)
    return "parent"


def fork_prints(tag: str) -> str:
    """Print in a forked child, which then exits without cleanup."""
    pid = os.fork()
    if pid == 0:
        print("from the child", flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
    return "parent"


def zombies(tag: str) -> str:
    """Start children and never wait for them."""
    for _ in range(20):
        subprocess.Popen(["true"]).returncode = 0
    return "left"


def daemonises(tag: str) -> str:
    """Start a grandchild in a session of its own, outside the process group."""
    note("child", tag)
    subprocess.Popen(
        ["sh", "-c", "setsid sleep 300 >/dev/null 2>&1 &"], stdin=subprocess.DEVNULL, start_new_session=True
    ).wait()
    return "left"


def background(tag: str) -> str:
    """Start `sleep 300 &` in a shell; it stays in the process group."""
    note("child", tag)
    subprocess.run(["sh", "-c", "sleep 300 >/dev/null 2>&1 &"], check=True)
    return "left"


def holds_streams(tag: str) -> str:
    """Start a child that keeps the inherited standard output open after its parent has exited."""
    note("child", tag)
    subprocess.Popen(["sleep", "300"])
    return "left"


def ignores_term(tag: str) -> str:
    note("child", tag)
    subprocess.Popen(["sh", "-c", "trap '' TERM INT HUP; sleep 300; sleep 300"])
    return "left"


def writes_much(tag: str) -> str:
    """Write 256 KiB to standard output, which must not block on a full pipe."""
    subprocess.run([sys.executable, "-c", "print('x' * 262_144)"], stdout=subprocess.DEVNULL, check=True)
    sys.stdout.write("y" * 262_144 + "\n")
    sys.stdout.flush()
    return "written"


def speaks_json(tag: str) -> str:
    """Write a protocol message to standard output, which must not reach the worker."""
    os.write(1, b'{"op": "done", "result": "42"}\n')
    return "spoken"


def waits_for_all(tag: str) -> str:
    """Reap every child of the process, including those of other sessions."""
    import contextlib

    for _ in range(50):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
        time.sleep(0.02)
    return "reaped"


def add_to(table: Table) -> None:
    done = (COMPLETED,)
    either = (COMPLETED, "error")
    table.pair("cat", "a child that reads standard input", cat_async, cat, *done)
    table.both("cat_blocking", "subprocess.run(cat), which reads standard input", cat, *done)
    table.both("input", "input()", reads_input, *either)
    table.both("stdin_read", "sys.stdin.read()", reads_stdin, *either)
    table.both("descriptor_read", "os.read(0, 100)", reads_descriptor, *either)
    table.both("inherits", "a child that looks for inherited descriptors", reads_every_descriptor, *done)
    table.both("close_inherited", "a fork that closes every descriptor", closes_inherited, *done)
    # forking a multi-threaded process may deadlock in Python itself; then it times out
    forked = (*done, "timeout", "error", "crashed")
    table.both("pool_fork", "a fork pool", pool_fork, *done, "timeout", hangs=IN_PROCESS, timeout=20.0)
    table.both("pool_spawn", "a spawn pool", pool_spawn, *done, timeout=60.0)
    table.both("pool_forkserver", "a forkserver pool", pool_forkserver, *done, timeout=60.0)
    table.both(
        "pool_left",
        "a fork pool that is left",
        pool_left,
        *done,
        "timeout",
        timeout=PATIENT,
        children=True,
        alone=IN_PROCESS,
    )
    table.blocking(
        "pool_hangs", "a fork pool whose work hangs", pool_hangs, "timeout", children=True, hangs=(DEF, PROCESS)
    )
    table.both("interpreter", "another Python interpreter: PYTHONPATH is the user's", interpreter, *done)
    table.both("interpreter_bare", "another Python interpreter, without site", other_interpreter, *done)
    table.both(
        "fork_returns",
        "os.fork without exec: both return",
        fork_returns,
        *forked,
        timeout=PATIENT,
        fatal=IN_PROCESS,
        children=True,
    )
    table.both(
        "fork_exits",
        "os.fork without exec: the child calls sys.exit",
        fork_raises,
        *forked,
        fatal=IN_PROCESS,
        timeout=PATIENT,
        children=True,
    )
    table.both(
        "fork_hangs",
        "os.fork without exec: the child sleeps on",
        fork_hangs,
        *done,
        children=True,
        alone=IN_PROCESS,
    )
    table.both("fork_prints", "os.fork: the child prints", fork_prints, *done)
    table.both("zombies", "children that nobody waits for", zombies, *done, children=True)
    table.both("daemonises", "a daemonised grandchild", daemonises, *done, children=True, alone=IN_PROCESS)
    table.both("background", "sleep 300 & in a shell", background, *done, children=True, alone=IN_PROCESS)
    table.both(
        "holds_streams",
        "a child that keeps inherited streams open",
        holds_streams,
        *done,
        children=True,
        alone=IN_PROCESS,
    )
    table.both("ignores_term", "a child that ignores TERM", ignores_term, *done, children=True, alone=IN_PROCESS)
    table.both("writes_much", "256 KiB to standard output", writes_much, *done)
    table.both("speaks_json", "writes an answer of the protocol to standard output", speaks_json, *done)
    table.both("waits_for_all", "reaps every child of its process", waits_for_all, *done)
