"""Kills the descendants of a process, daemons included, so that none keeps running beside the next attempt."""

import os
import secrets
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

import psutil

MARK = "OUTLAST_STARTED_BY"
"""Environment variable that marks the descendants of a worker or an isolated attempt, including daemons, which
leave its process group and session.
"""
KILL_PASSES = 3
"""Maximum number of passes; a child forked during one pass is found in the next."""


def kill_group(leader: int, mark: str) -> None:
    """Kill the process, its group, and every marked process."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    _kill_each(lambda: _marked_processes(mark))


def kill_session(leader: int, mark: str) -> int:
    """Kill what an exited process left behind: its session and every marked process.

    Returns the number of killed processes.
    """
    return _kill_each(lambda: {*_session_members(leader), *_marked_processes(mark)})


def mark_descendants() -> str:
    """Mark every process that this one starts from now on; returns the mark for `kill_marked`."""
    os.environ[MARK] = mark = f"{os.getpid()}-{secrets.token_hex(8)}"
    return mark


def kill_marked(mark: str) -> None:
    """Kill every marked process, daemons included, but not this one, which started without the mark."""
    _kill_each(lambda: _marked_processes(mark))


def kill_own_session() -> None:
    """Kill all other processes of the session that this process leads; do nothing if it leads none."""
    if os.getsid(0) == os.getpid():
        _kill_each(lambda: [pid for pid in _session_members(os.getpid()) if pid != os.getpid()])


def kill_descendants() -> None:
    """Kill all descendants of this process, which is about to exit, and disable `os.fork`.

    A pool that analysis code has left behind would otherwise replace its workers as they die.
    """
    os.fork = _refuse_fork

    def descendants() -> list[int]:
        with suppress(psutil.Error):
            return [p.pid for p in psutil.Process().children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE]
        return []

    _kill_each(descendants)


def _refuse_fork() -> int:
    raise OSError("This process is about to end.")


def _kill_each(find: Callable[[], Iterable[int]]) -> int:
    killed: set[int] = set()
    for _ in range(KILL_PASSES):
        pids = set(find())
        if not pids:
            break
        for pid in pids:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
    return len(killed)


def _session_members(session: int) -> Iterator[int]:
    for process in _processes():
        with suppress(OSError, psutil.Error):
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                yield process.pid


def _marked_processes(mark: str) -> Iterator[int]:
    for process in _processes():
        with suppress(psutil.Error):
            if process.environ().get(MARK) == mark:  # a zombie has no environment
                yield process.pid


def _processes() -> Iterable[psutil.Process]:
    with suppress(OSError, psutil.Error):
        return list(psutil.process_iter())
    return []


class OrphanReaper:
    """Reaps processes that this one inherited when their parents ended, as PID 1 of a container does."""

    def __init__(self) -> None:
        self._zombies: set[int] = set()

    def reap(self) -> None:
        """Reap children that were zombies in the last call too; code that starts a process waits for it sooner."""
        zombies: set[int] = set()
        for child in psutil.Process().children():
            with suppress(psutil.Error):
                if child.status() == psutil.STATUS_ZOMBIE:
                    zombies.add(child.pid)
        for pid in zombies & self._zombies:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        self._zombies = zombies
