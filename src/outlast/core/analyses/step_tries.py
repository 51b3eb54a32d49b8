"""The tries of one call of a step within an attempt: its `retries=` and `timeout=`."""

import asyncio
import heapq
import logging
import math
import random
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from outlast.core.analyses.branch import Branch, TryOverdue, branching_off
from outlast.core.analyses.call_keys import NumberedCall
from outlast.core.analyses.declarations import is_number, is_whole
from outlast.core.analyses.payload import NotJson
from outlast.domain.backoff import backoff
from outlast.domain.decisive_error import decisive
from outlast.domain.errors import ClaimLost, Permanent, RetryAfter, StepTimeout, TooLarge
from outlast.domain.session import KeptStep

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TryOptions:
    """How often an attempt tries a call of the step `step`, and for how long."""

    step: str
    retries: int = 0
    timeout: float | None = None
    """Seconds per try."""

    def __post_init__(self) -> None:
        if not is_whole(self.retries) or self.retries < 0:
            raise ValueError(
                f"retries of the step {self.step!r} is a whole number from 0 on: how often a call that fails is "
                f"tried again. It is {self.retries!r}."
            )
        if self.timeout is not None and not (is_number(self.timeout) and self.timeout > 0):
            raise ValueError(
                f"timeout of the step {self.step!r} is a number of seconds above 0 for each try, or None for no "
                f"limit of its own. It is {self.timeout!r}."
            )

    def __bool__(self) -> bool:
        return self.retries > 0 or self.timeout is not None


class TryRunner(Protocol):
    """The part of an attempt that the tries of a call use."""

    rng: random.Random

    @property
    def seconds_left(self) -> float:
        """Seconds until the attempt's own deadline."""
        ...

    def start_timer(self, seconds: float, action: Callable[[], None]) -> Callable[[], None]:
        """Call `action` on the attempt's event loop after `seconds`; return a function that cancels it."""
        ...

    async def pause(self, seconds: float) -> None:
        """Wait, unless the calling code has to stop."""
        ...

    def pause_blocking(self, seconds: float) -> None: ...

    def check(self) -> None:
        """Raise if the calling code has to stop."""
        ...


class Tries:
    """The tries of one call. `note` shows the visitor a sentence, and `None` removes it.

    Calls of other steps within a try get the same numbers in the next try, which therefore finds their results.
    """

    def __init__(
        self, options: TryOptions, runner: TryRunner, note: Callable[[str | None], None], outer: "Tries | None"
    ) -> None:
        self._options = options
        self._runner = runner
        self._note = note
        self._outer = outer
        self._failed = 0
        self._lock = threading.Lock()
        self._calls: set[NumberedCall] = set()
        """Calls within this try."""
        self._numbers: dict[str, list[int]] = {}
        """Numbers of calls within earlier tries, to use again, lowest first."""
        self._kept: dict[str, KeptStep] = {}

    async def run(self, work: Callable[[], Awaitable[Any]]) -> Any:
        while True:
            with branching_off() as branch:
                try:
                    return await self._within_timeout(branch, work)
                except Exception as error:
                    delay = self._delay_after(error, branch)
                    if delay is None:
                        raise
            await self._runner.pause(delay)
            self._note(None)

    def run_blocking(self, work: Callable[[], Any]) -> Any:
        while True:
            with branching_off() as branch, self._timer(branch):
                try:
                    try:
                        value = work()
                        self._runner.check()
                        return value
                    except TryOverdue as overdue:
                        if overdue.branch is not branch:
                            raise
                        raise self._timed_out() from None
                except Exception as error:
                    delay = self._delay_after(error, branch)
                    if delay is None:
                        raise
            self._runner.pause_blocking(delay)
            self._note(None)

    def reused(self, counted: str) -> int | None:
        """Return the number that a call with the same key had in an earlier try, if any."""
        with self._lock:
            numbers = self._numbers.get(counted)
            if numbers:
                return heapq.heappop(numbers)
        return None if self._outer is None else self._outer.reused(counted)

    def number(self, call: NumberedCall) -> None:
        """Remember the number of a call within this try."""
        with self._lock:
            self._calls.add(call)
        if self._outer is not None:
            self._outer.number(call)

    def keep(self, kept: KeptStep) -> None:
        """Remember the result of a call within this try for the next one."""
        self._kept[kept.call] = kept
        if self._outer is not None:
            self._outer.keep(kept)

    def kept(self, call: str) -> KeptStep | None:
        return self._kept.get(call) or (self._outer.kept(call) if self._outer is not None else None)

    async def _within_timeout(self, branch: Branch, work: Callable[[], Awaitable[Any]]) -> Any:
        if self._options.timeout is None:
            return await work()
        loop = asyncio.get_running_loop()
        working = True

        def pass_limit() -> None:
            if working:
                limit.reschedule(loop.time())

        def on_stop() -> None:
            if branch.overdue:
                loop.call_soon_threadsafe(pass_limit)

        try:
            async with asyncio.timeout(None) as limit:
                try:
                    with branch.on_stop(on_stop), self._timer(branch):
                        value = await work()
                finally:
                    working = False
        except Exception as error:
            if branch.overdue:  # even if the code turned its cancellation into another error
                raise self._timed_out() from error
            raise
        if branch.overdue:
            raise self._timed_out()
        return value

    @contextmanager
    def _timer(self, branch: Branch) -> Generator[None]:
        if self._options.timeout is None:
            yield
            return
        cancel = self._runner.start_timer(self._options.timeout, branch.expire)
        try:
            yield
        finally:
            cancel()

    def _delay_after(self, error: Exception, branch: Branch) -> float | None:
        """End a try that failed; return the seconds until the next one, or `None` if there is none."""
        branch.stop()
        self._failed += 1
        cause = decisive(error)
        tries = self._options.retries + 1
        if self._failed >= tries or isinstance(cause, (ClaimLost, Permanent, TooLarge, NotJson)):
            return None
        delay = backoff(self._failed, self._runner.rng)
        if isinstance(cause, RetryAfter):
            delay = max(delay, cause.seconds)
        if (
            delay >= self._runner.seconds_left
        ):  # the attempt would end first: the session waits without a worker instead
            return None
        log.warning(
            "The step %r failed (try %d of %d) and is tried again in %.1f s.",
            self._options.step,
            self._failed,
            tries,
            delay,
            exc_info=error,
        )
        self._note(f"It failed and is tried again in {math.ceil(delay)} s (try {self._failed + 1} of {tries}).")
        with self._lock:
            for call in self._calls:
                heapq.heappush(self._numbers.setdefault(call.counted, []), call.number)
            self._calls.clear()
        return delay

    def _timed_out(self) -> StepTimeout:
        return StepTimeout(
            f"The step {self._options.step!r} took longer than the {self._options.timeout:g} s that it may take."
        )
