"""A fake clock, which only moves when a test moves it."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Sleeper:
    """A coroutine that waits for a time, or for a number of sleepers."""

    until: float
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[None]"

    def wake(self) -> None:
        self.loop.call_soon_threadsafe(_resolve, self.future)


def _resolve(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


class FakeClock:
    """A `Clock` whose wall and monotonic time only move when a test moves them, together or separately.

    Safe from any thread.
    """

    def __init__(self, now: datetime = NOON, monotonic: float = 1_000.0, boot_id: str = "boot-1") -> None:
        self._lock = Lock()
        self._now = now
        self._monotonic = monotonic
        self._boot_id = boot_id
        self._sleepers: list[_Sleeper] = []
        self._watchers: list[_Sleeper] = []

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def monotonic(self) -> float:
        with self._lock:
            return self._monotonic

    def boot_id(self) -> str:
        with self._lock:
            return self._boot_id

    async def sleep(self, seconds: float) -> None:
        """Return once the monotonic clock has advanced by this much, whatever the wall clock does."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        with self._lock:
            sleeper = _Sleeper(self._monotonic + seconds, loop, loop.create_future())
            self._sleepers.append(sleeper)
            self._notify_watchers()
        try:
            await sleeper.future
        finally:
            with self._lock:
                if sleeper in self._sleepers:
                    self._sleepers.remove(sleeper)

    async def asleep(self, count: int = 1) -> None:
        """Return once `count` coroutines sleep, so that the code under test is idle."""
        loop = asyncio.get_running_loop()
        with self._lock:
            watcher = _Sleeper(count, loop, loop.create_future())
            self._watchers.append(watcher)
            self._notify_watchers()
        try:
            await watcher.future
        finally:
            with self._lock:
                if watcher in self._watchers:
                    self._watchers.remove(watcher)

    def advance(self, seconds: float) -> None:
        """Advance both clocks, and wake the sleepers whose time has come."""
        self.jump_wall(seconds)
        self.jump_monotonic(seconds)

    def jump_wall(self, seconds: float) -> None:
        """Move only the wall clock, forward or back, as an operator or a time server does."""
        with self._lock:
            self._now += timedelta(seconds=seconds)

    def jump_monotonic(self, seconds: float) -> None:
        """Move only the monotonic clock, as after a suspend of a machine whose wall clock lags."""
        if seconds < 0:
            raise ValueError("A monotonic clock does not go back; use reboot().")
        with self._lock:
            self._monotonic += seconds
            due = [s for s in self._sleepers if s.until <= self._monotonic]
            self._sleepers = [s for s in self._sleepers if s.until > self._monotonic]
        for sleeper in due:
            sleeper.wake()

    def reboot(self, boot_id: str = "boot-2", monotonic: float = 1.0) -> None:
        """Simulate a reboot: the monotonic clock restarts."""
        with self._lock:
            self._boot_id = boot_id
            self._monotonic = monotonic

    def _notify_watchers(self) -> None:
        reached = [w for w in self._watchers if w.until <= len(self._sleepers)]
        self._watchers = [w for w in self._watchers if w.until > len(self._sleepers)]
        for watcher in reached:
            watcher.wake()
