"""Kills what a process that has ended or must end has started, so that nothing runs on beside the next attempt."""

import os
import signal
from collections.abc import Iterable
from contextlib import suppress

import psutil

SESSION_LOOKS = 3
"""A process that forks while it is looked for is found at the next look."""


def kill_group(leader: int) -> None:
    """Kill the process, its group, and its descendants in other groups, as far as their parents live."""
    descendants: list[psutil.Process] = []
    with suppress(psutil.Error):
        descendants = psutil.Process(leader).children(recursive=True)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    for process in descendants:
        with suppress(psutil.Error):
            process.kill()


def kill_session(leader: int) -> int:
    """Kill everything that is left in the session of a process that has ended; answers how many.

    A process id is not used again while a session of that number has members.
    """
    killed = 0
    for _ in range(SESSION_LOOKS):
        members = list(_members(leader))
        if not members:
            break
        for pid in members:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
                killed += 1
    return killed


def kill_own_session() -> None:
    """Kill everything in the session that this process leads, except itself; do nothing where it leads none."""
    if os.getsid(0) != os.getpid():
        return
    for pid in _members(os.getpid()):
        if pid != os.getpid():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _members(session: int) -> Iterable[int]:
    pids: list[int] = []
    with suppress(OSError, psutil.Error):
        pids = psutil.pids()
    for pid in pids:
        with suppress(OSError, psutil.Error):
            if os.getsid(pid) == session and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                yield pid


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
