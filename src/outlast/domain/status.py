"""The statuses of a session, and its phases for people."""

from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """The status of a session; the last three are final."""

    PENDING = "pending"
    """It waits for a worker, or for the time of its next attempt."""
    PROCESSING = "processing"
    """A worker has claimed it."""
    COMPLETED = "completed"
    """It has a result."""
    FAILED = "failed"
    """It has an error and is not attempted again."""
    CANCELLED = "cancelled"
    """Somebody cancelled it."""

    @property
    def final(self) -> bool:
        """Whether only a retry can change it, and that only if it is not `COMPLETED`."""
        return self not in IN_FLIGHT


IN_FLIGHT: Final = frozenset({Status.PENDING, Status.PROCESSING})


class Phase(StrEnum):
    """The status in finer detail, for display."""

    QUEUED = "queued"
    """It waits for a worker."""
    RUNNING = "running"
    """A worker is working on it."""
    RETRYING = "retrying"
    """An attempt failed, and it waits for the next one."""
    CANCELLING = "cancelling"
    """A running attempt is being stopped."""
    COMPLETED = "completed"
    """As `Status.COMPLETED`."""
    FAILED = "failed"
    """As `Status.FAILED`."""
    CANCELLED = "cancelled"
    """As `Status.CANCELLED`."""
