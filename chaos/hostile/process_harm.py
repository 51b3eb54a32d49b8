"""Harm done to what a process shares: streams, signal handlers, hooks, modules, limits."""

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
from pathlib import Path
from typing import Any

from hostile import event_loop_harm
from hostile.row import COMPLETED, IN_PROCESS, PROCESS, Table

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
    """Close `sys.stderr` but not its descriptor, which the log needs."""
    sys.stderr.close()
    return SURVIVED


def stdout_none(tag: str) -> str:
    sys.stdout = sys.stderr = sys.stdin = None
    return SURVIVED


def closes_many(tag: str) -> str:
    """Close the descriptors above the standard streams."""
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
    """Ignore SIGCHLD, so that the kernel reaps children and their exit status is lost."""
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
    """Set an alarm that fires after the session has ended."""
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
    """Change into a removed folder, where `os.getcwd()` raises."""
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


def add_to(table: Table) -> None:
    ends = (COMPLETED, "error")
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
        table.both(name, what, act, *ends, "crashed", **shared)
    table.both(
        "settrace_raises",
        "a trace function that raises",
        raising_trace,
        *ends,
        "crashed",
        "timeout",
        alone=IN_PROCESS,
        timeout=5.0,
    )
    table.both(
        "later_alarm",
        "an alarm that raises when its session has ended",
        later_alarm,
        *ends,
        "crashed",
        fatal=IN_PROCESS,
    )
    table.both(
        "closerange",
        "os.closerange(3, 64)",
        closes_many,
        *ends,
        "crashed",
        "timeout",
        fatal=IN_PROCESS,
        hangs=(PROCESS,),
        timeout=5.0,
    )
    event_loop_harm.add_to(table)
