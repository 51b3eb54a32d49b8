"""The system clock."""

import asyncio
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from outlast.domain.errors import MachineUnknown

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
TIME_NAMESPACE = Path("/proc/self/ns/time")
UNKNOWN_BOOT = "unknown-boot"
"""Used if the system has no boot ids: a monotonic clock that restarted shows as a lease too far ahead."""


class SystemClock:
    """Wall time and monotonic time of this machine.

    Raises `MachineUnknown` if there is a boot id that cannot be read. A process reads it once, at its start: a
    later read could fail for lack of file descriptors, and every worker would then appear dead.
    """

    def __init__(self) -> None:
        self._boot_id = _boot_id(BOOT_ID, TIME_NAMESPACE)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def boot_id(self) -> str:
        return self._boot_id

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@cache
def _boot_id(boot_file: Path, namespace_file: Path) -> str:
    try:
        boot = boot_file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return UNKNOWN_BOOT
    except OSError as error:
        raise _unreadable(error) from error
    try:
        return f"{boot}/{namespace_file.stat().st_ino}"
    except FileNotFoundError:
        return boot
    except OSError as error:
        raise _unreadable(error) from error


def _unreadable(error: OSError) -> MachineUnknown:
    return MachineUnknown(f"The name of this machine's boot cannot be read, so nothing can start here: {error}.")
