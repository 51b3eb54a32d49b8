"""Who is to blame for a worker's death, and what becomes of the sessions that it let fall."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from outlast.domain.retry import MAX_CRASHES, SUSPECT_CRASHES, quarantined
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
    """All that one worker let fall have a crash more, as each may be the culprit.

    Where several had fallen before, that makes suspects of them at most. A worker that chooses holds a suspect
    with fresh ones alone, but a request may have claimed one by itself.
    """
    by_worker: defaultdict[str, list[Fallen]] = defaultdict(list)
    for session in fallen:
        by_worker[session.worker_id].append(session)
    for sessions in by_worker.values():
        several = sum(session.crashes > 0 for session in sessions) > 1
        for s in sessions:
            crashes = min(s.crashes + 1, SUSPECT_CRASHES) if several else s.crashes + 1
            if s.cancel_requested:
                yield Judgement(s.session_id, s.claim, Status.CANCELLED, crashes)
            elif crashes >= MAX_CRASHES:
                error = quarantined(crashes)
                yield Judgement(s.session_id, s.claim, Status.FAILED, crashes, error, "quarantined")
            else:
                yield Judgement(s.session_id, s.claim, Status.PENDING, crashes)
