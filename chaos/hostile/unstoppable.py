"""Code that ignores stop requests: swallowed cancellations, endless loops, hanging threads."""

import asyncio
import subprocess
import threading
import time

from hostile.row import ASYNC, DEF, PROCESS, Table, note
from outlast import report, step

FOR_EVER = 3_600.0


async def swallow(tag: str) -> None:
    while True:
        try:  # noqa: SIM105 - as people write it
            await asyncio.sleep(1)
        except BaseException:  # noqa: BLE001 - the row under test
            pass


async def swallow_in_finally(tag: str) -> None:
    try:
        await asyncio.sleep(FOR_EVER)
    finally:
        await swallow(tag)


async def swallow_in_child(tag: str) -> None:
    await asyncio.gather(swallow(tag), swallow(tag))


async def swallow_in_group(tag: str) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(swallow(tag))


async def swallow_shielded(tag: str) -> None:
    while True:
        try:
            await asyncio.shield(asyncio.sleep(FOR_EVER))
        except asyncio.CancelledError:
            continue


@step("Clinging")
async def clinging(tag: str) -> None:
    await swallow(tag)


async def swallow_in_step(tag: str) -> None:
    await clinging(tag)


async def swallow_reports(tag: str) -> None:
    while True:
        try:
            report(message="still here")
            await asyncio.sleep(0.2)
        except BaseException:  # noqa: BLE001 - the row under test
            await asyncio.sleep(0)


async def swallow_and_return(tag: str) -> str:
    try:
        await asyncio.sleep(FOR_EVER)
    except asyncio.CancelledError:
        return "too late"
    return "never"


async def raise_when_cancelled(tag: str) -> None:
    try:
        await asyncio.sleep(FOR_EVER)
    finally:
        raise SystemExit(3)


async def slow_cleanup(tag: str) -> None:
    try:
        await asyncio.sleep(FOR_EVER)
    finally:
        await asyncio.sleep(30)


async def uncancel(tag: str) -> None:
    task = asyncio.current_task()
    while True:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            while task and task.cancelling():
                task.uncancel()


async def busy(tag: str) -> None:
    while True:
        pass


async def busy_swallowing(tag: str) -> None:
    while True:
        try:
            while True:
                pass
        except BaseException:  # noqa: BLE001 - the row under test
            pass


async def spinning(tag: str) -> None:
    """Loop without waiting, but yield to other tasks."""
    while True:
        try:  # noqa: SIM105 - as people write it
            await asyncio.sleep(0)
        except BaseException:  # noqa: BLE001 - the row under test
            pass


async def sleeps_blocking(tag: str) -> None:
    time.sleep(FOR_EVER)  # noqa: ASYNC251 - the row under test


async def hanging_to_thread(tag: str) -> None:
    await asyncio.to_thread(time.sleep, FOR_EVER)


async def left_task(tag: str) -> str:
    """Complete at once and leave a task that swallows every cancellation."""
    asyncio.get_running_loop()._left = asyncio.create_task(swallow(tag))
    return "done"


async def waits_for_a_lock(tag: str) -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def hang(tag: str) -> None:
    time.sleep(FOR_EVER)


def hang_on_lock(tag: str) -> None:
    threading.Event().wait()


def hang_busily(tag: str) -> None:
    while True:
        pass


def swallow_blocking(tag: str) -> None:
    while True:
        try:
            time.sleep(0.1)
            report(message="still here")
        except BaseException:  # noqa: BLE001 - the row under test
            pass


def hang_in_own_loop(tag: str) -> None:
    asyncio.run(swallow(tag))


def hang_in_plain_thread(tag: str) -> None:
    """Join a non-daemon thread that hangs; such a thread delays the interpreter's exit."""
    thread = threading.Thread(target=hang, args=(tag,))
    thread.start()
    thread.join()


def left_thread(tag: str) -> str:
    threading.Thread(target=hang, args=(tag,)).start()
    return "done"


def subprocess_run(tag: str) -> None:
    note("child", tag)
    subprocess.run(["sleep", "300"], check=True)


async def subprocess_exec(tag: str) -> None:
    note("child", tag)
    child = await asyncio.create_subprocess_exec("sleep", "300")
    await child.wait()


async def subprocess_shell(tag: str) -> None:
    note("child", tag)
    child = await asyncio.create_subprocess_shell("sleep 300 & sleep 301")
    await child.wait()


def add_to(table: Table) -> None:
    def clings(name: str, what: str, act, *ends: str, **about) -> None:
        table.coroutine(name, what, act, *(ends or ("timeout",)), hangs=(ASYNC, PROCESS), **about)

    def hangs(name: str, what: str, act, *ends: str, **about) -> None:
        table.blocking(name, what, act, *(ends or ("timeout",)), hangs=(DEF, PROCESS), **about)

    clings("swallow", "swallows every cancellation", swallow)
    clings("swallow_finally", "swallows every cancellation, in a finally", swallow_in_finally)
    clings("swallow_child", "swallows every cancellation, in tasks under gather", swallow_in_child)
    clings("swallow_group", "swallows every cancellation, in a TaskGroup", swallow_in_group)
    clings("swallow_shielded", "shields its sleep and swallows every cancellation", swallow_shielded)
    clings("swallow_step", "swallows every cancellation, in a step", swallow_in_step)
    clings("swallow_reports", "reports on after it was told to stop", swallow_reports)
    clings("uncancel", "uncancels its own task", uncancel)
    clings("slow_cleanup", "cleans up for 30 s when cancelled", slow_cleanup)
    clings("spinning", "never waits, swallows every cancellation", spinning)
    table.coroutine(
        "cancelled_return", "returns a result when it is cancelled", swallow_and_return, "timeout", hangs=(ASYNC,)
    )
    table.coroutine(
        "cancelled_exit", "calls sys.exit when it is cancelled", raise_when_cancelled, "timeout", hangs=(ASYNC,)
    )
    clings("busy", "while True: pass on the event loop", busy, fatal=(ASYNC,))
    clings("busy_swallow", "while True: pass that swallows every exception", busy_swallowing, fatal=(ASYNC,))
    clings("sleep_on_loop", "time.sleep for an hour on the event loop", sleeps_blocking, fatal=(ASYNC,))
    clings("lock_on_loop", "waits for a lock on the event loop", waits_for_a_lock, fatal=(ASYNC,))
    clings("to_thread_hang", "awaits asyncio.to_thread(time.sleep, 3600)", hanging_to_thread)
    clings("left_task", "leaves a task that swallows every cancellation", left_task, "completed")
    hangs("hang", "time.sleep for an hour in a def", hang)
    hangs("hang_event", "waits for an event that never comes", hang_on_lock)
    hangs("hang_busy", "while True: pass in a def", hang_busily)
    hangs("hang_swallow", "swallows what its reports raise", swallow_blocking)
    hangs("hang_own_loop", "asyncio.run of a loop that swallows every cancellation", hang_in_own_loop)
    hangs("hang_plain_thread", "joins a thread, not a daemon, that hangs", hang_in_plain_thread)
    hangs("left_thread", "leaves a thread, not a daemon, that hangs", left_thread, "completed")
    hangs("subprocess_run", 'subprocess.run(["sleep", "300"])', subprocess_run, children=True)
    table.coroutine(
        "subprocess_exec",
        "awaits a child process, sleep 300",
        subprocess_exec,
        "timeout",
        hangs=(ASYNC, PROCESS),
        children=True,
    )
    table.coroutine(
        "subprocess_shell",
        "a shell with a job in the background",
        subprocess_shell,
        "timeout",
        hangs=(ASYNC, PROCESS),
        children=True,
    )
