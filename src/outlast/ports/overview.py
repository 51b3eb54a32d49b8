"""Counts of all sessions for operators."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from outlast.domain.status import Status


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """Pending sessions of one analysis in one queue."""

    queue: str
    analysis: str
    waiting: int
    """Sessions whose time has come: a worker may claim them unless they are paused or blocked."""
    since: datetime | None
    """When the oldest of these became available; `None` if there is none."""
    later: int
    """Sessions whose time has not come: delayed starts, and failed attempts before the next one."""
    blocked: int = 0
    """How many of the `waiting` ones had to wait for a limit when a claim last looked at them."""


@dataclass(frozen=True, slots=True)
class QueueLoad:
    """What happens in one queue."""

    queue: str
    in_flight: int
    """Sessions that workers hold."""
    failed: int
    """Sessions that failed since the time that was asked for."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How many existing sessions reached a final status in one hour."""

    hour: datetime
    """Its start, in UTC."""
    status: Status
    sessions: int


@dataclass(frozen=True, slots=True)
class StoreDetails:
    """What a store says about itself."""

    version: str
    """The version of the database, such as `SQLite 3.50.4`."""
    at: datetime
    """The time by its clock, in UTC."""


class Overview(Protocol):
    """Counts sessions. Same laws as `SessionStore`."""

    async def depths(self) -> Sequence[QueueDepth]:
        """Return every queue and analysis with pending sessions, ordered by name."""
        ...

    async def details(self) -> StoreDetails:
        """Return what the store says about itself."""
        ...

    async def ended(self, since: datetime, until: datetime) -> Sequence[Ended]:
        """Count by hour the sessions that became final from `since` on and before `until`, ordered by hour and
        status, without counts of zero.
        """
        ...

    async def loads(self, since: datetime) -> Sequence[QueueLoad]:
        """Return the queues with sessions that workers hold or that failed since then, ordered by name."""
        ...
