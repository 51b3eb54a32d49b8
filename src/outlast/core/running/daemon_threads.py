"""Runs plain `def` code in a daemon thread of its own, which cannot hold up the end of the process."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from outlast.core.running import context

STOP_GRACE = 5.0
"""Seconds that analysis code gets to end once it was asked to; after that it is abandoned, its writes refused."""
STOP_ASKS = 5
"""How often it is asked within that time."""


async def in_thread(work: Callable[[], Any]) -> Any:
    """The value of `work`; raises what it raises, and `CancelledError` once a stopped attempt has ended it."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def settle(value: Any, error: BaseException | None) -> None:
        if not done.done():
            if error is None:
                done.set_result(value)
            else:
                done.set_exception(error)

    def body() -> None:
        value: Any = None
        error: BaseException | None = None
        try:
            value = work()
        except context.AttemptStopped:
            error = asyncio.CancelledError()
        except StopIteration as stop:  # a future refuses it
            error = RuntimeError(f"The analysis raised {stop!r}.")
        except BaseException as raised:  # noqa: BLE001 - the attempt: whatever its code raised is its outcome
            error = raised
        with suppress(RuntimeError):  # the loop has been closed: nobody waits any more
            loop.call_soon_threadsafe(settle, value, error)

    done.add_done_callback(lambda f: None if f.cancelled() else f.exception())
    threading.Thread(target=body, name="analysis", daemon=True).start()
    for _ in range(STOP_ASKS):
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            if done.done():
                raise
            # its context has asked the thread to stop; what the thread raises ends this wait
    return await asyncio.shield(done)
