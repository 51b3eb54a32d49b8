"""When a worker is to be replaced by a fresh one, and how it leaves: without giving back what it works on."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from outlast.core.running.worker_options import WorkerOptions
from outlast.ports.clock import Clock


class Recycling:
    """Of one worker. `wake` is called in its event loop once it may leave."""

    def __init__(self, options: WorkerOptions, clock: Clock, wake: Callable[[], None]) -> None:
        self._options = options
        self._clock = clock
        self._wake = wake
        self._loop = asyncio.get_running_loop()
        self._began = clock.monotonic()
        self._wanted = False
        self._asked = False
        self.taken = 0
        """Sessions claimed so far."""
        self.abandoned = 0
        """Attempts whose code still runs here although they have ended."""
        self.agreed = False
        """There is a replacement: claim no more, and end with the last session."""

    def want(self) -> None:
        """Be replaced, for a reason of somebody else's."""
        self._wanted = True
        self._wake()

    def ask_when_due(self) -> None:
        """Ask for a replacement, once, when there is a reason to."""
        if self._due() and not self._asked:
            self._asked = True
            self._options.on_worn(self._agree)

    def _due(self) -> bool:
        options = self._options
        return (
            self._wanted
            or self.abandoned > 0
            or (options.max_sessions is not None and self.taken >= options.max_sessions)
            or (options.max_seconds is not None and self._clock.monotonic() - self._began >= options.max_seconds)
        )

    def _agree(self) -> None:
        """From any thread."""

        def agree() -> None:
            self.agreed = True
            self._wake()

        with suppress(RuntimeError):  # the loop has just closed
            self._loop.call_soon_threadsafe(agree)
