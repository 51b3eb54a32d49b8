"""Tells, once a step, that it was called in a thread that does not know its attempt, so that nothing is kept."""

import logging
import os
import threading
from typing import Protocol
from weakref import WeakSet

log = logging.getLogger(__name__)


class _OfProcess(Protocol):
    pid: int


_at_work: WeakSet[_OfProcess] = WeakSet()
_warned: set[str] = set()
_lock = threading.Lock()


def began(attempt: _OfProcess) -> None:
    """`attempt` works in this process, until `ended`."""
    with _lock:
        _at_work.add(attempt)


def ended(attempt: _OfProcess) -> None:
    with _lock:
        _at_work.discard(attempt)


def warn(step: str) -> None:
    """Say that a call of `step` is not kept, when it may well belong to an attempt at work in this process.

    The main thread belongs to the program around, which may call steps as plain functions.
    """
    if step in _warned or not _at_work or threading.current_thread() is threading.main_thread():
        return
    with _lock:
        here = any(attempt.pid == os.getpid() for attempt in _at_work)
        if not here or step in _warned:
            return
        _warned.add(step)
    log.warning(
        "The step %r was called in the thread %r, which belongs to no analysis as far as is known. If it does, "
        "the result is not kept and the progress not shown: threads do not inherit context variables. Use "
        "%s.map(items), asyncio.to_thread, or pool.submit(contextvars.copy_context().run, %s, …).",
        step,
        threading.current_thread().name,
        step,
        step,
    )
