"""The machine's clocks."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
TIME_NAMESPACE = Path("/proc/self/ns/time")
UNKNOWN_BOOT = "unknown-boot"
"""Where the system does not name its boots: a monotonic clock that began again shows as a lease too far ahead."""


class SystemClock:
    """Wall time and monotonic time of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def boot_id(self) -> str:
        try:
            boot = BOOT_ID.read_text(encoding="ascii").strip()
        except OSError:
            return UNKNOWN_BOOT
        try:
            return f"{boot}/{TIME_NAMESPACE.stat().st_ino}"
        except OSError:
            return boot

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
