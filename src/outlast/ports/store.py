"""The store and its main part, the sessions. A session's row is its queue entry; nothing else needs to survive."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Protocol

from outlast.domain.crash_policy import Death
from outlast.domain.lease_observer import Heartbeat
from outlast.domain.outcome import End
from outlast.domain.progress import Progress
from outlast.domain.session import AnalysisSession, AttemptRecord, Claim, KeptStep, NewSession
from outlast.domain.status import Status
from outlast.ports.api_keys import ApiKeys
from outlast.ports.audit import AuditLog
from outlast.ports.blobs import Blobs, Storage
from outlast.ports.callbacks import Callbacks
from outlast.ports.deletions import Deletions
from outlast.ports.dispatcher import WaitingSession
from outlast.ports.facts import FactStore
from outlast.ports.failures import Answered, Failures, RetryAnswer, Selection
from outlast.ports.metrics import Metrics
from outlast.ports.overview import Overview
from outlast.ports.pauses import Pauses
from outlast.ports.results import Results, Shares
from outlast.ports.start_keys import StartKeys
from outlast.ports.workers import WorkerRegistry

CLOCK_MARGIN = 5.0
"""Seconds by which times of one store may differ without the wall clock having gone back."""


@dataclass(frozen=True, slots=True)
class StartLimits:
    """Checked in the same transaction as the insert, so that no race exceeds them."""

    active_per_owner: int | None
    """Sessions of one owner in flight; beyond it `TooManyActive`. `None`: they are not even counted."""
    pending: int
    """Pending sessions of all owners; beyond it `QueueFull`."""

    @property
    def of_trusted_code(self) -> "StartLimits":
        """The same limit on pending sessions, which protects the store, and none per owner."""
        return replace(self, active_per_owner=None)


@dataclass(frozen=True, slots=True)
class Added:
    """The session that a start returns: new, or one that the owner had already."""

    session: AnalysisSession
    existing: bool
    announced: bool = False
    """The store has notified waiting workers in the transaction of the insert."""
    run: AnalysisSession | None = None
    """The run that the start added because no session of another owner had one in flight."""


@dataclass(frozen=True, slots=True)
class ProgressUpdate:
    """Progress of one claimed session; fenced."""

    claim: Claim
    progress: Progress


def latest(updates: Sequence[ProgressUpdate]) -> Mapping[Claim, Progress]:
    """Return the last update of each claim, with the highest percentage of all its updates."""
    found: dict[Claim, Progress] = {}
    for update in updates:
        before = found.get(update.claim)
        highest = max(update.progress.percentage, before.percentage if before else 0.0)
        found[update.claim] = replace(update.progress, percentage=highest)
    return found


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """What a worker wants to claim."""

    queues: Sequence[str]
    analyses: Sequence[str]
    limit: int
    most_crashes: int = 0
    """The highest number of crashes among the sessions that the worker holds already."""
    excluding: Collection[str] = ()
    """Sessions that the worker cannot run."""


class CancelAnswer(StrEnum):
    """What a cancel found."""

    CANCELLED = "cancelled"
    """It was pending and is cancelled now, or had been cancelled before."""
    CANCELLING = "cancelling"
    """A running attempt is being stopped."""
    FINAL = "final"
    """It had completed or failed; nothing changed."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a cleanup deleted, or would delete."""

    sessions: int = 0
    results: int = 0
    uploads: int = 0
    facts: int = 0


class SessionStore(Protocol):
    """Sessions and their changes.

    Laws for every implementation:

    - Safe from any thread and any event loop; several processes share one database.
    - A method that changes a session returns only after the change is durable; `report`, `offer` and
      `record_durations` may lose a change in a crash. It raises `StoreUnavailable` if it could not write. Changes
      are atomic.
    - Every change of a row sets `updated_at`, and sets `version` to the greater of version + 1 and the wall clock
      in milliseconds.
    - Writes after a claim are fenced in the SQL: they name the session, the number of the claim and `status =
      'processing'`. If no row changes, nothing is written, and the return value says that the claim is lost.
    - A final status does not change, except by `retry`, which never changes completed sessions.
    - However the clocks jump, `created_at` ≤ `started_at` ≤ `completed_at`, and durations are never negative.
    - `progress_percentage` never falls within a session (`max` in the SQL), and only completed rows have 100.
    - Methods with an `owner` compare it in the SQL: to one owner, the sessions of another do not exist.
    """

    concurrent_reads: ClassVar[bool]
    """Reads wait neither for writers nor for a network."""

    async def open(self, *, migrate: bool) -> Sequence[str]:
        """Connect. With `migrate`, apply the missing migrations first and return their names; several processes
        may do so at once. Without it, raise `SchemaOutdated` if any is missing.

        Raises `SchemaOutdated` too if a later version has migrated the schema in a way that this version does not
        support, and `SchemaDiffers` if the schema is not what its migrations create.
        With `migrate`, raise `StoreRefused` if the store was copied to another one.
        """
        ...

    async def close(self) -> None:
        """Finish accepted writes, then disconnect. Idempotent."""
        ...

    async def check(self) -> None:
        """Check that the store can write, is not closed and has a current schema; otherwise raise
        `StoreUnavailable` or `SchemaOutdated` with a sentence for the operator.
        """
        ...

    async def enrol_key(self, fingerprints: Sequence[str]) -> bool:
        """Return whether a process whose keys have these fingerprints, the signing key first, may use this store.

        It may if no key is enrolled or one of its keys is; then the first is enrolled too. Otherwise nothing
        changes: other processes would not accept its cookies and tokens.
        """
        ...

    async def add(self, new: NewSession, limits: StartLimits) -> Added:
        """Insert a session; if the owner has the same analysis and subject in flight without a cancel request,
        return that session with `existing=True` instead, whatever the limits. A unique index prevents duplicates
        under any race. Raises `TooManyActive` and `QueueFull`.

        With a `run_id`, the session follows the run of everybody with the same `reuse_key`, analysis and subject
        that is in flight without a cancel request, or a new one with this id, whatever races. Nobody claims a
        session that follows, and it does not wait for a worker. It is shown with the progress of its run, and ends
        with it: whatever ends the run ends all sessions that follow it in the same transaction, each with a result
        of its own. A later start may reuse that of the oldest. The run has none.
        """
        ...

    async def reuse(self, new: NewSession, *, fresh_for: float) -> Added | None:
        """Return a completed session of this owner with the newest result of the same analysis, subject and
        `reuse_key` that was made within the last `fresh_for` seconds; `None` if there is none, or if the owner has
        the same analysis and subject in flight without a cancel request.

        That is the session that made the result or one that has reused it before, with `existing=True`, else a new
        one with a copy of the result. Nobody reuses a copy, so that no result becomes fresh again. No limit counts
        the new session: it is not in flight.
        """
        ...

    async def result_age(self, new: NewSession) -> float | None:
        """Return how many seconds ago the newest result was made that `reuse` might return, however old it is."""
        ...

    async def get(self, session_id: str, *, owner: str | None) -> AnalysisSession | None:
        """Return one session. Operators and workers pass `owner=None`, which matches every owner."""
        ...

    async def version(self, session_id: str, *, owner: str) -> int | None:
        """Return the version that `get` would return, as cheaply as possible; `None` without such a session."""
        ...

    async def changed(self, seen: Mapping[str, int]) -> list[AnalysisSession]:
        """Return those of these sessions whose version differs from the given one, by one query."""
        ...

    async def find_missing(self, session_ids: Sequence[str]) -> set[str]:
        """Return which of these sessions do not exist."""
        ...

    async def select(self, selection: Selection) -> list[AnalysisSession]:
        """Return the selected sessions, the newest first."""
        ...

    async def count(self) -> Mapping[Status, int]:
        """Count sessions by status, including those with zero."""
        ...

    async def queue_position(self, session_id: str) -> int | None:
        """Return its position among the sessions of its queue that wait, in the order of claims, 1 for the next.

        `None` if it does not wait or is not due yet, or if its position is beyond 10,000. Sessions that wait
        because of a limit are not ahead of others, and the position does not depend on pauses.
        """
        ...

    async def claim(self, worker_id: str, wanted: ClaimRequest) -> list[AnalysisSession]:
        """Claim the next pending sessions of the wanted queues and analyses for this worker, and return them.

        A session is claimable once its `available_at` has passed, and stays so if the wall clock goes back, unless
        its queue or analysis is paused or one of its keys has reached a limit. The order is by their turns: see
        `outlast.domain.turns`. A start is behind the waiting sessions of its owner in the same queue and of the
        same priority; a session that waits again gets the turn of that moment. A claim sets the status to
        processing, and increments `claim` and `attempt`. An unregistered worker gets no sessions.

        Sessions that are processing hold the permits of their keys, so that no crash loses one. A session that
        cannot run because of a limit delays no other.

        The worker gets only sessions that `may_run_beside` those that it holds. One call returns at most one
        suspect, the newest, because workers were alive before it was started; it then returns no other session
        with crashes.
        """
        ...

    async def claim_one(self, worker_id: str, session_id: str) -> AnalysisSession | None:
        """Claim this session if it is claimable, whatever its queue, crashes and turn; `None` otherwise."""
        ...

    async def offer(self, *, again_after: float, limit: int) -> list[WaitingSession]:
        """Return up to `limit` claimable sessions to dispatch to a broker, and record that they were offered.

        These are sessions that were not offered since they became claimable, or not within the last `again_after`
        seconds. They are in the order of claims as far as that is cheap. A start counts as an offer, because it
        dispatches the session itself. Concurrent callers never get the same offer. An offer does not change the
        version of a session, and a crash may lose the record of it.
        """
        ...

    async def report(self, updates: Sequence[ProgressUpdate]) -> set[Claim]:
        """Write progress in one transaction; return the claims that are lost."""
        ...

    async def kept_steps(self, session_id: str) -> Sequence[KeptStep]: ...

    async def keep_step(self, claim: Claim, kept: KeptStep) -> bool:
        """Insert or replace a step's result; return `False` if the claim is lost."""
        ...

    async def limit_attempts(self, claim: Claim, max_attempts: int) -> bool:
        """Set the number of attempts that the session may have; return `False` if the claim is lost.

        The version does not change.
        """
        ...

    async def finish(self, claim: Claim, end: End, *, worked: float | None = None) -> bool:
        """Write the end of the attempt and its line of history; return `False` if the claim is lost.

        It is idempotent: the same end of the same claim again changes nothing and returns `True`, for a worker
        that did not get the first response. `worked` is the duration of the attempt in seconds, by the worker's
        monotonic clock, for stores on other machines.

        - `Completed`: stores the result, sets the percentage to 100, deletes the kept steps and clears the error.
        - `Failed`: sets the error, its code and its reference.
        - `Cancelled`: leaves the error as it is.
        - `Postponed`: makes the session pending again, available after its delay, and sets the error likewise.
        - `Released`: makes it pending and available at once, clears the error and decrements `attempt`; the
          history has its `why`.

        With a cancel request, `Postponed` and `Released` end as cancelled; `Completed` and `Failed` do not.
        """
        ...

    async def cancel(self, session_id: str, *, owner: str | None) -> CancelAnswer | None:
        """Cancel a pending session at once, and request that the attempt of a processing one is stopped.

        A session that follows a run is cancelled at once, and so is the run, likewise, if no other follows it.
        Returns `None` if this owner has no such session.
        """
        ...

    async def retry(
        self, session_id: str, *, owner: str | None, attempts: int, answered: Answered | None = None
    ) -> RetryAnswer | None:
        """Make a failed or cancelled session pending and available at once, with up to `attempts` more attempts.

        Sets `max_attempts` to `attempt + attempts` and resets crashes, lapses, error, end and cancel request; the
        kept steps, the percentage and the input stay. With `answered`, the session must have failed with the code
        `question`, and gets this input and subject. Returns `None` if this owner has no such session.

        A session that has shared a run follows the one in flight that a start would share, else its own run, which
        is retried if it has failed or was cancelled. All sessions that have failed with a run follow it again when
        it is retried. Without such a run, and with `answered`, the session is run by itself, with the kept steps.
        """
        ...

    async def adopt(self, anonymous: str, owner: str) -> int:
        """Make `owner` the owner of all sessions, results and uploads of `anonymous`; return how many sessions.

        `anonymous` keeps sessions in flight whose analysis and subject the new owner has in flight too, and
        uploads that the new owner has already.
        """
        ...

    async def history(self, session_id: str) -> Sequence[AttemptRecord]:
        """Return how its attempts ended, oldest first. For operators: it has what was raised."""
        ...

    async def heartbeats(self) -> Sequence[Heartbeat]:
        """Return the heartbeats of all registered workers, and of unregistered ones that still hold sessions.

        The token of an unregistered worker never changes. SQLite marks workers of an earlier boot of the machine.
        """
        ...

    async def rescue(self, lapsed: Sequence[Heartbeat]) -> list[str]:
        """Release the sessions of workers whose leases have lapsed, and delete these workers; return the ids.

        `lapsed` are heartbeats that a `LeaseObserver` has seen unchanged for too long. A worker that has renewed
        its lease since keeps its sessions: the SQL compares the token.

        The sessions are pending and available at once. Their attempts are not spent, `crashes` does not change,
        `lapses` is incremented and the history gets a line `lapsed`. At `MAX_LAPSES` a session fails with the code
        `lost`; with a cancel request it is cancelled.
        """
        ...

    async def rescue_worker(self, worker_id: str, death: Death) -> list[str]:
        """Release the sessions of a worker that certainly died, and delete it; return the ids.

        The sessions are pending and available at once. Their attempts are not spent, `crashes` is incremented by
        the rules of `after_crash` and the history gets a line `crashed` with the cause. At `MAX_CRASHES` a session
        fails with the code `quarantined`; with a cancel request it is cancelled.
        """
        ...

    async def end_future_waits(self) -> int:
        """Make those postponed sessions available at once that were last changed more than `CLOCK_MARGIN` in the
        future; return how many. The wall clock has gone back since, which would lengthen their delay.
        """
        ...

    async def release_worker(self, worker_id: str) -> int:
        """Release all sessions of a stopping worker without spending their attempts, and delete the worker; return
        how many sessions.
        """
        ...

    async def prune(
        self,
        *,
        sessions_before: datetime,
        results_before: datetime,
        uploads_before: datetime,
        failed_before: datetime | None = None,
        dry_run: bool,
    ) -> Pruned:
        """Delete final sessions by `completed_at` (failed ones by `failed_before`, if it is given), results by
        their date, uploads by their last use, and expired facts and start keys, in batches; a dry run counts them
        by the same conditions, except start keys. Uploads of an owner with sessions in flight are kept.
        """
        ...


class Store(
    SessionStore,
    AuditLog,
    Failures,
    Deletions,
    Overview,
    Pauses,
    Results,
    Shares,
    StartKeys,
    Callbacks,
    ApiKeys,
    Blobs,
    Storage,
    FactStore,
    Metrics,
    WorkerRegistry,
    Protocol,
):
    """All ports that one database implements."""
