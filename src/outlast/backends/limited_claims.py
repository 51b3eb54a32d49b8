"""Which sessions with limits a claim may take, and which have to wait for which key, for every database."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from outlast.domain.crash_policy import SUSPECT_CRASHES
from outlast.domain.limits import Admission, KeyLimit, Verdict, load_limits

AWAKE_KEYS: Final = 20
"""Keys that became free whose waiting sessions one claim looks at."""
LOOKS: Final = 20
"""Times that a claim looks at further sessions if those that it has looked at must wait."""
LOOK_AT_LEAST: Final = 50
"""Sessions of each place that it looks at, even if it has room for fewer."""


@dataclass(frozen=True, slots=True)
class LimitedSession:
    """A pending session with limits, in the order of its turn."""

    turn: tuple[Any, ...]
    id: str
    number: int
    crashes: int
    limits: Sequence[KeyLimit]
    waits_for: str | None
    """The key that had reached its limit, if it waits for one."""


def limited_session(row: Mapping[str, Any], *turn: str) -> LimitedSession:
    """Convert a row; `turn` names the columns that order it."""
    return LimitedSession(
        tuple(row[name] for name in turn),
        row["id"],
        row["number"],
        row["crashes"],
        load_limits(row["limits"]),
        row["waits_for"],
    )


def keys_of(sessions: Iterable[LimitedSession]) -> list[str]:
    """Return all keys, each once."""
    return sorted({limit.key for session in sessions for limit in session.limits})


@dataclass(slots=True)
class SortedSessions:
    """What to write about the sessions that a claim has looked at."""

    admitted: list[LimitedSession] = field(default_factory=list[LimitedSession])
    """They may run now; if the claim takes them, the last permit of a key may be gone."""
    blocked: dict[str, str] = field(default_factory=dict[str, str])
    """Ids that have to wait from now on, with the key that they wait for."""
    unblocked: list[str] = field(default_factory=list[str])
    """Ids that no longer wait for a key."""
    wakes: dict[str, float | None] = field(default_factory=dict[str, float | None])
    """When to look again at what waits for a key, in seconds of the epoch; `None`: when a permit is returned."""
    served: list[str] = field(default_factory=list[str])
    """Keys for which no session waits any longer."""


def sort_out(
    admission: Admission,
    waiting: Iterable[LimitedSession],
    next_ones: Iterable[LimitedSession],
    *,
    awake: Mapping[str, bool],
) -> SortedSessions:
    """Decide about sessions that wait for an awake key, and about the next ones of the queues.

    `awake`: whether `waiting` has all sessions that wait for the key.
    """
    found = SortedSessions()
    left = dict.fromkeys(awake, 0)
    at = {session.id: session for session in waiting}
    # a claim takes at most one suspect, the newest, whatever its turn
    of_queues = list(next_ones)
    newest = max((one.number for one in of_queues if one.crashes >= SUSPECT_CRASHES), default=None)
    at |= {one.id: one for one in of_queues if one.crashes < SUSPECT_CRASHES or one.number == newest}
    for session in sorted(at.values(), key=lambda one: (one.crashes < SUSPECT_CRASHES, one.turn)):
        is_candidate = session.crashes < SUSPECT_CRASHES or session.number == newest
        decision = admission.decide(session.limits, counts=is_candidate)
        if decision.verdict is Verdict.FULL and decision.key is not None:
            if session.waits_for != decision.key:
                found.blocked[session.id] = decision.key
            found.wakes[decision.key] = decision.until
        elif session.waits_for is not None and decision.verdict is Verdict.RUN:
            found.unblocked.append(session.id)
        elif session.waits_for in left:
            left[session.waits_for] += 1  # another one may take what is free: look again
        if decision.verdict is Verdict.RUN and is_candidate:
            found.admitted.append(session)
    for key, whole in awake.items():
        if whole and not left[key] and key not in found.wakes:
            found.served.append(key)
    return found
