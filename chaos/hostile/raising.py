"""Every kind of `BaseException` and control-flow exception, raised in every place."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hostile.row import ASYNC, COMPLETED, DEF, PROCESS, Table
from outlast import step


class OddError(BaseException):
    """Derived from `BaseException` alone."""


WHAT: dict[str, tuple[str, Callable[[], BaseException]]] = {
    "exit0": ("sys.exit(0)", lambda: SystemExit(0)),
    "exit3": ("sys.exit(3)", lambda: SystemExit(3)),
    "exit_text": ('sys.exit("text")', lambda: SystemExit("The licence has expired.")),
    "interrupt": ("KeyboardInterrupt", KeyboardInterrupt),
    "generator_exit": ("GeneratorExit", GeneratorExit),
    "cancelled": ("CancelledError", asyncio.CancelledError),
    "base": ("a custom BaseException", lambda: OddError("odd")),
    "stop_iteration": ("StopIteration", lambda: StopIteration(1)),
    "stop_async": ("StopAsyncIteration", StopAsyncIteration),
}

Make = Callable[[], BaseException]


@step("Raising")
async def raising_step(name: str) -> None:
    raise WHAT[name][1]()


@step("Raising in a thread")
def raising_step_blocking(name: str) -> None:
    raise WHAT[name][1]()


async def in_analysis(name: str) -> str:
    raise WHAT[name][1]()


async def in_step(name: str) -> str:
    await raising_step(name)
    return "survived"


async def _child(name: str) -> None:
    await asyncio.sleep(0.05)
    raise WHAT[name][1]()


async def in_gather(name: str) -> str:
    await asyncio.gather(asyncio.sleep(0.3), _child(name))
    return "survived"


async def in_group(name: str) -> str:
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(0.3))
        group.create_task(_child(name))
    return "survived"


async def in_unawaited(name: str) -> str:
    task = asyncio.create_task(_child(name))
    await asyncio.sleep(0.4)
    return f"survived {task.done()}"


async def in_left_behind(name: str) -> str:
    """Leave a task that raises after the session has ended."""
    asyncio.get_running_loop()._left = asyncio.create_task(_later(name))
    return "survived"


async def _later(name: str) -> None:
    await asyncio.sleep(0.5)
    raise WHAT[name][1]()


async def in_callback(name: str) -> str:
    def call() -> None:
        raise WHAT[name][1]()

    asyncio.get_running_loop().call_soon(call)
    await asyncio.sleep(0.2)
    return "survived"


async def in_thread(name: str) -> str:
    def call() -> None:
        raise WHAT[name][1]()

    threading.Thread(target=call, daemon=True).start()
    await asyncio.sleep(0.2)
    return "survived"


async def in_to_thread(name: str) -> str:
    def call() -> None:
        raise WHAT[name][1]()

    await asyncio.to_thread(call)
    return "survived"


class _Dying:
    def __init__(self, name: str) -> None:
        self.name = name

    def __del__(self) -> None:
        raise WHAT[self.name][1]()


async def in_del(name: str) -> str:
    _Dying(name)
    gc.collect()
    await asyncio.sleep(0.1)
    return "survived"


async def _ticking(name: str) -> AsyncIterator[int]:
    try:
        while True:
            yield 1
            await asyncio.sleep(0.01)
    finally:
        raise WHAT[name][1]()


async def in_generator(name: str) -> str:
    generator = _ticking(name)
    await anext(generator)
    await generator.aclose()
    return "survived"


async def in_left_generator(name: str) -> str:
    async for _ in _ticking(name):
        break
    gc.collect()
    await asyncio.sleep(0.2)
    return "survived"


def blocking_analysis(name: str) -> str:
    raise WHAT[name][1]()


def blocking_step(name: str) -> str:
    raising_step_blocking(name)
    return "survived"


def blocking_pool(name: str) -> str:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(blocking_analysis, name).result()
    return "survived"


def blocking_thread(name: str) -> str:
    thread = threading.Thread(target=blocking_analysis, args=(name,), daemon=True)
    thread.start()
    thread.join()
    return "survived"


def blocking_del(name: str) -> str:
    _Dying(name)
    gc.collect()
    return "survived"


def blocking_timer(name: str) -> str:
    threading.Timer(0.3, blocking_analysis, args=(name,)).start()
    return "survived"


def _counting(name: str) -> Iterator[int]:
    try:
        yield from range(10)
    finally:
        raise WHAT[name][1]()


def blocking_generator(name: str) -> str:
    generator = _counting(name)
    next(generator)
    generator.close()
    return "survived"


def blocking_run(name: str) -> str:
    asyncio.run(in_gather(name))
    return "survived"


Where = Callable[[str], Awaitable[Any]] | Callable[[str], Any]
RAISED = ("error", "crashed")
"""`crashed`: its process exited without a result, as the log reports."""
EITHER = ("error", "crashed", COMPLETED)
"""Raised outside the analysis itself, which may complete or fail."""
WHERE: dict[str, tuple[str, dict[str, Where], tuple[str, ...]]] = {
    "analysis": ("in the analysis", {ASYNC: in_analysis, DEF: blocking_analysis}, RAISED),
    "step": ("in a step", {ASYNC: in_step, DEF: blocking_step}, RAISED),
    "gather": ("in a child task under gather", {ASYNC: in_gather}, RAISED),
    "group": ("in a child task of a TaskGroup", {ASYNC: in_group}, EITHER),
    "unawaited": ("in a task that nobody awaits", {ASYNC: in_unawaited}, EITHER),
    "left_behind": ("in a task that outlives its session", {ASYNC: in_left_behind}, EITHER),
    "callback": ("in a loop.call_soon callback", {ASYNC: in_callback}, EITHER),
    "thread": ("in a thread", {ASYNC: in_thread, DEF: blocking_thread}, EITHER),
    "timer": ("in a threading.Timer", {DEF: blocking_timer}, EITHER),
    "to_thread": ("in asyncio.to_thread", {ASYNC: in_to_thread}, RAISED),
    "pool": ("in a ThreadPoolExecutor", {DEF: blocking_pool}, RAISED),
    "run": ("in a task under asyncio.run in a thread", {DEF: blocking_run}, RAISED),
    "del": ("in __del__", {ASYNC: in_del, DEF: blocking_del}, EITHER),
    "generator": (
        "in the finally of a generator that is closed",
        {ASYNC: in_generator, DEF: blocking_generator},
        EITHER,
    ),
    "left_generator": ("in the finally of an async generator that is left", {ASYNC: in_left_generator}, EITHER),
}


def _bound(work: Where, name: str) -> Callable[[str], Any]:
    if asyncio.iscoroutinefunction(work):

        async def hostile(tag: str) -> str:
            return await work(name)
    else:

        def hostile(tag: str) -> str:
            return work(name)

    return hostile


def add_to(table: Table) -> None:
    for place, (where, works, ends) in WHERE.items():
        for name, (what, _) in WHAT.items():
            # a future rejects StopIteration, so asyncio never wakes the task that awaits such a thread
            stuck = (place, name) == ("to_thread", "stop_iteration")
            code = {kind: _bound(work, name) for kind, work in works.items()}
            code[PROCESS] = code.get(ASYNC) or code[DEF]
            table._add(
                f"{place}_{name}",
                f"{what} {where}",
                code,
                ("error", "crashed", "timeout") if stuck else ends,
                {"timeout": 3.0} if stuck else {},
            )
