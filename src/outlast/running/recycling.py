"""Decides when a worker must be replaced: its limits on sessions, time and memory, and abandoned code."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from outlast.ports.clock import Clock

log = logging.getLogger(__name__)

MIB: Final = 1024 * 1024
FULL: Final = 1.1
"""Above this many times its memory limit a worker claims nothing, even before its replacement has started."""


@dataclass(frozen=True, slots=True)
class RecyclingLimits:
    """What a worker may use up before it is replaced; `None`: no limit."""

    sessions: int | None = None
    seconds: float | None = None
    memory: int | None = None
    """Resident bytes."""


NO_LIMITS: Final = RecyclingLimits()


class Recycling:
    """Decides when one worker must be replaced. Calls `wake` in its event loop when the worker has to check.

    `on_due` is called once, with what to call as soon as a replacement has started.
    """

    def __init__(
        self,
        worker_id: str,
        limits: RecyclingLimits,
        on_due: Callable[[Callable[[], None]], None],
        clock: Clock,
        wake: Callable[[], None],
    ) -> None:
        self._worker_id = worker_id
        self._limits = limits
        self._on_due = on_due
        self._clock = clock
        self._wake = wake
        self._loop = asyncio.get_running_loop()
        self._started = clock.monotonic()
        self._requested: str | None = None
        self._announced = False
        self._memory = 0
        self.claimed = 0
        """Number of sessions claimed so far."""
        self.abandoned = 0
        """Number of ended attempts whose code still runs in this process."""
        self.replaced = False
        """True once a replacement has started: claim no more, and end after the last session."""

    @property
    def measures_memory(self) -> bool:
        return self._limits.memory is not None

    @property
    def full(self) -> bool:
        """Whether it uses so much memory that it must claim nothing more."""
        return self._limits.memory is not None and self._memory > FULL * self._limits.memory

    def remaining_sessions(self) -> int | None:
        """Return how many more sessions the worker may claim; `None`: any number."""
        return None if self._limits.sessions is None else self._limits.sessions - self.claimed

    def request(self, why: str) -> None:
        """Request a replacement for a reason outside this worker: `why` completes "It is being replaced: "."""
        self._requested = self._requested or why
        self._wake()

    def note_memory(self, used: int) -> None:
        """Note how many bytes the worker uses now. Thread-safe."""
        self._memory = used
        if self._limits.memory is not None and used > self._limits.memory and not self._announced:
            self._call(self._wake)

    def request_when_due(self) -> None:
        """Call `on_due` once, as soon as there is a reason to."""
        if not self._announced and (why := self._reason()):
            self._announced = True
            log.info("Worker %s is being replaced: %s.", self._worker_id, why)
            self._on_due(self._on_replaced)

    def _reason(self) -> str | None:
        limits, memory = self._limits, self._memory
        if self._requested:
            return self._requested
        if self.abandoned:
            return "code that it has given up on still runs in it"
        if limits.sessions is not None and self.claimed >= limits.sessions:
            return f"it has taken {self.claimed} session(s), its limit"
        if limits.seconds is not None and self._clock.monotonic() - self._started >= limits.seconds:
            return f"it has run for {limits.seconds:g} s, its limit"
        if limits.memory is not None and memory > limits.memory:
            return f"it uses {memory // MIB} MiB of memory, more than its limit of {limits.memory // MIB} MiB"
        return None

    def _on_replaced(self) -> None:
        """Mark the worker as replaced. Thread-safe."""

        def mark_replaced() -> None:
            self.replaced = True
            self._wake()

        self._call(mark_replaced)

    def _call(self, function: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has just closed
            self._loop.call_soon_threadsafe(function)
