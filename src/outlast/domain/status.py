"""The statuses of a session, and its phases for people."""

from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """The status of a session; the last three are final."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        return self not in IN_FLIGHT


IN_FLIGHT: Final = frozenset({Status.PENDING, Status.PROCESSING})


class Phase(StrEnum):
    """The status in finer detail, for display."""

    QUEUED = "queued"
    RUNNING = "running"
    RETRYING = "retrying"
    CANCELLING = "cancelling"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
