"""A simple model of the store, written from the contracts of the ports: the expected state after any history."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from outlast.domain.crash_policy import MAX_CRASHES
from outlast.domain.lease_observer import MAX_LAPSES
from outlast.domain.outcome import Cancelled, Completed, End, Failed, Postponed, Released
from outlast.domain.session import Claim, NewSession
from outlast.domain.status import Status
from outlast.domain.turns import NEWEST_OF_OWNER, turn_behind, turn_of
from outlast.testing.clock import NOON


@dataclass(slots=True)
class ModelSession:
    """The expected state of one session."""

    id: str
    owner: str
    subject: str
    priority: int
    max_attempts: int
    timeout: float
    status: Status = Status.PENDING
    claim: int = 0
    worker: str | None = None
    attempt: int = 0
    crashes: int = 0
    lapses: int = 0
    percentage: float = 0.0
    cancel_requested: bool = False
    error: str | None = None
    result: str | None = None
    result_of: str | None = None
    available_at: float = -math.inf
    """Wall time; minus infinity if it is available at once."""
    turn: datetime = NOON
    created_at: float = 0.0
    started_at: float | None = None
    ended_at: float = 0.0
    lines: list[tuple[int, int, str | None]] = field(default_factory=list[tuple[int, int, str | None]])
    """Claim, attempt and how it ended; `None` where a cancel request made something else of it."""
    kept: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def at_work(self) -> bool:
        return self.status is Status.PROCESSING

    def take(self, worker: str, wall: float) -> None:
        self.status, self.worker = Status.PROCESSING, worker
        if self.started_at is None:
            self.started_at = max(wall, self.created_at)
        self.claim += 1
        self.attempt += 1

    def drop(self, status: Status, line: str, wall: float) -> None:
        """End the claim; a session that would be pending again is cancelled if that was requested."""
        turned = status is Status.PENDING and self.cancel_requested
        status = Status.CANCELLED if turned else status
        self.lines.append((self.claim, self.attempt, None if turned else line))
        self.status, self.worker = status, None
        self.wait_again(wall)
        self.finish(wall)

    def wait_again(self, wall: float, delay: float = 0.0) -> None:
        self.available_at = wall + delay if delay > 0 else -math.inf
        self.turn = turn_of(_time(wall + delay), self.priority)

    def finish(self, wall: float) -> None:
        """Set the time of its end, which is never before its start, whatever the wall clock says."""
        self.ended_at = max(wall, self.created_at if self.started_at is None else self.started_at)

    def release(self, wall: float) -> None:
        self.drop(Status.PENDING, "released", wall)
        self.attempt -= 1
        self.error = None

    def end(self, end: End, wall: float) -> None:
        match end:
            case Completed():
                self.drop(Status.COMPLETED, "completed", wall)
                self.percentage, self.error, self.result = 100.0, None, end.result
                self.kept.clear()
            case Failed():
                self.drop(Status.FAILED, "failed", wall)
                self.error = end.error
            case Postponed():
                self.drop(Status.PENDING, "postponed", wall)
                self.error = end.error
                self.wait_again(wall, end.delay)
            case Cancelled():
                self.drop(Status.CANCELLED, "cancelled", wall)
            case Released():
                self.release(wall)


@dataclass(slots=True)
class Model:
    """The expected state of all sessions and workers."""

    sessions: dict[str, ModelSession] = field(default_factory=dict[str, ModelSession])
    workers: set[str] = field(default_factory=set[str])
    paused: bool = False
    lapsed: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """Sessions whose lapses a worker has caused since it came back last."""
    results: dict[str, tuple[str, float]] = field(default_factory=dict[str, tuple[str, float]])
    """Result and its time, by session; results outlive sessions."""
    made: dict[str, str] = field(default_factory=dict[str, str])
    """The subject of each result that starts may reuse, by the session that made it."""
    said: dict[str, tuple[Claim, End]] = field(default_factory=dict[str, tuple[Claim, End]])
    """The end that a session's row still says, because nothing has changed it since."""
    told: dict[Claim, End] = field(default_factory=dict[Claim, End])
    """Every end that was accepted."""

    def add(self, new: NewSession, wall: float) -> None:
        own = [s for s in self.sessions.values() if s.owner == new.owner]
        newest = sorted(own, key=lambda s: s.created_at, reverse=True)[:NEWEST_OF_OWNER]
        waiting = {s.id for s in self.claimable(wall) if s.priority == new.priority}
        session = ModelSession(
            *(new.id, new.owner, new.subject, new.priority, new.max_attempts, new.timeout), created_at=wall
        )
        session.wait_again(wall, new.delay)
        if not new.delay:
            last = max((s.turn for s in newest if s.id in waiting), default=None)
            session.turn = turn_behind(session.turn, last)
        self.sessions[new.id] = session

    def in_flight(self, owner: str) -> list[ModelSession]:
        return [s for s in self.sessions.values() if s.owner == owner and not s.status.final]

    def answering(self, owner: str, subject: str) -> ModelSession | None:
        same = [s for s in self.in_flight(owner) if s.subject == subject and not s.cancel_requested]
        return same[0] if same else None

    def newest_made(self, subject: str) -> set[str]:
        """Return the sessions that made the newest result of the subject: several if the clock stood still."""
        times = {i: self.results[i][1] for i, made in self.made.items() if made == subject and i in self.results}
        return {i for i, at in times.items() if at == max(times.values())}

    def reusing(self, owner: str, made_by: str) -> set[str]:
        """Return the owner's sessions that have this session's result, its own among them."""
        own = (s for s in self.sessions.values() if s.owner == owner and s.id in self.results)
        return {s.id for s in own if made_by in {s.id, s.result_of}}

    def reuse(self, new: NewSession, made_by: str, wall: float) -> None:
        """Add the session of a start that got the result of another session."""
        result, _ = self.results[made_by]
        self.sessions[new.id] = ModelSession(
            *(new.id, new.owner, new.subject, new.priority, new.max_attempts, new.timeout),
            *(Status.COMPLETED,),
            percentage=100.0,
            result=result,
            result_of=made_by,
            created_at=wall,
            ended_at=wall,
        )
        self.results[new.id] = (result, wall)

    def claimable(self, wall: float) -> list[ModelSession]:
        return [s for s in self.sessions.values() if s.status is Status.PENDING and s.available_at <= wall]

    def holding(self, claim: Claim) -> ModelSession | None:
        session = self.sessions.get(claim.session_id)
        return session if session and session.at_work and session.claim == claim.number else None

    def held_by(self, worker: str) -> list[ModelSession]:
        return [s for s in self.sessions.values() if s.at_work and s.worker == worker]

    def says(self, claim: Claim, end: End) -> bool | None:
        """Return the answer to a repeated or late end; `None` if the contract leaves it open."""
        session = self.sessions.get(claim.session_id)
        if session is None or session.claim != claim.number:
            return None if self.told.get(claim) == end else False
        if self.said.get(session.id) == (claim, end):
            return True
        released = bool(session.lines) and session.lines[-1][2] in {"released", None}
        return None if self.told.get(claim) == end or (end == Released() and released) else False

    def lapse(self, worker: str, wall: float) -> set[str]:
        held = self.held_by(worker)
        self.workers.discard(worker)
        for session in held:
            session.lapses += 1
            self.lapsed.setdefault(worker, []).append(session.id)
            ended = session.lapses >= MAX_LAPSES and not session.cancel_requested
            session.drop(Status.FAILED if ended else Status.PENDING, "lapsed", wall)
            session.attempt -= 1
        return {s.id for s in held}

    def come_back(self, worker: str) -> None:
        for session_id in self.lapsed.pop(worker, []):
            session = self.sessions.get(session_id)
            if session is not None and not session.status.final:
                session.lapses = max(0, session.lapses - 1)

    def rescue_worker(self, worker: str, wall: float) -> set[str]:
        self.workers.discard(worker)
        return self._crash(self.held_by(worker), wall)

    def _crash(self, fallen: Iterable[ModelSession], wall: float) -> set[str]:
        together = list(fallen)
        most = MAX_CRASHES if len(together) == 1 else MAX_CRASHES - 1
        for session in together:
            session.crashes = min(most, session.crashes + 1)
            quarantined = session.crashes >= MAX_CRASHES and not session.cancel_requested
            session.drop(Status.FAILED if quarantined else Status.PENDING, "crashed", wall)
            session.attempt -= 1
        return {s.id for s in together}


def _time(wall: float) -> datetime:
    return datetime.fromtimestamp(wall, UTC)
