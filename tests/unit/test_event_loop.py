"""The event loop of a worker survives what analysis code raises, stops, cancels or forks."""

import asyncio
import gc
import os
import sys
from collections.abc import Callable
from contextlib import suppress

import pytest

from outlast.running.event_loop import conceal_all, run_worker_loop


async def after(harm: Callable[[asyncio.AbstractEventLoop], object]) -> str:
    """Run `harm`, then continue for several iterations of the loop."""
    made = harm(asyncio.get_running_loop())
    for _ in range(5):
        await asyncio.sleep(0)
    if isinstance(made, asyncio.Task):
        made.exception()  # or asyncio logs it once the task is freed, in the middle of another test
    return "went on"


async def exits() -> None:
    sys.exit(3)


async def interrupts() -> None:
    raise KeyboardInterrupt


def raise_exit() -> None:
    raise SystemExit


def handler_that_raises(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    raise SystemExit(str(context))


def replace_handler(loop: asyncio.AbstractEventLoop) -> None:
    loop.set_exception_handler(handler_that_raises)
    loop.call_soon(lambda: 1 / 0)


HARMS: dict[str, Callable[[asyncio.AbstractEventLoop], object]] = {
    "a task that nobody awaits exits": lambda loop: loop.create_task(exits()),
    "a task raises KeyboardInterrupt": lambda loop: loop.create_task(interrupts()),
    "a callback exits": lambda loop: loop.call_soon(raise_exit),
    "a hundred callbacks exit": lambda loop: [loop.call_soon(raise_exit) for _ in range(100)],
    "the loop is stopped": lambda loop: loop.stop(),
    "the exception handler exits": replace_handler,
    "debug mode": lambda loop: loop.set_debug(True),
}


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS.keys())
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_event_loop_continues(harm):
    assert run_worker_loop(after(harm)) == "went on"


def test_an_error_of_the_main_coroutine_is_raised():
    with pytest.raises(SystemExit):
        run_worker_loop(exits())


@pytest.mark.slow
def test_a_task_that_swallows_its_cancellation_does_not_hold_up_the_end(caplog):
    async def swallows() -> None:
        while True:
            with suppress(BaseException):
                await asyncio.sleep(3600)

    async def main() -> asyncio.Task[None]:
        task = asyncio.create_task(swallows())
        await asyncio.sleep(0)
        return task

    task = run_worker_loop(main())
    assert not task.done()
    assert "left behind" in caplog.text
    del task
    gc.collect()  # Python throws GeneratorExit into what it frees: that would be swallowed too, in an endless loop


def test_code_that_cancels_all_tasks_does_not_find_concealed_ones():
    async def main() -> tuple[bool, bool]:
        ours = asyncio.create_task(asyncio.sleep(3600))
        conceal_all()
        theirs = asyncio.create_task(asyncio.sleep(3600))
        for task in asyncio.all_tasks():
            task.cancel()
        await asyncio.wait({theirs})
        spared = not ours.done()
        ours.cancel()
        return spared, theirs.cancelled()

    assert run_worker_loop(main()) == (True, True)


def test_a_forked_child_exits_on_return_to_the_loop():
    async def main() -> tuple[int, bool]:
        began = os.getpid()
        child = os.fork()
        if child == 0:
            await asyncio.sleep(0)
            os._exit(7)  # it came through the loop
        _, status = await asyncio.to_thread(os.waitpid, child, 0)
        return os.waitstatus_to_exitcode(status), os.getpid() == began

    assert run_worker_loop(main()) == (0, True)


async def test_run_to_end_refuses_a_thread_with_a_running_loop():
    work = asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="running"):
        run_worker_loop(work)
    work.close()
