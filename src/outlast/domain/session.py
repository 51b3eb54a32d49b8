"""The session: one run of one analysis for one owner."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from outlast.domain.progress import Progress, StepState
from outlast.domain.status import Phase, Status

EVERYBODY: Final = "everybody"
"""How the `reuse_key` of results ends that answer all owners. The owner of a shared run is this key."""
NEVER: Final = datetime(9999, 12, 31, tzinfo=UTC)
"""When a session that follows a run becomes available: nobody claims it."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """The row that a start inserts."""

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
    """Maximum seconds per attempt."""
    queue: str = "analysis"
    priority: int = 0
    """Higher priorities are claimed first; see `outlast.domain.turns`."""
    delay: float = 0.0
    """Seconds after which it becomes available."""
    limits: str | None = None
    """Its keys and their limits as JSON; see `outlast.domain.limits`."""
    traceparent: str | None = None
    """The trace that the start belongs to, in the format of W3C Trace Context."""
    reuse_key: str | None = None
    """Later starts with this key, analysis and subject may reuse its result. It contains the owner unless other
    owners may; `None`: no start may."""
    run_id: str | None = None
    """The session shares its run with those of other owners that have its `reuse_key`, analysis and subject. A run
    that does not exist yet gets this id. `None`: the session is run itself."""

    @property
    def run(self) -> "NewSession":
        """The run that the session shares, as a session of everybody."""
        assert self.run_id is not None  # noqa: S101 - the caller has checked it
        assert self.reuse_key is not None  # noqa: S101 - only sessions with a key share runs
        return replace(self, id=self.run_id, owner=self.reuse_key, run_id=None)


@dataclass(frozen=True, slots=True)
class AnalysisSession:
    """A row of `analysis_sessions`. Times are aware and in UTC."""

    id: str
    """26 characters of lower-case base32, which nobody can guess."""
    analysis: str
    """The name of its analysis."""
    subject: str
    """What is analysed, for which an owner has at most one session in flight."""
    owner: str
    """Hash of the owner."""
    input: str
    """The validated input as JSON."""
    queue: str
    """The queue that it waits in."""
    priority: int
    """Higher priorities are claimed first: one step is worth an hour of waiting."""
    status: Status
    """Its status, which the SQL statements guard."""
    version: int
    """Grows with each change of the row, even across a crash of the database."""
    claim: int
    """The fencing token: grows with each claim; 0 before the first."""
    worker_id: str | None
    """The worker that holds it; `None` unless it is being processed."""
    attempt: int
    """Number of attempts that began and count; 0 before the first."""
    max_attempts: int
    """Raised by each `retry`, so that `attempt` is never reset."""
    crashes: int
    """Number of workers that certainly died while processing it."""
    timeout: float
    """Maximum seconds per attempt."""
    progress: Progress
    """The percentage and the state of each step."""
    created_at: datetime
    """When it was started."""
    updated_at: datetime
    """When its row last changed."""
    available_at: datetime
    """Earliest time of a claim."""
    started_at: datetime | None = None
    """When the first attempt started."""
    completed_at: datetime | None = None
    """When the status became final."""
    cancel_requested_at: datetime | None = None
    """When a cancel reached a running attempt."""
    error: str | None = None
    """Why the last attempt failed, for the visitor."""
    error_code: str | None = None
    """The kind of the error, for programs: `permanent`, `retry_after`, `timeout`, `error` (any other exception),
    `too_large` or `not_json` (the result), `crashed` (a process of `isolation="process"`), `quarantined`, `lost`,
    `input_changed` or `question` (the visitor's answer restarts it)."""
    reference: str | None = None
    """Identifies the failure in the log and for `outlast sessions show`."""
    redirect_url: str | None = None
    """Where the page of the result sends the visitor."""
    result_bytes: int | None = None
    """Size of the result's JSON text; `None` until completed."""
    lapses: int = 0
    """Number of lapsed leases on it whose worker has not returned."""
    traceparent: str | None = None
    """The trace of the start, which its attempts belong to."""
    asked: str | None = None
    """The questions of a session that failed with the code `question`, as JSON."""
    result_of: str | None = None
    """The session whose result it has a copy of; `None` if its own run made the result."""
    result_at: datetime | None = None
    """When that session completed; `None` if both have shared a run."""
    run_id: str | None = None
    """The run that it shares or has shared with sessions of other owners; `None` if it is run itself."""
    waited_ms: int = field(default=0, compare=False)
    """Total milliseconds of waiting, until its end or the read of the row; independent of this machine's wall
    clock."""
    worked_ms: int = field(default=0, compare=False)
    """Total milliseconds of processing by workers."""

    @property
    def elapsed_ms(self) -> int:
        """Total milliseconds of waiting and processing."""
        return self.waited_ms + self.worked_ms

    @property
    def phase(self) -> Phase:
        """The status in finer detail, for display."""
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
    def follows(self) -> bool:
        """Whether it waits for the end of a run that it shares, and shows the progress of that run."""
        return self.run_id is not None and not self.status.final

    @property
    def is_shared_run(self) -> bool:
        """Whether it is a run that the sessions of several owners share, and belongs to everybody."""
        return of_everybody(self.owner)

    @property
    def cancellable(self) -> bool:
        """Whether a cancel would change something."""
        return not self.status.final and self.cancel_requested_at is None


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's claim on one session; every write after the claim is fenced by it."""

    session_id: str
    number: int


@dataclass(frozen=True, slots=True)
class KeptStep:
    """The kept result of one step call, for later attempts."""

    call: str
    """Identifies the call within its session: see `outlast.domain.step_calls`."""
    step: str
    result: str
    """JSON."""
    duration_ms: int


AttemptEnd = Literal["completed", "failed", "postponed", "released", "crashed", "lapsed", "cancelled"]


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One line of a session's history: how an attempt ended, where, and what was raised."""

    claim: int
    attempt: int
    worker_id: str
    ended: AttemptEnd
    ended_at: datetime
    error: str | None = None
    reference: str | None = None
    cause: str | None = None
    """For a crash: how the worker died, as in `Death.cause`."""
    error_code: str | None = None
    """As in `AnalysisSession`, for ends that the attempt itself reported."""
    last_step: str | None = None
    """The name of the step that ran last."""
    host: str | None = None
    """The machine of the worker; `None` if the worker was not registered any more."""
    duration_ms: int | None = None
    """Milliseconds from the claim to the end; `None` if an earlier version wrote the line."""
    exception: str | None = None
    """For operators: the class of what was raised, with its module."""
    exception_message: str | None = None
    """For operators: its text."""
    traceback: str | None = None
    """For operators: its traceback, shortened and without secrets."""

    @property
    def started_at(self) -> datetime | None:
        """When the claim was made, by the duration until the end."""
        return None if self.duration_ms is None else self.ended_at - timedelta(milliseconds=self.duration_ms)


def of_everybody(owner: str) -> bool:
    """Return whether this is the owner of shared runs."""
    return owner.endswith(f" {EVERYBODY}")


def pending_session(new: NewSession, at: datetime, version: int) -> AnalysisSession:
    """Return the row that a start at the time `at` inserts, available after its delay."""
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
        traceparent=new.traceparent,
        progress=Progress(steps=new.steps),
        created_at=at,
        updated_at=at,
        available_at=at + timedelta(seconds=new.delay),
    )


def following_session(new: NewSession, at: datetime) -> AnalysisSession:
    """Return the row that a start inserts whose session shares the run `new.run_id`.

    The version of the run is that of the session until both have ended, so its own is 0.
    """
    return replace(pending_session(new, at, 0), available_at=NEVER, run_id=new.run_id)


def with_progress_of(session: AnalysisSession, run: AnalysisSession) -> AnalysisSession:
    """Return a session that follows this run as its owner sees it: as far as the run has come.

    After a retry it may have come further with another run, and its percentage never falls.
    """
    return replace(
        session,
        queue=run.queue,
        priority=run.priority,
        status=run.status,
        version=max(session.version, run.version),
        attempt=run.attempt,
        max_attempts=run.max_attempts,
        crashes=run.crashes,
        lapses=run.lapses,
        worker_id=run.worker_id,
        progress=replace(run.progress, percentage=max(run.progress.percentage, session.progress.percentage)),
        updated_at=max(session.updated_at, run.updated_at),
        available_at=run.available_at,
        started_at=run.started_at and max(run.started_at, session.created_at),
        cancel_requested_at=run.cancel_requested_at,
        error=run.error,
        error_code=run.error_code,
        reference=run.reference,
    )
