"""The store of sessions. A session's row is its queue entry; nothing else needs to survive."""

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
from outlast.ports.blobs import Blobs
from outlast.ports.dispatcher import Waiting
from outlast.ports.facts import FactStore
from outlast.ports.overview import Overview
from outlast.ports.results import Results
from outlast.ports.shares import Shares
from outlast.ports.storage import Storage
from outlast.ports.workers import WorkerRegistry

CLOCK_MARGIN = 5.0
"""Seconds by which times of one store may differ without the wall clock having gone back."""


@dataclass(frozen=True, slots=True)
class StartLimits:
    """Checked in the same transaction as the insert, so that no race exceeds them."""

    active_per_owner: int
    """Sessions of one owner in flight; beyond it `TooManyActive`."""
    pending: int
    """Pending sessions of all owners; beyond it `QueueFull`."""


@dataclass(frozen=True, slots=True)
class Added:
    """The session that a start returns: new, or the one already in flight."""

    session: AnalysisSession
    existing: bool
    announced: bool = False
    """The store has notified waiting workers in the transaction of the insert."""


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


class CancelAnswer(StrEnum):
    """What a cancel found."""

    CANCELLED = "cancelled"
    """It was pending and is cancelled now, or had been cancelled before."""
    CANCELLING = "cancelling"
    """A running attempt is being stopped."""
    FINAL = "final"
    """It had completed or failed; nothing changed."""


class RetryAnswer(StrEnum):
    """What a retry found."""

    RETRIED = "retried"
    NOT_FINAL = "not_final"
    """It is in flight; nothing changed."""
    COMPLETED = "completed"
    """Completed sessions are not repeated; nothing changed."""
    ANOTHER_IN_FLIGHT = "another_in_flight"
    """The same owner has the same subject in flight in another session; nothing changed."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which sessions to list, newest first; `None` does not restrict."""

    owner: str | None = None
    status: Status | None = None
    analysis: str | None = None
    limit: int = 50


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
    - A method that changes a session answers only after the change is durable (`report` and `learn` may be
      weaker), and raises `StoreUnavailable` when it could not write: nothing half-written is ever seen.
    - Every change of a row sets `updated_at` and lifts `version` to the greater of version + 1 and the wall
      clock in milliseconds.
    - Writes after a claim are fenced in the SQL: they name session and claim number, and `status =
      'processing'`; when no row changed the answer says so and nothing was written.
    - Final is final: only `retry` leads out, and never from completed.
    - However the clocks jump, `created_at` ≤ `started_at` ≤ `completed_at`, and durations are never negative.
    - `progress_percentage` never falls within a session (`max` in the SQL) and is 100 in completed rows alone.
    - `get` and friends with an `owner` compare it in the SQL: another's session is not there.
    """

    reads_at_once: ClassVar[bool]
    """Reads wait neither for writers nor for a network."""

    async def open(self, *, migrate: bool) -> Sequence[str]:
        """Connect. `migrate`: bring the schema up to date first (several processes may do so at once) and answer
        the names of the migrations that this call has applied; else raise `SchemaOutdated` when it is not.

        A newer schema is `SchemaOutdated` unless all that is newer lets this version run on. A schema that no
        migration can mend is `SchemaDiffers`.
        """
        ...

    async def close(self) -> None:
        """Finish what was accepted, then disconnect. Idempotent."""
        ...

    async def check(self) -> None:
        """Check that the store can write, is not shut and has a current schema; otherwise raise
        `StoreUnavailable` or `SchemaOutdated` with a sentence for the operator.
        """
        ...

    async def enrol(self, fingerprints: Sequence[str]) -> bool:
        """Whether a process whose keys have these fingerprints (the one that signs first) may use this store.

        True where none was enrolled yet or one of them is; the first is enrolled from now on. False changes
        nothing: its cookies and tokens would not be understood by the others.
        """
        ...

    async def add(self, new: NewSession, limits: StartLimits) -> Added:
        """Insert, unless the owner has the same analysis and subject in flight without a cancel request: then
        that one, `existing=True`, whatever the limits. A unique index decides, under any race.
        """
        ...

    async def get(self, session_id: str, *, owner: str | None) -> AnalysisSession | None:
        """One session; `owner=None` is for operators and workers."""
        ...

    async def version(self, session_id: str, *, owner: str) -> int | None:
        """The version that `get` would show, as cheaply as can be; `None`: no such session of this owner."""
        ...

    async def changed(self, seen: Mapping[str, int]) -> list[AnalysisSession]:
        """Of the watched sessions (id → version last seen) those with another version; one query for all."""
        ...

    async def gone(self, session_ids: Sequence[str]) -> set[str]:
        """Return which of these are no longer in the store."""
        ...

    async def select(self, selection: Selection) -> list[AnalysisSession]: ...

    async def count(self) -> Mapping[Status, int]:
        """Count sessions by status, including those with zero."""
        ...

    async def queue_position(self, session_id: str) -> int | None:
        """How many claimable sessions of its queue go before it, from 1 for the next; `None` when it is not
        waiting to be claimed now, or is too deep to count cheaply (10,000).
        """
        ...

    async def claim(
        self,
        worker_id: str,
        *,
        queues: Sequence[str],
        analyses: Sequence[str],
        limit: int,
        beside: int,
        passing_over: Collection[str] = (),
    ) -> list[AnalysisSession]:
        """Take up to `limit` pending sessions whose time has come, larger priority first, then the one that waits
        longest: status processing, claim and attempt one more. What was available at its last change stays so
        when the wall clock goes back. Only what `may_work_beside` a session of `beside` crashes, the most that
        the worker holds. Of suspects at most one, the one that came last: before it came, its worker lived;
        others that have fallen are then left for a later claim. Nothing when `worker_id` is not registered. Those
        of `passing_over` are left: this worker does not understand them.
        """
        ...

    async def claim_one(self, worker_id: str, session_id: str) -> AnalysisSession | None:
        """Claim this one by the same conditions, whatever its queue and crashes; for work inside a request."""
        ...

    async def offer(self, *, again_after: float, limit: int) -> list[Waiting]:
        """For a fleet behind a broker: up to `limit` sessions that are to be dispatched now, marked as offered.

        Those that could be claimed and have not been offered since they became so, or not for `again_after`
        seconds; in the order in which they would be claimed as far as that is cheap. A start counts as an offer,
        as it dispatches by itself. No two callers get the same session for the same reason. The mark is no change
        of the session: its version stays, and a crash may lose it.
        """
        ...

    async def report(self, updates: Sequence[ProgressUpdate]) -> set[Claim]:
        """Write progress in one transaction; return the claims that are lost."""
        ...

    async def kept_steps(self, session_id: str) -> Sequence[KeptStep]: ...

    async def keep_step(self, claim: Claim, kept: KeptStep) -> bool:
        """Insert or replace a step's result; return `False` if the claim is lost."""
        ...

    async def finish(self, claim: Claim, end: End, *, worked: float | None = None) -> bool:
        """Write how the attempt ended, with a line of history; `False` when the claim is gone and the row does
        not already say exactly this end of this claim (then the answer of the first write was lost).

        `worked`: the seconds of the attempt by its worker's monotonic clock, for stores that share none with it.

        Completed: percentage 100, result kept in the results, kept steps deleted, error columns cleared.
        Failed: error, code, reference. Cancelled: as that. Postponed: pending, available after its delay, error
        columns say why. Released: pending, available at once, attempt one less, no error (its `why` is in the
        history). A cancel request turns Postponed and Released into cancelled; Completed and Failed stay what they
        are.
        """
        ...

    async def cancel(self, session_id: str, *, owner: str | None) -> CancelAnswer | None:
        """`None`: no such session of this owner."""
        ...

    async def retry(self, session_id: str, *, owner: str | None, attempts: int) -> RetryAnswer | None:
        """A new round: pending, available at once, `max_attempts = attempt + attempts`, crashes and lapses 0,
        error, end and cancel request cleared; kept steps, percentage and input stay. `None`: no such session.
        """
        ...

    async def adopt(self, anonymous: str, owner: str) -> int:
        """Make `owner` the owner of all sessions, results and uploads of `anonymous`; answers how many sessions.

        A session in flight whose analysis and subject the new owner has in flight too stays where it is, and so
        does an upload that the new owner has already.
        """
        ...

    async def history(self, session_id: str) -> Sequence[AttemptRecord]:
        """Return how its attempts ended, oldest first."""
        ...

    async def beats(self) -> Sequence[Heartbeat]:
        """Every registered worker, and every other that sessions are still held by (its token stays the same), by
        one cheap read. On SQLite a worker of another boot of the machine is marked as gone. `process` is what the
        worker registered with.
        """
        ...

    async def rescue(self, lapsed: Sequence[Heartbeat]) -> list[str]:
        """Take back the sessions of workers whose leases have lapsed, as a `LeaseObserver` saw them, and forget
        these workers; answers the ids. A worker that has beaten since keeps all: the SQL compares its token.

        Nobody is blamed: the sessions are available at once, the attempt is not spent, `crashes` stays, `lapses`
        grows by one and the history gets a line `lapsed`. At `MAX_LAPSES` a session is failed, code `lost`. With a
        cancel request it is cancelled.
        """
        ...

    async def rescue_worker(self, worker_id: str, death: Death) -> list[str]:
        """Take back at once the sessions of one worker that was seen to die, and forget it; answers the ids.

        The attempt is not spent. Each session has a crash more, by the rules of `after_crash`, and the history a
        line `crashed` with what was seen; at `MAX_CRASHES` a session is failed, code `quarantined`. With a cancel
        request it is cancelled.
        """
        ...

    async def end_future_waits(self) -> int:
        """Make pending sessions due whose wait began more than `CLOCK_MARGIN` in the future; return how many.

        The wall clock has gone back since, by an unknown span, which would lengthen a wait of seconds.
        """
        ...

    async def release_worker(self, worker_id: str) -> int:
        """Release all sessions of this worker unspent, and delete it; return how many. For an orderly stop."""
        ...

    async def prune(
        self, *, sessions_before: datetime, results_before: datetime, uploads_before: datetime, dry_run: bool
    ) -> Pruned:
        """Delete final sessions by `completed_at`, results by their date, uploads by their last use, facts whose
        time is over, in batches; a dry run counts by the same conditions. An upload is not deleted while its
        owner has a session in flight.
        """
        ...


class Store(SessionStore, Overview, Results, Shares, Blobs, Storage, FactStore, WorkerRegistry, Protocol):
    """All ports that one database implements."""
