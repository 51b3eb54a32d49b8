"""A circuit breaker for the store: when it is silent, callers are refused at once until it answers again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from outlast.domain.errors import StoreUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

ANSWER_WITHIN = 5.0
"""Seconds that a caller waits for a store that says nothing to anybody."""
BUSY_FACTOR = 3
"""So many times as long one waits while others are answered."""
PROBE_ANSWERS_WITHIN = 1.0
"""Seconds that a probe waits beside a call that is known to take long."""
PROBE_EVERY = 0.5
"""Seconds between the probes of a silent store."""
SILENT: Final = "The store does not answer."


class CircuitBreaker:
    """Closed as long as the store answers, be it with an error; open from the first call that got no answer.

    `probe` is a cheap call that writes. It is repeated while the breaker is open, and its first answer closes it.
    """

    def __init__(self, probe: Callable[[], Awaitable[object]], *, answer_within: float = ANSWER_WITHIN) -> None:
        self.answer_within = answer_within
        self._probe = probe
        self._answered_at = float("-inf")
        self._probing: asyncio.Task[None] | None = None
        self._refused = 0

    @property
    def open(self) -> bool:
        """Whether callers are refused now."""
        probing = self._probing
        return probing is not None and not probing.done() and not probing.get_loop().is_closed()

    async def ask(
        self,
        work: Callable[[], Coroutine[Any, Any, T]],
        *,
        moved_at: Callable[[], float] | None = None,
        slow: bool = False,
    ) -> T:
        """The value of `work`. Raises what it raises, and `StoreUnavailable` when it has no answer in time.

        What was given up is cancelled, but nobody waits for its end: a connection that says nothing may take long.
        `moved_at` tells, by the loop's clock, when a long work last got ahead: its time begins anew then. `slow`
        work may take as long as it likes while a probe beside it is answered.
        """
        self._refuse_while_open()
        loop = asyncio.get_running_loop()
        began = loop.time()
        task = loop.create_task(work())
        try:
            left = self.answer_within
            while left > 0:
                await asyncio.wait((task,), timeout=left)
                if task.done():
                    self._answered_at = loop.time()
                    return task.result()
                left = self._until(began if moved_at is None else moved_at()) - loop.time()
            if slow and await self._answers(PROBE_ANSWERS_WITHIN):
                return await task
        except asyncio.CancelledError:
            _give_up(task)
            raise
        _give_up(task)
        raise self._silent()

    async def ask_prompt(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """As `ask`, for work that ends as soon as it is cancelled: it needs no task of its own."""
        self._refuse_while_open()
        loop = asyncio.get_running_loop()
        began = loop.time()
        limit = asyncio.timeout(None)

        def look() -> None:
            nonlocal timer
            until = self._until(began)
            if until > loop.time():
                timer = loop.call_at(until, look)
            else:
                limit.reschedule(loop.time())

        timer = loop.call_at(began + self.answer_within, look)
        try:
            async with limit:
                value = await work()
        except Exception:
            if limit.expired():
                raise self._silent() from None
            self._answered_at = loop.time()
            raise
        finally:
            timer.cancel()
        self._answered_at = loop.time()
        return value

    def _refuse_while_open(self) -> None:
        if self.open:
            self._refused += 1
            raise StoreUnavailable(SILENT)

    def _silent(self) -> StoreUnavailable:
        """What a caller is told whose time is over; opens the breaker unless others are answered."""
        if self._answered_at + self.answer_within <= asyncio.get_running_loop().time():
            self._open()
        return StoreUnavailable(SILENT)

    def _until(self, since: float) -> float:
        heard = max(since, self._answered_at)
        return min(heard + self.answer_within, since + BUSY_FACTOR * self.answer_within)

    def close(self) -> None:
        """Stop probing."""
        if self._probing is not None:
            self._probing.cancel()

    def _open(self) -> None:
        if self.open:
            return
        log.warning(
            "The store has not answered for %g s; who needs it is refused until it does.", self.answer_within
        )
        self._refused = 0
        self._probing = asyncio.get_running_loop().create_task(self._probe_until_answered())

    async def _probe_until_answered(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not await self._answers(self.answer_within):  # noqa: ASYNC110 - a silent store rings no bell
            await asyncio.sleep(PROBE_EVERY)
        log.warning(
            "The store answers again, after %.1f s; %d calls were refused meanwhile.",
            loop.time() - began + self.answer_within,
            self._refused,
        )

    async def _answers(self, within: float) -> bool:
        """Whether a probe is answered by then. An error is an answer too: whoever calls gets it at once."""
        task = asyncio.ensure_future(self._probe())
        try:
            await asyncio.wait((task,), timeout=within)
        finally:
            _give_up(task)
        return task.done()


def _give_up(task: "asyncio.Future[Any]") -> None:
    """Cancel it without waiting, and let its error end here."""
    if not task.done():
        task.cancel()
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
