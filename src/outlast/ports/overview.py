"""What operators want to know of all sessions at once, counted on request."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from outlast.domain.status import Status


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """What is pending of one analysis in one queue."""

    queue: str
    analysis: str
    waiting: int
    """Could be claimed now."""
    since: datetime | None
    """When the one of these that waits longest became available; `None` when none waits."""
    later: int
    """Their time is to come: the next attempt after a failure."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How many sessions that are still there became final in one hour, in one way."""

    hour: datetime
    """Its beginning, UTC."""
    status: Status
    sessions: int


class Overview(Protocol):
    """The counting side of the store. Same laws as `SessionStore`."""

    async def depths(self) -> Sequence[QueueDepth]:
        """Every queue and analysis of which something is pending, in the order of their names."""
        ...

    async def ended(self, since: datetime, until: datetime) -> Sequence[Ended]:
        """By hour, those that became final from `since` on and before `until`, in order of hour and status; what
        there is none of is not there.
        """
        ...
