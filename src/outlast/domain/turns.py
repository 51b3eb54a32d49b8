"""The turn of a waiting session: the time by which the sessions of a queue are ordered.

Every store computes it in SQL as well; its migrations and statements name this module.
"""

from datetime import datetime, timedelta
from typing import Final

TURN_STEP: Final = timedelta(hours=1)
"""One step of priority is worth this much waiting, and so is each further waiting session of one owner."""
HIGHEST_STEP: Final = 1_000_000
"""Priorities beyond this, and below its negative, count as this many steps: times have four-digit years."""
MOST_STEPS_BEHIND: Final = 100_000
"""The last of an owner's waiting sessions is at most this many steps behind others."""
NEWEST_OF_OWNER: Final = 4
"""The newest sessions of an owner among which a start finds the one whose turn is before its own."""


def turn_of(available_at: datetime, priority: int) -> datetime:
    """Return the turn of a session that becomes available then, without regard to its owner.

    A higher priority moves it forward by hours, so that it goes first unless another one has waited for hours
    longer: however many sessions of a higher priority arrive, each session is served.
    """
    return available_at - max(-HIGHEST_STEP, min(HIGHEST_STEP, priority)) * TURN_STEP


def turn_behind(own: datetime, last: datetime | None) -> datetime:
    """Return the turn of a new session whose own turn would be `own`, behind the `last` turn of its owner.

    `last` is the turn of the owner's newest waiting session of the same queue and priority, if any. So the first
    waiting session of every owner goes before the second of any that started within the same hour.
    """
    if last is None:
        return own
    return min(max(own, last) + TURN_STEP, own + MOST_STEPS_BEHIND * TURN_STEP)
