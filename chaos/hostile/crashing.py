"""Code that ends its process, or tries to."""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable

from hostile.row import COMPLETED, IN_PROCESS, PROCESS, Table


def segfault(tag: str) -> None:
    ctypes.string_at(0)


def kills(number: signal.Signals) -> Callable[[str], str]:
    def hostile(tag: str) -> str:
        import time

        os.kill(os.getpid(), number)
        time.sleep(1.0)
        return "survived"

    return hostile


def leaves(code: int) -> Callable[[str], None]:
    def hostile(tag: str) -> None:
        os._exit(code)

    return hostile


def aborts(tag: str) -> None:
    os.abort()


def out_of_memory(tag: str) -> None:
    """Die by SIGKILL, as at a container's memory limit."""
    os.kill(os.getpid(), signal.SIGKILL)


def kills_its_group(tag: str) -> None:
    os.killpg(os.getpgid(0), signal.SIGKILL)


def kills_its_parent(tag: str) -> None:
    os.kill(os.getppid(), signal.SIGKILL)


def stack_overflow(tag: str) -> None:
    """Recurse without a limit until the C stack overflows."""
    sys.setrecursionlimit(10**9)
    import threading

    threading.stack_size(256 * 1024)

    def down() -> object:
        return [*map(lambda _: down(), [1])]  # noqa: C417 - recursion through C overflows its stack

    down()


def recursion(tag: str) -> None:
    def down(n: int) -> int:
        return down(n + 1) + 1

    down(0)


def execs(tag: str) -> None:
    os.execv("/bin/true", ["true"])


def no_descriptors(tag: str) -> str:
    """Use up the file descriptors of the process for 1.5 seconds."""
    taken: list[int] = []
    try:
        while len(taken) < 100_000:
            taken.append(os.dup(2))
    except OSError:
        import time

        time.sleep(1.5)
    finally:
        for descriptor in taken:
            os.close(descriptor)
    return "survived"


def file_limit(tag: str) -> str:
    resource.setrlimit(resource.RLIMIT_FSIZE, resource.getrlimit(resource.RLIMIT_FSIZE))
    return "survived"


def add_to(table: Table) -> None:
    fatal = {"fatal": IN_PROCESS}
    for code in (0, 1, 3, 70, 71, 75):
        table.both(f"os_exit_{code}", f"os._exit({code})", leaves(code), "crashed", **fatal)
    table.both("segfault", "a C extension that reads address 0", segfault, "crashed", **fatal)
    table.both("abort", "os.abort()", aborts, "crashed", **fatal)
    table.both(
        "sigkill", "SIGKILL to itself, as the kernel does without memory", out_of_memory, "crashed", **fatal
    )
    ended = ("crashed", "error", "timeout", COMPLETED)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGHUP, signal.SIGUSR1, signal.SIGPIPE):
        table.both(f"{number.name.lower()}_itself", f"{number.name} to itself", kills(number), *ended, **fatal)
    table.both(
        "sigstop_child", "SIGSTOP to itself", kills(signal.SIGSTOP), "timeout", kinds=(PROCESS,), hangs=(PROCESS,)
    )
    table.both("killpg", "SIGKILL to its own process group", kills_its_group, "crashed", **fatal)
    table.isolated(
        "kills_parent", "SIGKILL to its worker", kills_its_parent, "crashed", fatal=(PROCESS,), alone=(PROCESS,)
    )
    table.both("execs", "replaces its process by another program", execs, "crashed", **fatal)
    table.both("recursion", "recursion without end", recursion, "error")
    table.both("stack_overflow", "recursion without a limit", stack_overflow, "crashed", "error", **fatal)
    table.both(
        "no_descriptors",
        "takes every file descriptor for 1.5 s",
        no_descriptors,
        COMPLETED,
        "error",
        fatal=IN_PROCESS,
        alone=IN_PROCESS,
    )
