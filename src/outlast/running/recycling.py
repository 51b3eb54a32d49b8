"""When a worker must be replaced by a fresh one; it finishes its running sessions first."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from outlast.ports.clock import Clock
from outlast.running.worker_options import WorkerOptions


class Recycling:
    """Decides when one worker must be replaced. Calls `wake` in its event loop when the worker has to check."""

    def __init__(self, options: WorkerOptions, clock: Clock, wake: Callable[[], None]) -> None:
        self._options = options
        self._clock = clock
        self._wake = wake
        self._loop = asyncio.get_running_loop()
        self._started = clock.monotonic()
        self._requested = False
        self._announced = False
        self.claimed = 0
        """Number of sessions claimed so far."""
        self.abandoned = 0
        """Number of ended attempts whose code still runs in this process."""
        self.replaced = False
        """True once a replacement has started: claim no more, and end after the last session."""

    def request(self) -> None:
        """Request a replacement for a reason outside this worker."""
        self._requested = True
        self._wake()

    def request_when_due(self) -> None:
        """Call `on_replacement_due` once, as soon as there is a reason to."""
        if self._due() and not self._announced:
            self._announced = True
            self._options.on_replacement_due(self._on_replaced)

    def _due(self) -> bool:
        options = self._options
        return (
            self._requested
            or self.abandoned > 0
            or (options.max_sessions is not None and self.claimed >= options.max_sessions)
            or (options.max_seconds is not None and self._clock.monotonic() - self._started >= options.max_seconds)
        )

    def _on_replaced(self) -> None:
        """Mark the worker as replaced. Thread-safe."""

        def mark_replaced() -> None:
            self.replaced = True
            self._wake()

        with suppress(RuntimeError):  # the loop has just closed
            self._loop.call_soon_threadsafe(mark_replaced)
