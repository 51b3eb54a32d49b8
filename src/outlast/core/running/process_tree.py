"""Kills what a process that has ended or must end has started, so that nothing runs on beside the next attempt."""

import os
import secrets
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

import psutil

MARK = "OUTLAST_STARTED_BY"
"""Environment variable by which the descendants of a worker or of an isolated attempt are known, daemons included,
which leave its process group and session.
"""
LOOKS = 3
"""A process that forks while it is looked for is found at the next look."""


def kill_group(leader: int, mark: str) -> None:
    """Kill the process, its group, and everything that bears the mark."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    _kill_each(lambda: _bearers(mark))


def kill_session(leader: int, mark: str) -> int:
    """Kill what is left of a process that has ended: its session, and everything that bears the mark.

    Answers how many.
    """
    return _kill_each(lambda: {*_members(leader), *_bearers(mark)})


def mark_descendants() -> str:
    """Mark all that this process starts from now on; answers the mark for `kill_marked`."""
    os.environ[MARK] = mark = f"{os.getpid()}-{secrets.token_hex(8)}"
    return mark


def kill_marked(mark: str) -> None:
    """Kill everything that bears the mark, daemons included, but not this process, which began without it."""
    _kill_each(lambda: _bearers(mark))


def kill_own_session() -> None:
    """Kill everything in the session that this process leads, except itself; do nothing where it leads none."""
    if os.getsid(0) == os.getpid():
        _kill_each(lambda: [pid for pid in _members(os.getpid()) if pid != os.getpid()])


def kill_descendants() -> None:
    """Kill all that this process has started and that is still its descendant; for a process that is about to end.

    It forks no more from then on: a pool that analysis code has left behind replaces its workers as they die.
    """
    os.fork = _fork_no_more

    def left() -> list[int]:
        with suppress(psutil.Error):
            return [p.pid for p in psutil.Process().children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE]
        return []

    _kill_each(left)


def _fork_no_more() -> int:
    raise OSError("This process is about to end.")


def _kill_each(find: Callable[[], Iterable[int]]) -> int:
    killed: set[int] = set()
    for _ in range(LOOKS):
        found = set(find())
        if not found:
            break
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
    return len(killed)


def _members(session: int) -> Iterator[int]:
    for process in _processes():
        with suppress(OSError, psutil.Error):
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                yield process.pid


def _bearers(mark: str) -> Iterator[int]:
    for process in _processes():
        with suppress(psutil.Error):
            if process.environ().get(MARK) == mark:  # what has ended has no environment any more
                yield process.pid


def _processes() -> Iterable[psutil.Process]:
    with suppress(OSError, psutil.Error):
        return list(psutil.process_iter())
    return []


class OrphanReaper:
    """Reaps processes that this one inherited when their parents ended, as PID 1 of a container does."""

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def look(self) -> None:
        """Reap the zombies that were there at the last look too: whoever starts a process waits for it sooner."""
        zombies: set[int] = set()
        for child in psutil.Process().children():
            with suppress(psutil.Error):
                if child.status() == psutil.STATUS_ZOMBIE:
                    zombies.add(child.pid)
        for pid in zombies & self._seen:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        self._seen = zombies
