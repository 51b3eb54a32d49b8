"""A circuit breaker for the store: while the store does not respond, calls fail at once."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from outlast.core.store_outage import StoreOutage
from outlast.domain.errors import StoreUnavailable

T = TypeVar("T")

ANSWER_WITHIN = 5.0
"""Seconds that a call waits while the store responds to no call at all."""
BUSY_FACTOR = 3
"""A call waits up to this many times longer while other calls get responses."""
PROBE_ANSWERS_WITHIN = 1.0
"""Timeout in seconds of a probe beside a slow call."""
PROBE_EVERY = 0.5
"""Seconds between probes of an unresponsive store."""
SILENT: Final = "The store does not answer."
REQUESTS: Final = "A request"
"""What waits for the store, for the log."""


class CircuitBreaker:
    """Closed while the store responds, even with an error; open after the first call without a response.

    `probe` is a cheap call that writes. It is repeated while the breaker is open; its first response closes it.
    """

    def __init__(
        self,
        probe: Callable[[], Awaitable[object]],
        outage: StoreOutage | None = None,
        *,
        answer_within: float = ANSWER_WITHIN,
    ) -> None:
        self.answer_within = answer_within
        self._outage = outage or StoreOutage()
        self._probe = probe
        self._answered_at = float("-inf")
        self._probing: asyncio.Task[None] | None = None

    @property
    def open(self) -> bool:
        """Whether calls are refused."""
        probing = self._probing
        return probing is not None and not probing.done() and not probing.get_loop().is_closed()

    async def call(
        self,
        work: Callable[[], Coroutine[Any, Any, T]],
        *,
        progressed_at: Callable[[], float] | None = None,
        slow: bool = False,
    ) -> T:
        """Return the value of `work` or raise its error; raises `StoreUnavailable` without a response in time.

        A call that timed out is cancelled but not awaited, since a dead connection may take long to close.
        `progressed_at` returns the loop time of the last progress of a long call, which restarts its timeout.
        `slow` work has no timeout while a probe beside it gets a response.
        """
        self._refuse_while_open()
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        task = loop.create_task(work())
        try:
            remaining = self.answer_within
            while remaining > 0:
                await asyncio.wait((task,), timeout=remaining)
                if task.done():
                    self._answered_at = loop.time()
                    return task.result()
                remaining = self._deadline(started_at if progressed_at is None else progressed_at()) - loop.time()
            if slow and await self._probe_answers(PROBE_ANSWERS_WITHIN):
                return await task
        except asyncio.CancelledError:
            _cancel(task)
            raise
        _cancel(task)
        raise self._timed_out()

    async def call_prompt(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Like `call`, for work that ends as soon as it is cancelled and so needs no task of its own."""
        self._refuse_while_open()
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        limit = asyncio.timeout(None)

        def check() -> None:
            nonlocal timer
            deadline = self._deadline(started_at)
            if deadline > loop.time():
                timer = loop.call_at(deadline, check)
            else:
                limit.reschedule(loop.time())

        timer = loop.call_at(started_at + self.answer_within, check)
        try:
            async with limit:
                value = await work()
        except Exception:
            if limit.expired():
                raise self._timed_out() from None
            self._answered_at = loop.time()
            raise
        finally:
            timer.cancel()
        self._answered_at = loop.time()
        return value

    def _refuse_while_open(self) -> None:
        if self.open:
            refused = StoreUnavailable(SILENT)
            self._outage.failed(REQUESTS, refused)
            raise refused

    def _timed_out(self) -> StoreUnavailable:
        """Return the error of a call that timed out; open the breaker unless other calls get responses."""
        if self._answered_at + self.answer_within <= asyncio.get_running_loop().time():
            self._open()
        return StoreUnavailable(SILENT)

    def _deadline(self, since: float) -> float:
        last_answer = max(since, self._answered_at)
        return min(last_answer + self.answer_within, since + BUSY_FACTOR * self.answer_within)

    def close(self) -> None:
        """Stop probing."""
        if self._probing is not None:
            self._probing.cancel()

    def _open(self) -> None:
        if self.open:
            return
        self._outage.failed(REQUESTS, StoreUnavailable(SILENT))
        self._probing = asyncio.get_running_loop().create_task(self._probe_until_answered())

    async def _probe_until_answered(self) -> None:
        while not await self._probe_answers(self.answer_within):  # noqa: ASYNC110 - the store has to be polled
            await asyncio.sleep(PROBE_EVERY)
        self._outage.answered(REQUESTS)

    async def _probe_answers(self, within: float) -> bool:
        """Return whether a probe gets a response in time; an error is a response too."""
        task = asyncio.ensure_future(self._probe())
        try:
            await asyncio.wait((task,), timeout=within)
        finally:
            _cancel(task)
        return task.done()


def _cancel(task: "asyncio.Future[Any]") -> None:
    """Cancel the task without waiting, and retrieve its exception."""
    if not task.done():
        task.cancel()
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
