"""The clock, the only source of time in the system."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time for people, monotonic time for durations and leases. Safe from any thread."""

    def now(self) -> datetime:
        """Return the wall time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never decrease, comparable between the processes of one boot of a machine."""
        ...

    def boot_id(self) -> str:
        """Return the boot (and time namespace) within which `monotonic` values are comparable."""
        ...

    async def sleep(self, seconds: float) -> None: ...
