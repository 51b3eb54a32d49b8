"""The only time in the system."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time for people, monotonic time for durations and leases. Safe from any thread."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds; never goes back; comparable between the processes of one boot of one machine."""
        ...

    def boot_id(self) -> str:
        """Names the boot (and the time namespace) within which `monotonic` may be compared."""
        ...

    async def sleep(self, seconds: float) -> None: ...
