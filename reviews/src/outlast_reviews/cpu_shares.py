"""Fair CPU scheduling for the analyses of one process: the owner with the least CPU time runs first.

Python runs one thread at a time anyway, and shares the time among threads, not owners: a small file beside five
large ones of another owner would take six times as long.
"""

import math
import threading
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from itertools import count

from outlast import owner, report

TIME_SLICE = 0.05
"""Seconds of CPU time after which a task yields to an owner who has used less."""
HEAD_START = 3.0
"""Seconds of CPU time: the largest credit of a newly arrived owner."""
PREEMPT_AFTER = 0.25
"""Seconds without a `pause` after which the next task runs beside the current one."""
_POLL = 0.1
_MOST_OWNERS = 1_000


class _Task:
    """One thread, waiting or running."""

    def __init__(self, owner: str, number: int) -> None:
        self.owner = owner
        self.number = number
        self.began = 0.0
        """Thread time up to which the CPU time is charged."""


class CpuShares:
    """The scheduler; one for each process, and safe for threads. `pause` outside a turn does nothing."""

    def __init__(self, clock: Callable[[], float] = time.thread_time) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._numbers = count()
        self._used: dict[str, float] = {}
        """CPU seconds by owner; cleared when no task is active."""
        self._active: list[_Task] = []
        self._waiting: list[_Task] = []
        self._turn: _Task | None = None
        self._since = 0.0
        self._local = threading.local()

    @contextmanager
    def turn(self, owner_name: str, check: Callable[[], None]) -> Generator[None]:
        """Wait for a turn and hold it for the block. `check` runs repeatedly while waiting, and may raise."""
        task = _Task(owner_name, next(self._numbers))
        with self._changed:
            self._enter(task)
        try:
            self._wait_for_turn(task, check)
            self._local.task, self._local.check = task, check
            yield
        finally:
            self._local.task = None
            with self._changed:
                self._charge(task)
                self._leave(task)

    def pause(self) -> None:
        """Yield if another owner has used less CPU time. Call it several times a second within a turn."""
        task: _Task | None = getattr(self._local, "task", None)
        if task is None:
            return
        with self._changed:
            if self._turn is task:
                self._since = time.monotonic()
                if self._clock() - task.began < TIME_SLICE:
                    return
            self._charge(task)
            if self._turn is task:
                if not self._waiting or self._used[self._first().owner] >= self._used[task.owner]:
                    return
                self._turn = None
                self._changed.notify_all()
        self._wait_for_turn(task, self._local.check)

    def _enter(self, task: _Task) -> None:
        if all(other.owner != task.owner for other in self._active):
            least = min((self._used[other.owner] for other in self._active), default=0.0)
            self._used[task.owner] = max(self._used.get(task.owner, -math.inf), least - HEAD_START)
        self._active.append(task)

    def _leave(self, task: _Task) -> None:
        self._active.remove(task)
        if self._turn is task:
            self._turn = None
            self._changed.notify_all()
        if not self._active:
            self._used.clear()
        elif len(self._used) > _MOST_OWNERS:
            active = {other.owner for other in self._active}
            self._used = {owner: used for owner, used in self._used.items() if owner in active}

    def _wait_for_turn(self, task: _Task, check: Callable[[], None]) -> None:
        with self._changed:
            self._waiting.append(task)
            try:
                while not self._may_run(task):
                    self._changed.wait(_POLL)
                    check()
            finally:
                self._waiting.remove(task)
                self._changed.notify_all()
            self._turn, self._since, task.began = task, time.monotonic(), self._clock()

    def _may_run(self, task: _Task) -> bool:
        free = self._turn is None or time.monotonic() - self._since >= PREEMPT_AFTER
        return free and self._first() is task

    def _first(self) -> _Task:
        return min(self._waiting, key=lambda other: (self._used[other.owner], other.number))

    def _charge(self, task: _Task) -> None:
        now = self._clock()
        if task.began:
            self._used[task.owner] += now - task.began
        task.began = now


_CPU_SHARES = CpuShares()


def computing() -> AbstractContextManager[None]:
    """Hold the turn of the session's owner around CPU-bound work; do not wait for I/O within it."""
    return _CPU_SHARES.turn(owner(), report)


def report_progress(done: float | None = None, total: float | None = None, message: str | None = None) -> None:
    """Report progress as `outlast.report` does, and yield the turn if it is another owner's."""
    report(done, total, message)
    _CPU_SHARES.pause()
