"""Runs plain `def` code in a daemon thread, which cannot delay the exit of the process."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from outlast.core.analyses import context

STOP_GRACE = 5.0
"""Seconds that analysis code gets to end after a stop request; then it is abandoned and its writes are refused."""
STOP_REQUESTS = 5
"""Number of stop requests within that time."""


async def in_thread(work: Callable[[], Any]) -> Any:
    """Return the value of `work`, or raise what it raises: `CancelledError` if its attempt was stopped."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def resolve(value: Any, error: BaseException | None) -> None:
        if not done.done():
            if error is None:
                done.set_result(value)
            else:
                done.set_exception(error)

    def target() -> None:
        value: Any = None
        error: BaseException | None = None
        try:
            value = work()
        except context.AttemptStopped:
            error = asyncio.CancelledError()
        except StopIteration as stop:  # a future rejects `StopIteration`
            error = RuntimeError(f"The analysis raised {stop!r}.")
        except BaseException as raised:  # noqa: BLE001 - the attempt: whatever its code raised is its outcome
            error = raised
        with suppress(RuntimeError):  # the loop is closed, so nobody awaits the result
            loop.call_soon_threadsafe(resolve, value, error)

    done.add_done_callback(lambda f: None if f.cancelled() else f.exception())
    threading.Thread(target=target, name="analysis", daemon=True).start()
    for _ in range(STOP_REQUESTS):
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            if done.done():
                raise
            # the context makes the thread raise at its next call; that error ends this wait
    return await asyncio.shield(done)
