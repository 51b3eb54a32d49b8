"""Leases as an observer sees them: they lapse when their beats stop."""

from collections.abc import Iterable
from dataclasses import dataclass, field

BLIND_AFTER = 5.0
"""Seconds between two successful looks after which an observer does not know what it has missed."""
MAX_LAPSES = 6
"""So many lapses without the return of the worker end a session."""

UNREGISTERED = ""
"""The token of a worker that holds sessions and is not registered."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """One worker as a look at the store found it."""

    worker_id: str
    token: str
    """Differs whenever the worker has renewed its lease."""
    gone: bool = False
    """Its machine has restarted since: no beat can follow."""
    process: str | None = field(default=None, compare=False)
    """As the worker registered it."""


class LeaseObserver:
    """Says whose lease has lapsed: its beat has not changed for `lease` seconds while this observer was looking.

    No clock but the observer's own monotonic one takes part. An observer that could not look for a while (the
    store was away, the process stood still) begins anew, so that it declares nobody dead before one full lease
    has passed.
    """

    def __init__(self, lease: float) -> None:
        self._lease = lease
        self._since: dict[str, tuple[str, float]] = {}
        """Each worker's token, and when it was first seen."""
        self._looked = float("-inf")

    def look(self, beats: Iterable[Heartbeat], asked: float, answered: float) -> list[Heartbeat]:
        """Those that have lapsed; `asked` and `answered` are the monotonic times around the look at the store.

        A beat counts from the answer, and a lapse up to the question, so that a slow store shortens no lease.
        """
        before = self._since if answered - self._looked <= BLIND_AFTER else {}
        self._looked = answered
        self._since = {}
        lapsed: list[Heartbeat] = []
        for beat in beats:
            token, since = before.get(beat.worker_id, (None, answered))
            self._since[beat.worker_id] = (beat.token, since if token == beat.token else answered)
            if beat.gone or asked - self._since[beat.worker_id][1] >= self._lease:
                lapsed.append(beat)
        return lapsed

    def begin_anew(self) -> None:
        """Forget all that was seen: this observer could not write, so perhaps others could not either."""
        self._since = {}

    def next_lapse(self) -> float:
        """When the next lease lapses unless its beat changes; infinite when nobody is observed."""
        return min((since + self._lease for _, since in self._since.values()), default=float("inf"))


def lapse_of(worker_id: str) -> str:
    """The line of history."""
    return f"Worker {worker_id} was not heard of for the time of its lease."


def returned(worker_id: str) -> str:
    """What the line of history says once the worker has come back."""
    return f"Worker {worker_id} was not heard of for the time of its lease, and came back."


def lost(lapses: int) -> str:
    """What the visitor is told of a session that was lost so many times."""
    return f"Its workers fell silent {lapses} times and none of them came back, so it is not tried again."
