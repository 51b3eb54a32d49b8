"""Decides what happens to the sessions of a dead or lost worker, and what may run beside crashed sessions."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from outlast.domain.lease_observer import MAX_LAPSES, lapse_line, lost_error
from outlast.domain.messages import message
from outlast.domain.status import Status

MAX_CRASHES = 3
"""A session is quarantined after this many deaths of its worker."""
SUSPECT_CRASHES = 2
"""From this many crashes on a session is a suspect: it never runs beside another session that has crashed, and
after one more death beside others it runs alone."""


@dataclass(frozen=True, slots=True)
class Death:
    """The certain death of a worker process, observed by its supervisor or by a process on the same machine."""

    worker_id: str
    cause: str
    """The predicate of a sentence, such as "was killed by SIGKILL" or "exited with code 3"."""
    host: str
    pid: int | None = None

    @property
    def sentence(self) -> str:
        pid = "" if self.pid is None else f" (pid {self.pid})"
        return f"Worker {self.worker_id} on host {self.host}{pid} {self.cause}."


@dataclass(frozen=True, slots=True)
class EarlierCrash:
    """An earlier crash from a session's history."""

    worker_id: str
    cause: str | None
    """As in `Death`; `None` if an older version wrote the line."""
    at: datetime


@dataclass(frozen=True, slots=True)
class HeldSession:
    """A session whose worker has died or lost its lease."""

    session_id: str
    claim: int
    worker_id: str
    crashes: int
    """Before this one."""
    lapses: int
    """Before this one."""
    cancel_requested: bool


@dataclass(frozen=True, slots=True)
class RescuedState:
    """The new state of a session; its attempt is not spent."""

    session_id: str
    claim: int
    status: Status
    crashes: int
    lapses: int
    line: str
    """Line for the session's history."""
    error: str | None = None
    error_code: str | None = None


def after_crash(
    death: Death, held: Iterable[HeldSession], at: datetime, earlier: dict[str, Sequence[EarlierCrash]]
) -> Iterator[RescuedState]:
    """Count one more crash for every session of the dead worker, since each may be the cause.

    If the worker held several, they become suspects at most, because a session without earlier crashes may be the
    cause too. `earlier` maps session ids to their crashes, oldest first; `at` is the store's current time.
    """
    sessions = list(held)
    for s in sessions:
        crashes = s.crashes + 1 if len(sessions) == 1 else min(s.crashes + 1, SUSPECT_CRASHES)
        status, error, code = Status.PENDING, None, None
        if s.cancel_requested:
            status = Status.CANCELLED
        elif crashes >= MAX_CRASHES:
            status, code = Status.FAILED, "quarantined"
            known = list(earlier.get(s.session_id, ()))[-(crashes - 1) :]
            error = quarantine_error([*known, EarlierCrash(death.worker_id, death.cause, at)])
        yield RescuedState(s.session_id, s.claim, status, crashes, s.lapses, death.sentence, error, code)


def after_lapse(held: Iterable[HeldSession]) -> Iterator[RescuedState]:
    """Count one more lapse for every session, which is no crash; end a session whose workers never return."""
    for s in held:
        lapses = s.lapses + 1
        status, error, code = Status.PENDING, None, None
        if s.cancel_requested:
            status = Status.CANCELLED
        elif lapses >= MAX_LAPSES:
            status, error, code = Status.FAILED, lost_error(lapses), "lost"
        yield RescuedState(s.session_id, s.claim, status, s.crashes, lapses, lapse_line(s.worker_id), error, code)


def may_run_beside(crashes: int, most: int) -> bool:
    """Return whether a session with `crashes` may run on a worker whose sessions have at most `most`: a suspect
    runs only beside sessions without crashes, which rarely cause the next one.
    """
    return min(crashes, most) == 0 or max(crashes, most) < SUSPECT_CRASHES


def must_run_alone(crashes: int, deaths: int) -> bool:
    """Return whether a session with `crashes`, and with `deaths` of workers in its history, must run alone: a
    suspect that ran beside others when its worker died again. The next death then proves its cause.
    """
    return crashes >= SUSPECT_CRASHES and deaths > crashes


def quarantine_error(crashes: Sequence[EarlierCrash]) -> str:
    """Return the error of a quarantined session: how many workers died, which, how and when."""
    seen = "; ".join(
        f"worker {crash.worker_id} {crash.cause or 'died'} at {crash.at:%Y-%m-%d %H:%M:%S} UTC"
        for crash in crashes
    )
    return message(
        "This analysis ended its worker {times:d} times, so it is not tried again: {seen}.",
        times=len(crashes),
        seen=seen,
    )


def by_session(rows: Iterable[tuple[str, str, str | None, datetime]]) -> dict[str, Sequence[EarlierCrash]]:
    """Group rows of session id, worker id, cause and time, oldest first, by session."""
    found: defaultdict[str, list[EarlierCrash]] = defaultdict(list)
    for session_id, worker_id, cause, at in rows:
        found[session_id].append(EarlierCrash(worker_id, cause, at))
    return dict(found)
