"""The event loop of a worker: it outlives whatever analysis code raises, stops, cancels or forks within it."""

import asyncio
import ctypes
import logging
import os
import signal
import threading
import weakref
from collections.abc import Coroutine
from typing import Any, TypeVar

from outlast.core.running import context

T = TypeVar("T")

log = logging.getLogger(__name__)

LEAVE_WITHIN = 0.5
"""Seconds that tasks which are left over get to end; then the loop is closed without them."""

_loops: "weakref.WeakSet[asyncio.AbstractEventLoop]" = weakref.WeakSet()
_fork_guarded = threading.Lock()


class WorkerLoop(asyncio.SelectorEventLoop):
    """Refuses what one analysis would change for all: the calls below raise where an attempt is running."""

    def stop(self) -> None:
        _refuse("stop")
        super().stop()

    def set_task_factory(self, factory: Any) -> None:
        _refuse("set_task_factory")
        super().set_task_factory(factory)

    def set_exception_handler(self, handler: Any) -> None:
        _refuse("set_exception_handler")
        super().set_exception_handler(handler)

    def set_default_executor(self, executor: Any) -> None:
        _refuse("set_default_executor")
        super().set_default_executor(executor)

    async def shutdown_default_executor(self, *arguments: Any) -> None:
        _refuse("shutdown_default_executor")
        await super().shutdown_default_executor(*arguments)


def _refuse(what: str) -> None:
    if context.current() is not None:
        raise RuntimeError(f"{what}() is refused: this event loop belongs to the worker and all its sessions.")


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """The value of `work`, run in a new event loop of this thread, as `asyncio.run` does but for two things.

    A `SystemExit` or `KeyboardInterrupt` that a callback or another task raises, and `loop.stop()`, end the loop
    of `asyncio.run`; here they are logged, and the loop goes on. Leftover tasks that swallow their cancellation
    keep `asyncio.run` waiting for ever; here they are left behind.
    """
    if asyncio._get_running_loop() is not None:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType, reportAttributeAccessIssue] - asks without raising
        raise RuntimeError("run_to_end() cannot be called where an event loop is running.")
    loop = WorkerLoop()
    _guard_forks(loop)
    try:
        asyncio.set_event_loop(loop)
        return _complete(loop, loop.create_task(work))
    finally:
        try:
            _cancel_leftovers(loop)
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def conceal(task: "asyncio.Task[Any]") -> None:
    """Keep this task out of `asyncio.all_tasks()`, so that analysis code which cancels all tasks spares it.

    Only in loops of `run_to_end`: elsewhere somebody else may have to find it.
    """
    if task.get_loop() in _loops:
        asyncio.tasks._unregister_task(task)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - the documented call for this


def conceal_all() -> None:
    """Conceal every task of the running loop."""
    for task in asyncio.all_tasks():
        conceal(task)


def leave_behind(task: "asyncio.Task[Any]") -> None:
    """Never touch this task again: it swallows whatever is thrown into it.

    Python closes the coroutine of a task that it frees. Code that swallows even that, in a loop, would run for
    ever in whatever thread frees the task, at the end of the program too. So it is never freed.
    """
    task._log_destroy_pending = False  # noqa: SLF001  # pyright: ignore[reportAttributeAccessIssue] - its caller says it
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(task))


def _complete(loop: asyncio.AbstractEventLoop, task: "asyncio.Task[T]") -> T:
    conceal(task)
    while True:
        try:
            return loop.run_until_complete(task)
        except (SystemExit, KeyboardInterrupt) as error:
            if task.done():
                raise
            log.exception("Code raised %s into the event loop, which goes on.", type(error).__name__)
        except RuntimeError as error:
            if task.done() or loop.is_closed():
                raise
            log.warning("Code stopped the event loop (%s), which goes on.", error)


def _cancel_leftovers(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        _complete(loop, loop.create_task(_wait(tasks)))
    left = [task for task in tasks if not task.done()]
    for task in left:
        leave_behind(task)
    if left:
        log.error("%d task(s) swallowed their cancellation and are left behind: %s", len(left), left[0])
    _complete(loop, loop.create_task(_close_generators(loop)))


async def _wait(tasks: "set[asyncio.Task[Any]]") -> None:
    await asyncio.wait(tasks, timeout=LEAVE_WITHIN)


async def _close_generators(loop: asyncio.AbstractEventLoop) -> None:
    closing = asyncio.ensure_future(loop.shutdown_asyncgens())
    await asyncio.wait({closing}, timeout=LEAVE_WITHIN)


def _guard_forks(loop: asyncio.AbstractEventLoop) -> None:
    """A child that analysis code forked in the loop's own thread must not go on as a second copy of the worker."""
    _loops.add(loop)
    if _fork_guarded.acquire(blocking=False):  # once in a process: a hook cannot be taken back
        os.register_at_fork(after_in_child=_end_when_back_in_the_loop)
        os.register_at_fork(after_in_child=_forget_signal_handlers)


def _end_when_back_in_the_loop() -> None:
    for loop in list(_loops):
        if getattr(loop, "_thread_id", None) == threading.get_ident():
            # everything that waits in the copied loop belongs to the parent
            loop._ready.clear()  # noqa: SLF001  # pyright: ignore - no public way to empty it
            loop.call_soon(os._exit, 0)


def _forget_signal_handlers() -> None:
    """Let a child that analysis code has forked end at a signal, as its pool expects.

    It has inherited the handlers of this process, which stop a server that it does not run, and the descriptor by
    which a signal wakes the event loop: a signal to the child would have woken the parent's.
    """
    if context.forked():
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
