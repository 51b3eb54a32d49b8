"""What becomes of the sessions that a worker held when it died, or when its lease lapsed."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from outlast.domain.lease_observer import MAX_LAPSES, lapse_of, lost
from outlast.domain.retry import MAX_CRASHES, SUSPECT_CRASHES
from outlast.domain.status import Status


@dataclass(frozen=True, slots=True)
class Death:
    """The end of a worker process, from somebody who knows it for certain: its supervisor, or a process of the
    same machine that finds it gone.
    """

    worker_id: str
    cause: str
    """What was seen, as the end of a sentence: "was killed by SIGKILL", "exited with code 3"."""
    host: str
    pid: int | None = None

    @property
    def sentence(self) -> str:
        pid = "" if self.pid is None else f" (pid {self.pid})"
        return f"Worker {self.worker_id} on host {self.host}{pid} {self.cause}."


@dataclass(frozen=True, slots=True)
class EarlierCrash:
    """A crash of a session as its history has it."""

    worker_id: str
    cause: str | None
    """As in `Death`; `None` where an older version wrote it."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """A session that a worker can no longer hold."""

    session_id: str
    claim: int
    worker_id: str
    crashes: int
    """Before this one."""
    lapses: int
    """Before this one."""
    cancel_requested: bool


@dataclass(frozen=True, slots=True)
class CrashVerdict:
    """What becomes of it; the attempt is not spent."""

    session_id: str
    claim: int
    status: Status
    crashes: int
    lapses: int
    line: str
    """For the history."""
    error: str | None = None
    error_code: str | None = None


def after_crash(
    death: Death, held: Iterable[Held], at: datetime, earlier: dict[str, Sequence[EarlierCrash]]
) -> Iterator[CrashVerdict]:
    """All sessions that the dead worker held have a crash more, as each may be the cause.

    Where several had crashed before, that makes suspects of them at most. A worker that chooses holds a suspect
    with fresh sessions alone, but a request may have claimed one by itself. `earlier` has the crashes of each
    session from its history, oldest first; `at` is now, as the store has it.
    """
    sessions = list(held)
    several = sum(session.crashes > 0 for session in sessions) > 1
    for s in sessions:
        crashes = min(s.crashes + 1, SUSPECT_CRASHES) if several else s.crashes + 1
        status, error, code = Status.PENDING, None, None
        if s.cancel_requested:
            status = Status.CANCELLED
        elif crashes >= MAX_CRASHES:
            status, code = Status.FAILED, "quarantined"
            known = list(earlier.get(s.session_id, ()))[-(crashes - 1) :]
            error = quarantined([*known, EarlierCrash(death.worker_id, death.cause, at)])
        yield CrashVerdict(s.session_id, s.claim, status, crashes, s.lapses, death.sentence, error, code)


def after_lapse(held: Iterable[Held]) -> Iterator[CrashVerdict]:
    """A lapse blames nobody; only a session whose workers never come back is ended."""
    for s in held:
        lapses = s.lapses + 1
        status, error, code = Status.PENDING, None, None
        if s.cancel_requested:
            status = Status.CANCELLED
        elif lapses >= MAX_LAPSES:
            status, error, code = Status.FAILED, lost(lapses), "lost"
        yield CrashVerdict(s.session_id, s.claim, status, s.crashes, lapses, lapse_of(s.worker_id), error, code)


def quarantined(crashes: Sequence[EarlierCrash]) -> str:
    """What is said of a session that ended its workers: how many, which, how and when."""
    seen = "; ".join(
        f"worker {crash.worker_id} {crash.cause or 'died'} at {crash.at:%Y-%m-%d %H:%M:%S} UTC"
        for crash in crashes
    )
    return f"This analysis ended its worker {len(crashes)} times, so it is not tried again: {seen}."


def by_session(rows: Iterable[tuple[str, str, str | None, datetime]]) -> dict[str, Sequence[EarlierCrash]]:
    """From session, worker, cause and time of each crash, oldest first."""
    found: defaultdict[str, list[EarlierCrash]] = defaultdict(list)
    for session_id, worker_id, cause, at in rows:
        found[session_id].append(EarlierCrash(worker_id, cause, at))
    return dict(found)
