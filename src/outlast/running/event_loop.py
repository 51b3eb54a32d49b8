"""The event loop of a worker: it survives whatever analysis code raises, stops, cancels or forks."""

import asyncio
import ctypes
import logging
import os
import signal
import threading
import weakref
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from outlast.core.analyses import context

T = TypeVar("T")

log = logging.getLogger(__name__)

CANCEL_TIMEOUT = 0.5
"""Seconds that leftover tasks get to end; after that the loop is closed without them."""

_loops: "weakref.WeakSet[asyncio.AbstractEventLoop]" = weakref.WeakSet()
_fork_guarded = threading.Lock()


class WorkerLoop(asyncio.SelectorEventLoop):
    """Protects the shared loop: the calls below raise when an attempt makes them."""

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


def run_worker_loop(work: Coroutine[Any, Any, T], make_loop: Callable[[], WorkerLoop] = WorkerLoop) -> T:
    """Run `work` in a new event loop and return its value, as `asyncio.run` does, with two differences.

    `loop.stop()`, and a `SystemExit` or `KeyboardInterrupt` raised by a callback or another task, end the loop of
    `asyncio.run`; this loop logs them and continues. `asyncio.run` waits for ever for leftover tasks that swallow
    their cancellation; this function abandons them.
    """
    if asyncio._get_running_loop() is not None:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType, reportAttributeAccessIssue] - asks without raising
        raise RuntimeError("run_worker_loop() cannot be called where an event loop is running.")
    loop = make_loop()
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
    """Hide this task from `asyncio.all_tasks()`, so that analysis code cannot cancel it along with all tasks.

    Does nothing outside the loops of `run_worker_loop`, where other code may need to find the task.
    """
    if task.get_loop() in _loops:
        asyncio.tasks._unregister_task(task)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - the documented call for this


def conceal_all() -> None:
    """Conceal every task of the running loop."""
    for task in asyncio.all_tasks():
        conceal(task)


def abandon(task: "asyncio.Task[Any]") -> None:
    """Leak a task that swallows its cancellation, so that Python never frees it.

    Freeing a task closes its coroutine. Code that swallows even that, in a loop, would run for ever in the thread
    that frees the task, also at interpreter exit.
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
            log.exception("Analysis code raised %s into the event loop, which continues.", type(error).__name__)
        except RuntimeError as error:
            if task.done() or loop.is_closed():
                raise
            log.warning("Analysis code stopped the event loop (%s), which continues.", error)


def _cancel_leftovers(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        _complete(loop, loop.create_task(_wait(tasks)))
    abandoned = [task for task in tasks if not task.done()]
    for task in abandoned:
        abandon(task)
    if abandoned:
        log.error("%d task(s) swallowed their cancellation and are left behind: %s", len(abandoned), abandoned[0])
    _complete(loop, loop.create_task(_close_generators(loop)))


async def _wait(tasks: "set[asyncio.Task[Any]]") -> None:
    await asyncio.wait(tasks, timeout=CANCEL_TIMEOUT)


async def _close_generators(loop: asyncio.AbstractEventLoop) -> None:
    closing = asyncio.ensure_future(loop.shutdown_asyncgens())
    await asyncio.wait({closing}, timeout=CANCEL_TIMEOUT)


def _guard_forks(loop: asyncio.AbstractEventLoop) -> None:
    """Keep a child that analysis code forks in the loop's thread from running as a second copy of the worker."""
    _loops.add(loop)
    if _fork_guarded.acquire(blocking=False):  # once per process: a fork hook cannot be unregistered
        os.register_at_fork(after_in_child=_exit_on_return_to_loop)
        os.register_at_fork(after_in_child=_reset_signal_handlers)


def _exit_on_return_to_loop() -> None:
    for loop in list(_loops):
        if getattr(loop, "_thread_id", None) == threading.get_ident():
            # all pending callbacks of the copied loop belong to the parent
            loop._ready.clear()  # noqa: SLF001  # pyright: ignore - no public way to empty it
            loop.call_soon(os._exit, 0)


def _reset_signal_handlers() -> None:
    """Restore the default signal handlers in a child that analysis code forked, so that its pool can end it.

    The child inherits this process's handlers, and the wake-up descriptor by which a signal to the child would
    wake the parent's event loop.
    """
    if context.forked():
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
