"""Warns, once per step, about calls in a thread without the attempt's context, whose results are not kept."""

import logging
import os
import threading
from typing import Protocol
from weakref import WeakSet

log = logging.getLogger(__name__)


class _HasPid(Protocol):
    pid: int


_active: WeakSet[_HasPid] = WeakSet()
_warned: set[str] = set()
_lock = threading.Lock()


def register(attempt: _HasPid) -> None:
    """Note that `attempt` runs in this process, until `unregister`."""
    with _lock:
        _active.add(attempt)


def unregister(attempt: _HasPid) -> None:
    with _lock:
        _active.discard(attempt)


def warn(step: str) -> None:
    """Warn that a call of `step` is not kept, if it may belong to an attempt running in this process.

    The main thread belongs to the embedding program, which may call steps as plain functions.
    """
    if step in _warned or not _active or threading.current_thread() is threading.main_thread():
        return
    with _lock:
        in_this_process = any(attempt.pid == os.getpid() for attempt in _active)
        if not in_this_process or step in _warned:
            return
        _warned.add(step)
    log.warning(
        "The step %r was called in the thread %r, which has no attempt in its context. If an analysis made this "
        "call, its result is not kept and its progress not shown: threads do not inherit context variables. Use "
        "%s.map(items), asyncio.to_thread, or pool.submit(contextvars.copy_context().run, %s, …).",
        step,
        threading.current_thread().name,
        step,
        step,
    )
