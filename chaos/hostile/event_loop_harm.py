"""Harm done to the event loop: stopped, closed, flooded, or with its tasks cancelled."""

import asyncio
import contextlib
import gc
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hostile.row import ASYNC, COMPLETED, IN_PROCESS, Table
from outlast import report, step

SURVIVED = "survived"


async def debug(tag: str) -> str:
    asyncio.get_running_loop().set_debug(True)
    asyncio.get_running_loop().slow_callback_duration = 0.0
    await asyncio.sleep(0.2)
    return SURVIVED


async def stops_loop(tag: str) -> str:
    asyncio.get_running_loop().stop()
    await asyncio.sleep(0.2)
    return SURVIVED


async def closes_loop(tag: str) -> str:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(RuntimeError):
        loop.close()
    await asyncio.sleep(0.2)
    return SURVIVED


async def stops_and_closes(tag: str) -> str:
    loop = asyncio.get_running_loop()
    loop.stop()
    loop.call_soon(loop.close)
    await asyncio.sleep(0.2)
    return SURVIVED


async def handler_raises(tag: str) -> str:
    def raising(loop: object, context: object) -> None:
        raise SystemExit(3)

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(raising)
    loop.call_soon(lambda: 1 / 0)
    await asyncio.sleep(0.2)
    return SURVIVED


async def cancels_all(tag: str) -> str:
    for task in asyncio.all_tasks():
        if task is not asyncio.current_task():
            task.cancel()
    await asyncio.sleep(0.2)
    return SURVIVED


async def cancels_everything(tag: str) -> str:
    for task in asyncio.all_tasks():
        task.cancel()
    await asyncio.sleep(0.2)
    return SURVIVED


async def cancels_again(tag: str) -> str:
    """Cancel all other tasks repeatedly, for two seconds."""
    end = time.monotonic() + 2.0
    while time.monotonic() < end:
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task():
                task.cancel()
        await asyncio.sleep(0.05)
    return SURVIVED


async def shuts_executor(tag: str) -> str:
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, int)
    await loop.shutdown_default_executor()
    return SURVIVED


async def own_executor(tag: str) -> str:
    """Set a default executor with one busy thread."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(pool := ThreadPoolExecutor(1))
    pool.submit(time.sleep, 2.0)
    return SURVIVED


async def many_tasks(tag: str) -> str:
    await asyncio.gather(*(asyncio.sleep(0.5) for _ in range(100_000)))
    return SURVIVED


async def many_tasks_left(tag: str) -> str:
    loop = asyncio.get_running_loop()
    loop._left = [loop.create_task(asyncio.sleep(1.0)) for _ in range(100_000)]
    return SURVIVED


async def many_steps(tag: str) -> str:
    await asyncio.gather(*(quick_step(n) for n in range(2_000)))
    return SURVIVED


@step("Doing next to nothing")
async def quick_step(n: int) -> int:
    return n


async def many_reports(tag: str) -> str:
    for n in range(100_000):
        report(n, 100_000, f"Number {n}")
    await asyncio.sleep(0)
    return SURVIVED


async def odd_reports(tag: str) -> str:
    report(float("nan"), float("inf"), "\ud800\x00" + "x" * 1_000_000)
    await asyncio.sleep(0.5)
    return SURVIVED


async def task_factory(tag: str) -> str:
    def refuse(loop: object, coroutine: Any, **_: object) -> Any:
        coroutine.close()
        raise RuntimeError("no tasks")

    asyncio.get_running_loop().set_task_factory(refuse)
    return SURVIVED


async def removes_readers(tag: str) -> str:
    """Remove the loop's wake-up pipe from its selector, so that no other thread can wake it."""
    loop: Any = asyncio.get_running_loop()
    for attribute in ("_ssock", "_csock"):
        if hasattr(loop, attribute):
            with contextlib.suppress(Exception):
                loop.remove_reader(getattr(loop, attribute))
    return SURVIVED


async def signal_handlers(tag: str) -> str:
    with contextlib.suppress(Exception):
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
    return SURVIVED


async def nested_run(tag: str) -> str:
    asyncio.run(asyncio.sleep(0))
    return SURVIVED


async def eats_memory(tag: str) -> str:
    block = bytearray(200 << 20)
    await asyncio.sleep(0.2)
    return f"{SURVIVED} {len(block)}"


def loop_from_thread(tag: str) -> str:
    """Find every running loop from a thread and stop it."""
    for thing in gc.get_objects():
        if isinstance(thing, asyncio.AbstractEventLoop) and thing.is_running():
            with contextlib.suppress(Exception):
                thing.call_soon_threadsafe(thing.stop)
    return SURVIVED


def add_to(table: Table) -> None:
    ends = (COMPLETED, "error")
    table.both(
        "loop_stopped_by_thread",
        "finds every running loop and stops it, the host's too",
        loop_from_thread,
        *ends,
        "crashed",
        fatal=IN_PROCESS,
    )
    loops: list[tuple[str, str, Any]] = [
        ("loop_debug", "the loop's debug mode", debug),
        ("loop_stop", "loop.stop()", stops_loop),
        ("loop_close", "loop.close()", closes_loop),
        ("loop_stop_close", "loop.stop(), then loop.close()", stops_and_closes),
        ("loop_handler", "an exception handler of the loop that raises", handler_raises),
        ("cancel_all", "cancels every other task of its loop", cancels_all),
        ("cancel_everything", "cancels every task of its loop, its own too", cancels_everything),
        ("cancel_again", "cancels every task, again and again", cancels_again),
        ("executor_shut", "shuts the loop's default executor down", shuts_executor),
        ("executor_own", "a default executor with one busy thread", own_executor),
        ("task_factory", "a task factory that refuses", task_factory),
        ("selector", "takes the loop's own pipe from its selector", removes_readers),
        ("signal_handlers", "removes the loop's handler of SIGTERM", signal_handlers),
    ]
    for name, what, act in loops:
        table.coroutine(name, what, act, *ends, "crashed", alone=(ASYNC,))
    table.coroutine("tasks_100000", "100,000 tasks", many_tasks, *ends, alone=(ASYNC,), timeout=60.0)
    table.coroutine("tasks_left", "leaves 100,000 tasks", many_tasks_left, *ends, alone=(ASYNC,), timeout=60.0)
    table.coroutine("steps_2000", "2,000 steps at once", many_steps, *ends, alone=(ASYNC,), timeout=60.0)
    table.coroutine("reports_100000", "100,000 reports without a pause", many_reports, *ends)
    table.coroutine("odd_report", "reports NaN, a surrogate and a million characters", odd_reports, *ends)
    table.coroutine("nested_run", "asyncio.run within the loop", nested_run, *ends)
    table.coroutine("memory_200", "200 MiB for a moment", eats_memory, *ends)
