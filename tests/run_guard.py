"""Kills the processes of an interrupted test run: `python run_guard.py MARK` waits for the end of its input.

Every process that a test starts inherits the mark of the run in its environment. The pipe closes when the run
ends, even if it is killed.
"""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil

VARIABLE = "OUTLAST_TEST_RUN"
GRACE = 2.0
"""Seconds that processes with an end of their own, such as the guard of a database server, get for it."""


def start() -> None:
    """Mark this process and all that it starts; call it once in a run."""
    os.environ[VARIABLE] = mark = secrets.token_hex(8)
    reading, _kept_open = os.pipe()
    guard = subprocess.Popen(
        [sys.executable, __file__, mark],
        stdin=reading,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # so that an interrupt at the keyboard is not its own
    )
    guard.returncode = 0  # it outlives this process on purpose
    os.close(reading)


def left(mark: str) -> Iterator[psutil.Process]:
    """The living processes of the run but for this one."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get(VARIABLE) == mark:
                yield process


def main() -> None:
    mark = sys.argv[1]
    sys.stdin.buffer.read()
    time.sleep(GRACE)
    while found := [p for p in left(mark) if p.status() != psutil.STATUS_ZOMBIE]:
        for process in found:
            with suppress(psutil.Error):
                process.kill()
        time.sleep(0.1)


if __name__ == "__main__":
    main()
