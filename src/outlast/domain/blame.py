"""Who is to blame for a worker's death, and what becomes of the sessions that it let fall."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from outlast.domain.retry import MAX_CRASHES, quarantined
from outlast.domain.status import Status


@dataclass(frozen=True, slots=True)
class Fallen:
    """A session that a worker can no longer hold."""

    session_id: str
    claim: int
    worker_id: str
    crashes: int
    """Before this one."""
    cancel_requested: bool


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of it."""

    session_id: str
    claim: int
    status: Status
    crashes: int
    error: str | None = None
    error_code: str | None = None


def judged(fallen: Iterable[Fallen]) -> Iterator[Judgement]:
    """Blame falls within one worker's sessions, on those with the most crashes so far."""
    by_worker: defaultdict[str, list[Fallen]] = defaultdict(list)
    for session in fallen:
        by_worker[session.worker_id].append(session)
    for sessions in by_worker.values():
        most = max(session.crashes for session in sessions)
        for s in sessions:
            crashes = s.crashes + 1 if s.crashes == most else s.crashes
            if s.cancel_requested:
                yield Judgement(s.session_id, s.claim, Status.CANCELLED, crashes)
            elif crashes >= MAX_CRASHES:
                error = quarantined(crashes)
                yield Judgement(s.session_id, s.claim, Status.FAILED, crashes, error, "quarantined")
            else:
                yield Judgement(s.session_id, s.claim, Status.PENDING, crashes)
