"""Identifies a process so that others on the same machine can tell for certain whether it has ended."""

import os
from functools import cache
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
BOOT_ID = PROC / "sys/kernel/random/boot_id"
NAMESPACES = PROC / "thread-self/ns"
"""Those of the thread: the entries of a process vanish when its main thread ends before the others."""


class _Stat(NamedTuple):
    """Fields of `/proc/PID/stat`."""

    pid: int
    state: str
    threads: int
    started: str
    """Clock ticks since boot; distinguishes processes that reuse a PID."""


def own_identity() -> str | None:
    """Return the boot, PID namespace, time namespace, PID and start time of this process.

    Returns `None` without `/proc`, or if `/proc` shows a PID namespace other than this process's.
    """
    return _identity_of(os.getpid())


def has_ended(identity: str) -> bool:
    """Return whether the process has certainly ended; `False` if that cannot be determined.

    A zombie has ended once none of its threads is running.
    """
    try:
        own = own_identity()
        if own is None or own.split("/")[:3] != identity.split("/")[:3]:
            return False
        if not _pid_exists(pid_of(identity)):
            return True
        # fails if `/proc` hides another user's process, or if this process has no free descriptor
        found = _stat(str(pid_of(identity)))
    except OSError:
        return False
    return found.started != identity.split("/")[4] or (found.state in "ZX" and found.threads <= 1)


def pid_of(identity: str) -> int:
    return int(identity.split("/")[3])


@cache
def _identity_of(pid: int) -> str | None:
    """Cache by PID, because a forked child has another identity."""
    try:
        boot = BOOT_ID.read_text(encoding="ascii").strip()
        pids = (NAMESPACES / "pid").stat().st_ino
        own = _stat("self")
    except FileNotFoundError:
        return None
    try:
        # start times are shown relative to the reader's time namespace
        times = (NAMESPACES / "time").stat().st_ino
    except FileNotFoundError:  # before Linux 5.6
        times = 0
    return f"{boot}/{pids}/{times}/{pid}/{own.started}" if own.pid == pid else None


def _pid_exists(pid: int) -> bool:
    """Return whether any process has this PID, including one that `/proc` hides."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _stat(pid: str) -> _Stat:
    text = (PROC / pid / "stat").read_text(encoding="utf-8", errors="replace")
    number = text.partition(" ")[0]
    # the name of the program, in parentheses, may contain anything
    fields = text.rpartition(")")[2].split()
    return _Stat(int(number), state=fields[0], threads=int(fields[17]), started=fields[19])
