"""Detects lapsed leases by observing heartbeats with the observer's own monotonic clock."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from outlast.domain.messages import message

MAX_GAP = 5.0
"""After a longer gap in seconds between two checks, an observer may have missed heartbeats and starts over."""
MAX_LAPSES = 6
"""A session fails after this many lapses without the return of the worker."""

UNREGISTERED = ""
"""The token of an unregistered worker that holds sessions."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """One worker's heartbeat as read from the store."""

    worker_id: str
    token: str
    """Changes whenever the worker renews its lease."""
    rebooted: bool = False
    """Its machine has rebooted since, so no heartbeat can follow."""
    process: str | None = field(default=None, compare=False)
    """The worker's process identity, as registered."""


class LeaseObserver:
    """Reports workers whose heartbeat has not changed for `lease` seconds of continuous observation.

    It uses only its own monotonic clock. After a gap (the store was down, or the process was suspended) it starts
    over, so that it reports no worker before one full lease has passed.
    """

    def __init__(self, lease: float) -> None:
        self._lease = lease
        self._first_seen: dict[str, tuple[str, float]] = {}
        """Each worker's current token, and when it was first seen."""
        self._checked_at = float("-inf")

    def check(self, beats: Iterable[Heartbeat], sent_at: float, received_at: float) -> list[Heartbeat]:
        """Return the lapsed ones; `sent_at` and `received_at` are the monotonic times around the store's query.

        A heartbeat counts from the response and a lapse up to the query, so a slow store shortens no lease.
        """
        previous = self._first_seen if received_at - self._checked_at <= MAX_GAP else {}
        self._checked_at = received_at
        self._first_seen = {}
        lapsed: list[Heartbeat] = []
        for beat in beats:
            token, since = previous.get(beat.worker_id, (None, received_at))
            self._first_seen[beat.worker_id] = (beat.token, since if token == beat.token else received_at)
            if beat.rebooted or sent_at - self._first_seen[beat.worker_id][1] >= self._lease:
                lapsed.append(beat)
        return lapsed

    def reset(self) -> None:
        """Forget all observations: if this observer could not write, perhaps the workers could not either."""
        self._first_seen = {}

    def next_lapse(self) -> float:
        """Return when the next lease lapses unless its heartbeat changes; infinite without workers."""
        return min((since + self._lease for _, since in self._first_seen.values()), default=float("inf"))


def lapse_line(worker_id: str) -> str:
    """Return the line of history for a lapse."""
    return f"Worker {worker_id} was not heard of for the time of its lease."


def return_line(worker_id: str) -> str:
    """Return the line of history for a lapse after which the worker returned."""
    return f"Worker {worker_id} was not heard of for the time of its lease, and came back."


def lost_error(lapses: int) -> str:
    """Return the error of a session that failed after this many lapses."""
    return message(
        "Its workers fell silent {lapses:d} times and none of them came back, so it is not tried again.",
        lapses=lapses,
    )
