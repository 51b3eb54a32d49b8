"""The tables of the memory store, and the two ways to change a session's row."""

from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from threading import RLock
from typing import Any

from outlast.domain.error_report import ErrorReport
from outlast.domain.limits import Admission, KeyLimit, Verdict
from outlast.domain.outcome import End
from outlast.domain.pauses import Pause
from outlast.domain.session import (
    NEVER,
    AnalysisSession,
    AttemptEnd,
    AttemptRecord,
    Claim,
    KeptStep,
    with_progress_of,
)
from outlast.domain.status import IN_FLIGHT, Status
from outlast.domain.turns import turn_of
from outlast.ports.api_keys import ApiKey
from outlast.ports.audit import RecordedAction
from outlast.ports.blobs import StoredUpload
from outlast.ports.callbacks import Callback
from outlast.ports.clock import Clock
from outlast.ports.facts import StoredFact
from outlast.ports.metrics import MetricSample
from outlast.ports.results import SAMPLES_KEPT, StoredResult
from outlast.ports.workers import WorkerInfo


@dataclass(slots=True)
class LeasedWorker:
    """A registered worker; `until` is when its lease ends, by the monotonic clock."""

    info: WorkerInfo
    until: float
    beat: int = 0


@dataclass(frozen=True, slots=True)
class RecordedEnd:
    """The last accepted end of a session, to recognize its repetition."""

    claim: Claim
    end: End


def _samples() -> defaultdict[str, dict[str, deque[int]]]:
    return defaultdict(partial(defaultdict[str, deque[int]], partial(deque[int], maxlen=SAMPLES_KEPT)))


MemoryFact = tuple[StoredFact, datetime, str | None]
"""A fact, its expiry, and the session that remembered it."""


def _facts() -> defaultdict[str, defaultdict[str, dict[str, MemoryFact]]]:
    return defaultdict(lambda: defaultdict(dict[str, MemoryFact]))


@dataclass(frozen=True, slots=True)
class StartKeyRow:
    """A start key; `held_until` is `None` once it is settled."""

    session_id: str
    fingerprint: str
    held_until: datetime | None
    until: datetime


def _metrics() -> defaultdict[tuple[str, tuple[str, ...]], float]:
    return defaultdict(float)


@dataclass(slots=True)
class MemoryTables:
    """All state of one memory store. Hold the lock to read or write it."""

    clock: Clock
    lock: RLock = field(default_factory=RLock)
    sessions: dict[str, AnalysisSession] = field(default_factory=dict[str, AnalysisSession])
    """In order of insertion."""
    timed_from: dict[str, float] = field(default_factory=dict[str, float])
    """When a session's durations were last updated, by the monotonic clock."""
    turns: dict[str, datetime] = field(default_factory=dict[str, datetime])
    """By session, see `outlast.domain.turns`."""
    limits: dict[str, Sequence[KeyLimit]] = field(default_factory=dict[str, Sequence[KeyLimit]])
    """By session."""
    reuse_keys: dict[str, str] = field(default_factory=dict[str, str])
    """By the session that makes or has made a result, which may be gone."""
    next_at: dict[str, float] = field(default_factory=dict[str, float])
    """When the next attempt may begin at the full rate, by key, in seconds of the epoch."""
    pauses: set[Pause] = field(default_factory=set[Pause])
    offered: dict[str, datetime] = field(default_factory=dict[str, datetime])
    """When a session was last offered to a fleet, since it became available."""
    history: defaultdict[str, list[AttemptRecord]] = field(
        default_factory=lambda: defaultdict[str, list[AttemptRecord]](list)
    )
    kept: defaultdict[str, dict[str, KeptStep]] = field(
        default_factory=lambda: defaultdict[str, dict[str, KeptStep]](dict)
    )
    ends: dict[str, RecordedEnd] = field(default_factory=dict[str, RecordedEnd])
    results: dict[str, tuple[str, StoredResult]] = field(default_factory=dict[str, tuple[str, StoredResult]])
    """Owner and result, by session."""
    samples: defaultdict[str, dict[str, deque[int]]] = field(default_factory=_samples)
    """Durations by analysis and step."""
    uploads: dict[tuple[str, str], tuple[StoredUpload, tuple[bytes, ...]]] = field(
        default_factory=dict[tuple[str, str], tuple[StoredUpload, tuple[bytes, ...]]]
    )
    """By owner and hash."""
    facts: defaultdict[str, defaultdict[str, dict[str, MemoryFact]]] = field(default_factory=_facts)
    """By space, key and item."""
    start_keys: dict[tuple[str, str], StartKeyRow] = field(default_factory=dict[tuple[str, str], StartKeyRow])
    """By owner and key."""
    api_keys: dict[str, ApiKey] = field(default_factory=dict[str, ApiKey])
    """By the hash of the secret."""
    callbacks: dict[str, dict[str, tuple[Callback, str | None]]] = field(
        default_factory=dict[str, dict[str, tuple[Callback, str | None]]]
    )
    """Each with the id of its delivery, by session and address."""
    metrics: defaultdict[tuple[str, tuple[str, ...]], float] = field(default_factory=_metrics)
    """Values by metric and labels."""
    metric_samples: dict[int, MetricSample] = field(default_factory=dict[int, MetricSample])
    """By minute."""
    audit: dict[str, RecordedAction] = field(default_factory=dict[str, RecordedAction])
    """By id."""
    enrolled: set[str] = field(default_factory=set[str])
    """Fingerprints of keys."""
    workers: dict[str, LeasedWorker] = field(default_factory=dict[str, LeasedWorker])

    def find(self, session_id: str, owner: str | None) -> AnalysisSession | None:
        row = self.sessions.get(session_id)
        return row if row is not None and owner in {None, row.owner} else None

    def adopt_reuse_key(self, session_id: str, anonymous: str, owner: str) -> None:
        if (key := self.reuse_keys.get(session_id)) is not None:
            self.reuse_keys[session_id] = key.replace(anonymous, owner)

    def drop_result(self, session_id: str) -> None:
        self.results.pop(session_id, None)
        self.reuse_keys.pop(session_id, None)

    def forget(self, session_id: str) -> None:
        """Delete a session, but not its result."""
        del self.sessions[session_id]
        self.history.pop(session_id, None)
        self.kept.pop(session_id, None)
        self.ends.pop(session_id, None)
        self.offered.pop(session_id, None)
        self.timed_from.pop(session_id, None)
        self.turns.pop(session_id, None)
        self.limits.pop(session_id, None)
        if session_id not in self.results:
            self.reuse_keys.pop(session_id, None)
        self.callbacks.pop(session_id, None)

    def claimed(self, claim: Claim) -> AnalysisSession | None:
        """Return the row if this claim still holds it: the fence."""
        row = self.sessions.get(claim.session_id)
        holds = row is not None and row.status is Status.PROCESSING and row.claim == claim.number
        return row if holds else None

    def held_by(self, worker_id: str) -> list[AnalysisSession]:
        return [s for s in self.sessions.values() if s.status is Status.PROCESSING and s.worker_id == worker_id]

    def in_flight(self, owner: str) -> list[AnalysisSession]:
        return [s for s in self.sessions.values() if s.owner == owner and s.status in IN_FLIGHT]

    def answering(self, owner: str, analysis: str, subject: str) -> AnalysisSession | None:
        """Return the session in flight that a start of this subject returns: the unique index."""
        for row in self.in_flight(owner):
            if (row.analysis, row.subject) == (analysis, subject) and row.cancel_requested_at is None:
                return row
        return None

    def next_version(self, version: int) -> int:
        return max(version + 1, int(self.clock.now().timestamp() * 1000))

    def write(self, row: AnalysisSession, **changes: Any) -> AnalysisSession:
        """Change a row, its version and its times; every change goes through here."""
        stamp = {"version": self.next_version(row.version), "updated_at": self.clock.now()}
        changed = replace(self.timed(row), **(stamp | changes))
        self.timed_from[row.id] = self.clock.monotonic()
        self.sessions[row.id] = changed
        if "available_at" in changes and changed.available_at != NEVER:
            self.turns[row.id] = turn_of(changed.available_at, changed.priority)
        if changed.is_shared_run and changed.status.final and not row.status.final:
            self._end_following(changed)
        return changed

    def following(self, run_id: str) -> list[AnalysisSession]:
        """Return the sessions that follow a run, the oldest first."""
        return [row for row in self.sessions.values() if row.follows and row.run_id == run_id]

    def shown(self, row: AnalysisSession) -> AnalysisSession:
        """Return the row with current durations, and with the progress of the run that it follows."""
        run = self.sessions.get(row.run_id or "") if row.follows else None
        return self.timed(row) if run is None else with_progress_of(self.timed(row), run)

    def follow(self, row: AnalysisSession, run: AnalysisSession) -> None:
        """Let a session that has ended share a run in flight."""
        self._renew_callbacks(row.id)
        self.write(
            row,
            status=Status.PENDING,
            run_id=run.id,
            available_at=NEVER,
            error=None,
            error_code=None,
            reference=None,
            asked=None,
            completed_at=None,
            cancel_requested_at=None,
        )

    def retry_row(self, row: AnalysisSession, attempts: int, **changes: Any) -> AnalysisSession:
        """Make a session that has ended pending, with up to `attempts` more attempts."""
        self._renew_callbacks(row.id)
        changed = self.write(
            row,
            status=Status.PENDING,
            asked=None,
            available_at=self.clock.now(),
            max_attempts=row.attempt + attempts,
            crashes=0,
            lapses=0,
            error=None,
            error_code=None,
            reference=None,
            completed_at=None,
            cancel_requested_at=None,
            **changes,
        )
        self.ends.pop(row.id, None)
        self.offered.pop(row.id, None)
        return changed

    def _renew_callbacks(self, session_id: str) -> None:
        told = self.callbacks.get(session_id, {})
        told.update({url: (callback, None) for url, (callback, _) in told.items()})

    def _end_following(self, run: AnalysisSession) -> None:
        """End the sessions of a run as it has ended, each with a result of its own."""
        _, made = self.results.pop(run.id, (None, None))
        result_of = None
        for row in self.following(run.id):
            shown = self.shown(row)
            if made is not None:
                self.results[row.id] = (row.owner, replace(made, session_id=row.id, subject=row.subject))
                if result_of is not None:
                    self.reuse_keys.pop(row.id, None)
            ended_at = run.completed_at or run.updated_at
            self.write(
                replace(shown, version=row.version, worker_id=None),
                version=max(row.version + 1, run.version),
                asked=run.asked,
                redirect_url=run.redirect_url,
                result_bytes=run.result_bytes,
                result_of=result_of,
                completed_at=max(ended_at, row.created_at),
            )
            result_of = result_of or (row.id if made is not None else None)

    def admission(self) -> Admission:
        """Return what decides about sessions with limits: the permits are those of the processing sessions."""
        in_use = Counter(
            limit.key
            for session_id, limits in self.limits.items()
            if self.sessions[session_id].status is Status.PROCESSING
            for limit in limits
        )
        return Admission(self.clock.now().timestamp(), in_use, self.next_at)

    def may_run(self, row: AnalysisSession) -> bool:
        """Return whether its limits allow a session to run now."""
        return self.admission().decide(self.limits.get(row.id, ())).verdict is Verdict.RUN

    def paused(self, row: AnalysisSession) -> bool:
        return any(pause.covers(row.queue, row.analysis) for pause in self.pauses)

    def turn(self, row: AnalysisSession) -> tuple[datetime, datetime]:
        """Return the order of claims; insertion decides between equals."""
        return self.turns[row.id], row.available_at

    def timed(self, row: AnalysisSession) -> AnalysisSession:
        """Return the row with current durations."""
        since = round((self.clock.monotonic() - self.timed_from[row.id]) * 1000)
        match row.status:
            case Status.PENDING:
                return replace(row, waited_ms=row.waited_ms + since)
            case Status.PROCESSING:
                return replace(row, worked_ms=row.worked_ms + since)
            case _:
                return row

    def end_claim(
        self,
        row: AnalysisSession,
        status: Status,
        ended: AttemptEnd,
        *,
        line: str | None = None,
        cause: str | None = None,
        last_step: str | None = None,
        report: ErrorReport | None = None,
        **changes: Any,
    ) -> None:
        """End the claim of a row and add a record to its history, with `line` or else the error."""
        now = self.clock.now()
        worker = self.workers.get(row.worker_id or "")
        record = AttemptRecord(
            claim=row.claim,
            attempt=row.attempt,
            worker_id=row.worker_id or "",
            ended=ended,
            ended_at=now,
            error=line or changes.get("error"),
            reference=changes.get("reference"),
            cause=cause,
            error_code=changes.get("error_code"),
            last_step=last_step,
            host=worker.info.host if worker else None,
            duration_ms=round((self.clock.monotonic() - self.timed_from[row.id]) * 1000),
            exception=report and report.exception,
            exception_message=report and report.message,
            traceback=report and report.traceback,
        )
        self.history[row.id].append(record)
        self.offered.pop(row.id, None)
        completed_at = max(now, row.started_at or row.created_at) if status.final else None
        self.write(row, status=status, worker_id=None, completed_at=completed_at, **changes)


class MemoryPart:
    """A part of the memory store, on tables that it shares with the others."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables
