"""Harm done to what a process shares: streams, signal handlers, hooks, the loop, modules, limits."""

import asyncio
import builtins
import contextlib
import gc
import locale
import logging
import os
import signal
import socket
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hostile.row import ASYNC, COMPLETED, IN_PROCESS, PROCESS, Table
from outlast import report, step

SURVIVED = "survived"


def prints_after_close(tag: str) -> str:
    sys.stdout.close()
    print("after the end")
    return SURVIVED


def closes_stdout(tag: str) -> str:
    os.close(1)
    print("to nobody", flush=True)
    return SURVIVED


def closes_stdin(tag: str) -> str:
    os.close(0)
    return SURVIVED


def closes_stderr(tag: str) -> str:
    """`sys.stderr` alone: without the descriptor no log could tell of anything."""
    sys.stderr.close()
    return SURVIVED


def stdout_none(tag: str) -> str:
    sys.stdout = sys.stderr = sys.stdin = None
    return SURVIVED


def closes_many(tag: str) -> str:
    """Closes descriptors that are not its own: those above the standard streams."""
    os.closerange(3, 64)
    return SURVIVED


def ignores_term(tag: str) -> str:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return SURVIVED


def blocks_signals(tag: str) -> str:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    return SURVIVED


def default_term(tag: str) -> str:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    return SURVIVED


def raising_handler(tag: str) -> str:
    def handle(number: int, frame: object) -> None:
        raise SystemExit(3)

    signal.signal(signal.SIGTERM, handle)
    return SURVIVED


def child_handler(tag: str) -> str:
    """As daemons do: children are reaped by the kernel, and nobody learns of their ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    return SURVIVED


def wakeup_fd(tag: str) -> str:
    signal.set_wakeup_fd(-1)
    return SURVIVED


def alarm(tag: str) -> str:
    """`signal.alarm`, which some libraries use for time limits."""
    signal.signal(signal.SIGALRM, _raise_timeout)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    time.sleep(0.6)
    return SURVIVED


def _raise_timeout(number: int, frame: object) -> None:
    raise TimeoutError("alarm")


def later_alarm(tag: str) -> str:
    """The alarm rings when its session has ended."""
    signal.signal(signal.SIGALRM, _raise_timeout)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    return SURVIVED


def hooks(tag: str) -> str:
    def raising(*_: object) -> None:
        raise SystemExit(3)

    threading.excepthook = sys.excepthook = sys.unraisablehook = raising
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    return SURVIVED


def display(tag: str) -> str:
    def raising(*_: object, **__: object) -> Any:
        raise RuntimeError("not here")

    builtins.print = raising
    warnings.showwarning = raising
    return SURVIVED


def traces(tag: str) -> str:
    def trace(*_: object) -> None:
        return None

    sys.settrace(trace)
    threading.settrace(trace)
    sys.setprofile(trace)
    return SURVIVED


def raising_trace(tag: str) -> str:
    def trace(frame: object, event: str, argument: object) -> None:
        raise SystemExit(3)

    threading.settrace(trace)
    sys.settrace(trace)
    return SURVIVED


def no_gc(tag: str) -> str:
    gc.disable()
    gc.set_threshold(1)
    return SURVIVED


def low_recursion(tag: str) -> str:
    sys.setrecursionlimit(60)
    return SURVIVED


def low_digits(tag: str) -> str:
    sys.set_int_max_str_digits(640)
    return SURVIVED


def slow_switch(tag: str) -> str:
    sys.setswitchinterval(5.0)
    return SURVIVED


def chdir(tag: str) -> str:
    os.chdir("/")
    return SURVIVED


def chdir_gone(tag: str) -> str:
    """Into a folder that is no more: `os.getcwd()` raises from now on."""
    import tempfile

    folder = tempfile.mkdtemp()
    os.chdir(folder)
    Path(folder).rmdir()
    return SURVIVED


def umask(tag: str) -> str:
    os.umask(0o777)
    return SURVIVED


def clears_environment(tag: str) -> str:
    os.environ.clear()
    return SURVIVED


def clears_path(tag: str) -> str:
    sys.path.clear()
    sys.meta_path.clear()
    return SURVIVED


def forgets_modules(tag: str) -> str:
    for name in ("json", "hostile.site", "logging.handlers", "decimal", "outlast.running.isolation_parent"):
        sys.modules.pop(name, None)
    sys.modules["uuid"] = None
    return SURVIVED


def disables_logging(tag: str) -> str:
    logging.disable(logging.CRITICAL)
    return SURVIVED


def shuts_logging(tag: str) -> str:
    logging.shutdown()
    return SURVIVED


def raising_handler_of_logs(tag: str) -> str:
    class Raising(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - as its parent
            raise RuntimeError("no logs")

    logging.getLogger().addHandler(Raising())
    return SURVIVED


def default_timeout(tag: str) -> str:
    socket.setdefaulttimeout(0.001)
    return SURVIVED


def raising_warnings(tag: str) -> str:
    warnings.simplefilter("error")
    return SURVIVED


def other_locale(tag: str) -> str:
    with contextlib.suppress(locale.Error):
        locale.setlocale(locale.LC_ALL, "C")
    os.environ["TZ"] = "Pacific/Kiritimati"
    time.tzset()
    return SURVIVED


def other_policy(tag: str) -> str:
    class Policy(asyncio.DefaultEventLoopPolicy):
        def new_event_loop(self) -> asyncio.AbstractEventLoop:
            raise RuntimeError("no loops")

    asyncio.set_event_loop_policy(Policy())
    return SURVIVED


def many_threads(tag: str) -> str:
    threads = [threading.Thread(target=time.sleep, args=(1.0,), daemon=True) for _ in range(300)]
    for thread in threads:
        thread.start()
    return SURVIVED


def opens_outlast(tag: str) -> str:
    """A second `Outlast` in the same process."""
    from outlast import Outlast

    other = Outlast()
    other.analysis("x")(lambda: 1)
    return SURVIVED


async def debug(tag: str) -> str:
    asyncio.get_running_loop().set_debug(True)
    asyncio.get_running_loop().slow_callback_duration = 0.0
    await asyncio.sleep(0.2)
    return SURVIVED


async def stops_loop(tag: str) -> str:
    asyncio.get_running_loop().stop()
    await asyncio.sleep(0.2)
    return SURVIVED


async def closes_loop(tag: str) -> str:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(RuntimeError):
        loop.close()
    await asyncio.sleep(0.2)
    return SURVIVED


async def stops_and_closes(tag: str) -> str:
    loop = asyncio.get_running_loop()
    loop.stop()
    loop.call_soon(loop.close)
    await asyncio.sleep(0.2)
    return SURVIVED


async def handler_raises(tag: str) -> str:
    def raising(loop: object, context: object) -> None:
        raise SystemExit(3)

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(raising)
    loop.call_soon(lambda: 1 / 0)
    await asyncio.sleep(0.2)
    return SURVIVED


async def cancels_all(tag: str) -> str:
    for task in asyncio.all_tasks():
        if task is not asyncio.current_task():
            task.cancel()
    await asyncio.sleep(0.2)
    return SURVIVED


async def cancels_everything(tag: str) -> str:
    for task in asyncio.all_tasks():
        task.cancel()
    await asyncio.sleep(0.2)
    return SURVIVED


async def cancels_again(tag: str) -> str:
    """For two seconds, whatever starts."""
    end = time.monotonic() + 2.0
    while time.monotonic() < end:
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task():
                task.cancel()
        await asyncio.sleep(0.05)
    return SURVIVED


async def shuts_executor(tag: str) -> str:
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, int)
    await loop.shutdown_default_executor()
    return SURVIVED


async def own_executor(tag: str) -> str:
    """A default executor with one thread, which hangs for a while."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(pool := ThreadPoolExecutor(1))
    pool.submit(time.sleep, 2.0)
    return SURVIVED


async def many_tasks(tag: str) -> str:
    await asyncio.gather(*(asyncio.sleep(0.5) for _ in range(100_000)))
    return SURVIVED


async def many_tasks_left(tag: str) -> str:
    loop = asyncio.get_running_loop()
    loop._left = [loop.create_task(asyncio.sleep(1.0)) for _ in range(100_000)]
    return SURVIVED


async def many_steps(tag: str) -> str:
    await asyncio.gather(*(quick_step(n) for n in range(2_000)))
    return SURVIVED


@step("Doing next to nothing")
async def quick_step(n: int) -> int:
    return n


async def many_reports(tag: str) -> str:
    for n in range(100_000):
        report(n, 100_000, f"Number {n}")
    await asyncio.sleep(0)
    return SURVIVED


async def odd_reports(tag: str) -> str:
    report(float("nan"), float("inf"), "\ud800\x00" + "x" * 1_000_000)
    await asyncio.sleep(0.5)
    return SURVIVED


async def task_factory(tag: str) -> str:
    def refuse(loop: object, coroutine: Any, **_: object) -> Any:
        coroutine.close()
        raise RuntimeError("no tasks")

    asyncio.get_running_loop().set_task_factory(refuse)
    return SURVIVED


async def removes_readers(tag: str) -> str:
    """Takes the loop's own pipe from its selector: nothing from another thread wakes it."""
    loop: Any = asyncio.get_running_loop()
    for attribute in ("_ssock", "_csock"):
        if hasattr(loop, attribute):
            with contextlib.suppress(Exception):
                loop.remove_reader(getattr(loop, attribute))
    return SURVIVED


async def signal_handlers(tag: str) -> str:
    with contextlib.suppress(Exception):
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
    return SURVIVED


async def nested_run(tag: str) -> str:
    asyncio.run(asyncio.sleep(0))
    return SURVIVED


async def eats_memory(tag: str) -> str:
    block = bytearray(200 << 20)
    await asyncio.sleep(0.2)
    return f"{SURVIVED} {len(block)}"


def loop_from_thread(tag: str) -> str:
    """A thread that finds the worker's loop and stops it."""
    for thing in gc.get_objects():
        if isinstance(thing, asyncio.AbstractEventLoop) and thing.is_running():
            with contextlib.suppress(Exception):
                thing.call_soon_threadsafe(thing.stop)
    return SURVIVED


def add_to(table: Table) -> None:
    said = (COMPLETED, "error")
    shared = {"alone": IN_PROCESS}
    rows: list[tuple[str, str, Any]] = [
        ("print_closed", "prints after sys.stdout.close()", prints_after_close),
        ("close_1", "os.close(1), then prints", closes_stdout),
        ("close_0", "os.close(0)", closes_stdin),
        ("close_stderr", "sys.stderr.close()", closes_stderr),
        ("streams_none", "sets the standard streams to None", stdout_none),
        ("term_ignored", "signal.signal(SIGTERM, SIG_IGN)", ignores_term),
        ("term_blocked", "blocks SIGTERM and SIGINT in its thread", blocks_signals),
        ("term_default", "gives TERM, INT and CHLD their default handlers", default_term),
        ("term_raises", "a handler of SIGTERM that raises", raising_handler),
        ("child_ignored", "signal.signal(SIGCHLD, SIG_IGN)", child_handler),
        ("wakeup_fd", "signal.set_wakeup_fd(-1)", wakeup_fd),
        ("alarm", "an alarm that raises in its own time", alarm),
        ("hooks", "sys, threading and unraisable hooks that raise", hooks),
        ("display", "print and showwarning that raise", display),
        ("settrace", "sys.settrace, sys.setprofile", traces),
        ("no_gc", "gc.disable()", no_gc),
        ("low_recursion", "sys.setrecursionlimit(60)", low_recursion),
        ("low_digits", "sys.set_int_max_str_digits(640)", low_digits),
        ("slow_switch", "sys.setswitchinterval(5)", slow_switch),
        ("chdir", 'os.chdir("/")', chdir),
        ("chdir_gone", "os.chdir into a folder that is removed", chdir_gone),
        ("umask", "os.umask(0o777)", umask),
        ("environ", "os.environ.clear()", clears_environment),
        ("sys_path", "sys.path.clear()", clears_path),
        ("sys_modules", "takes modules out of sys.modules", forgets_modules),
        ("logging_off", "logging.disable(CRITICAL)", disables_logging),
        ("logging_shut", "logging.shutdown()", shuts_logging),
        ("logging_raises", "a log handler that raises", raising_handler_of_logs),
        ("socket_timeout", "socket.setdefaulttimeout(0.001)", default_timeout),
        ("warnings", 'warnings.simplefilter("error")', raising_warnings),
        ("locale", "another locale and time zone", other_locale),
        ("policy", "an event loop policy that refuses", other_policy),
        ("threads_300", "300 threads", many_threads),
        ("second_outlast", "a second Outlast in the process", opens_outlast),
    ]
    for name, what, act in rows:
        table.both(name, what, act, *said, "crashed", **shared)
    table.both(
        "settrace_raises",
        "a trace function that raises",
        raising_trace,
        *said,
        "crashed",
        "timeout",
        alone=IN_PROCESS,
        timeout=5.0,
    )
    table.both(
        "later_alarm",
        "an alarm that raises when its session has ended",
        later_alarm,
        *said,
        "crashed",
        fatal=IN_PROCESS,
    )
    table.both(
        "closerange",
        "os.closerange(3, 64)",
        closes_many,
        *said,
        "crashed",
        "timeout",
        fatal=IN_PROCESS,
        hangs=(PROCESS,),
        timeout=5.0,
    )
    table.both(
        "loop_stopped_by_thread",
        "finds every running loop and stops it, the host's too",
        loop_from_thread,
        *said,
        "crashed",
        fatal=IN_PROCESS,
    )
    loops: list[tuple[str, str, Any]] = [
        ("loop_debug", "the loop's debug mode", debug),
        ("loop_stop", "loop.stop()", stops_loop),
        ("loop_close", "loop.close()", closes_loop),
        ("loop_stop_close", "loop.stop(), then loop.close()", stops_and_closes),
        ("loop_handler", "an exception handler of the loop that raises", handler_raises),
        ("cancel_all", "cancels every other task of its loop", cancels_all),
        ("cancel_everything", "cancels every task of its loop, its own too", cancels_everything),
        ("cancel_again", "cancels every task, again and again", cancels_again),
        ("executor_shut", "shuts the loop's default executor down", shuts_executor),
        ("executor_own", "a default executor with one busy thread", own_executor),
        ("task_factory", "a task factory that refuses", task_factory),
        ("selector", "takes the loop's own pipe from its selector", removes_readers),
        ("signal_handlers", "removes the loop's handler of SIGTERM", signal_handlers),
    ]
    for name, what, act in loops:
        table.coroutine(name, what, act, *said, "crashed", alone=(ASYNC,))
    table.coroutine("tasks_100000", "100,000 tasks", many_tasks, *said, alone=(ASYNC,), timeout=60.0)
    table.coroutine("tasks_left", "leaves 100,000 tasks", many_tasks_left, *said, alone=(ASYNC,), timeout=60.0)
    table.coroutine("steps_2000", "2,000 steps at once", many_steps, *said, alone=(ASYNC,), timeout=60.0)
    table.coroutine("reports_100000", "100,000 reports without a pause", many_reports, *said)
    table.coroutine("odd_report", "reports NaN, a surrogate and a million characters", odd_reports, *said)
    table.coroutine("nested_run", "asyncio.run within the loop", nested_run, *said)
    table.coroutine("memory_200", "200 MiB for a moment", eats_memory, *said)
