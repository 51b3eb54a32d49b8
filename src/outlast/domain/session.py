"""The session: one analysis, done once, for one owner."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from outlast.domain.progress import Progress, StepState
from outlast.domain.status import Phase, Status


@dataclass(frozen=True, slots=True)
class NewSession:
    """What a start writes."""

    id: str
    """26 characters of lower-case base32."""
    analysis: str
    subject: str
    owner: str
    """Hash of the owner; the column is `user_session`."""
    input: str
    """The validated input as JSON."""
    steps: tuple[StepState, ...]
    max_attempts: int
    timeout: float
    """Seconds an attempt may take."""
    queue: str = "analysis"
    priority: int = 0
    """Larger goes first."""


@dataclass(frozen=True, slots=True)
class AnalysisSession:
    """A row of `analysis_sessions`. Times are aware, UTC."""

    id: str
    analysis: str
    subject: str
    owner: str
    input: str
    queue: str
    priority: int
    status: Status
    version: int
    """Grows with each change of the row, also across a crash of the database."""
    claim: int
    """The fence: grows with each claim; 0 before the first."""
    worker_id: str | None
    attempt: int
    max_attempts: int
    """Grows by a round with each retry verb, so that `attempt` never falls behind it."""
    crashes: int
    """Workers that were seen to die with it."""
    timeout: float
    progress: Progress
    created_at: datetime
    updated_at: datetime
    available_at: datetime
    """Not claimed before this instant."""
    started_at: datetime | None = None
    """When its first attempt began."""
    completed_at: datetime | None = None
    """When it became final."""
    cancel_requested_at: datetime | None = None
    error: str | None = None
    """For the visitor: why the last attempt failed."""
    error_code: str | None = None
    reference: str | None = None
    """What the log has the exception under."""
    redirect_url: str | None = None
    result_bytes: int | None = None
    """Size of the result's JSON text; `None` until completed."""
    lapses: int = 0
    """Leases that lapsed with it and whose worker has not come back."""
    waited_ms: int = field(default=0, compare=False)
    """Milliseconds that it has waited in all, until now or its end, when the row was read; no jump of a wall clock
    of this machine changes it."""
    worked_ms: int = field(default=0, compare=False)
    """As long as this it has been in the hands of workers."""

    @property
    def elapsed_ms(self) -> int:
        return self.waited_ms + self.worked_ms

    @property
    def phase(self) -> Phase:
        match self.status:
            case Status.PENDING:
                return Phase.RETRYING if self.attempt > 0 and self.error is not None else Phase.QUEUED
            case Status.PROCESSING:
                return Phase.CANCELLING if self.cancel_requested_at is not None else Phase.RUNNING
            case Status.COMPLETED:
                return Phase.COMPLETED
            case Status.FAILED:
                return Phase.FAILED
            case Status.CANCELLED:
                return Phase.CANCELLED

    @property
    def cancellable(self) -> bool:
        return not self.status.final and self.cancel_requested_at is None


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's right to one session: every write after the claim names it."""

    session_id: str
    number: int


@dataclass(frozen=True, slots=True)
class KeptStep:
    """The result of one call of a step, for a later attempt."""

    step: str
    occurrence: int
    """Which call of this step within the analysis, from 1."""
    version: int
    result: str
    """JSON."""
    duration_ms: int


AttemptEnd = Literal["completed", "failed", "postponed", "released", "crashed", "lapsed", "cancelled"]


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One line of a session's history."""

    claim: int
    attempt: int
    worker_id: str
    ended: AttemptEnd
    ended_at: datetime
    error: str | None = None
    reference: str | None = None
    cause: str | None = None
    """Of a crash: how the worker died, as `Death.cause`."""


def just_started(new: NewSession, at: datetime, version: int) -> AnalysisSession:
    """The row that a start writes: it waits from `at` on."""
    return AnalysisSession(
        id=new.id,
        analysis=new.analysis,
        subject=new.subject,
        owner=new.owner,
        input=new.input,
        queue=new.queue,
        priority=new.priority,
        status=Status.PENDING,
        version=version,
        claim=0,
        worker_id=None,
        attempt=0,
        max_attempts=new.max_attempts,
        crashes=0,
        timeout=new.timeout,
        progress=Progress(steps=new.steps),
        created_at=at,
        updated_at=at,
        available_at=at,
    )
