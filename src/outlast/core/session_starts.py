"""Starts sessions: validation, checks, reuse of results, limits, and the plan of steps."""

import inspect
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel

from outlast.core.analyses.analysis import Analysis
from outlast.core.analyses.catalogue import Catalogue
from outlast.core.analyses.context import reading_uploads
from outlast.core.analyses.declarations import PRIORITIES, require_priority
from outlast.core.analyses.payload import (
    arguments,
    bounded_subject,
    nested_values,
    subject_of,
    validate_input,
    validate_values,
)
from outlast.core.analyses.upload import OwnedUploads, Upload
from outlast.core.ids import ANONYMOUS, new_session_id, stored_owner
from outlast.core.metric_counts import MetricCounts
from outlast.core.quota import UNLIMITED, Quota, StorageLimits
from outlast.core.watch import Watch
from outlast.domain.errors import (
    DiskAlmostFull,
    InvalidInput,
    QueueFull,
    RefreshTooSoon,
    TooManyActive,
)
from outlast.domain.messages import message
from outlast.domain.plan import predict_duration, progress_shares
from outlast.domain.progress import StepState
from outlast.domain.retry_after import YEAR
from outlast.domain.session import AnalysisSession, NewSession
from outlast.domain.storable_text import storable_text
from outlast.ports.clock import Clock
from outlast.ports.dispatcher import Dispatcher, WaitingSession
from outlast.ports.failures import Answered
from outlast.ports.notifier import Notifier, Topic
from outlast.ports.store import Added, StartLimits, Store
from outlast.ports.tracing import Tracing

NOTHING_NEW: Final = StartLimits(active_per_owner=0, pending=0)
DURATIONS_CACHED_FOR = 10.0
"""Seconds for which durations read from the store are cached."""


@dataclass(frozen=True, slots=True)
class StartDefaults:
    """Settings that apply to every start."""

    limits: StartLimits
    timeout: float
    max_attempts: int
    one_attempt: bool = False
    """Overrides the analysis: work inside a request is never retried."""
    storage: StorageLimits = UNLIMITED


@dataclass(frozen=True, slots=True)
class Started:
    """The session that a start created or found."""

    session: AnalysisSession
    existing: bool
    """The owner had the session already: in flight, or with a fresh result."""


class SessionStarts:
    """Starts sessions. The store, the clock and the rest serve the other operations, too."""

    def __init__(
        self,
        store: Store,
        notifier: Notifier,
        catalogue: Catalogue,
        clock: Clock,
        watch: Watch,
        defaults: StartDefaults,
        dispatcher: Dispatcher | None = None,
        metric_counts: MetricCounts | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self._store = store
        self._notifier = notifier
        self._catalogue = catalogue
        self._clock = clock
        self._watch = watch
        self._defaults = defaults
        self._dispatcher = dispatcher
        self._tracing = tracing
        self._metric_counts = metric_counts or MetricCounts()
        self.quota = Quota(store, defaults.storage, clock)
        self._plans: dict[str, tuple[float, tuple[StepState, ...]]] = {}

    async def start(
        self,
        analysis_name: str,
        raw_input: object,
        owner: str,
        *,
        only_existing: bool = False,
        traceparent: str | None = None,
        session_id: str | None = None,
        priority: int | None = None,
        refresh: bool = False,
    ) -> Started:
        """Start a session with a JSON input, or return the owner's one in flight for the same subject, or one with
        a fresh result, unless `refresh` asks for a new one.

        `only_existing` refuses new sessions with `TooManyActive`. `traceparent` is that of the request. A new
        session gets the id `session_id`, if any. Raises `UnknownAnalysis`, `InvalidInput`, `TooManyActive`,
        `QueueFull`, `RefreshTooSoon`, `StoreUnavailable` and `DiskAlmostFull`.
        """
        analysis = self._catalogue.for_visitors(analysis_name)
        validated = validate_input(analysis.input, raw_input)
        return await self._start(
            analysis,
            validated,
            owner,
            priority=priority,
            only_existing=only_existing,
            traceparent=traceparent,
            session_id=session_id,
            refresh=refresh,
        )

    async def start_from_code(
        self,
        analysis_name: str,
        values: Mapping[str, object],
        owner: str | None,
        *,
        priority: int | None = None,
        delay: float = 0.0,
        at: datetime | None = None,
        refresh: bool = False,
        queue: str | None = None,
        session_id: str | None = None,
    ) -> Started:
        """Start a session with Python values of the declared types; it may begin after `delay` seconds, or `at`.

        It waits in `queue`, or that of the analysis; a new session gets the id `session_id`, if any.

        Without an owner the caller is trusted code: no limit per owner applies, and the session is a new one, even
        if another is in flight for the same subject, which might have another input or be cancelled by its caller.
        It neither reuses a result nor lets others reuse its own.
        Raises what `start` raises, and `ValueError` for a time that is more than a year ahead.
        """
        analysis = self._catalogue[analysis_name]
        if at is not None:
            delay = max(0.0, (at - self._clock.now()).total_seconds())
            if delay > YEAR:
                raise ValueError(f"at is {at}, which is more than a year from now.")
        validated = validate_values(analysis.input, values)
        return await self._start(
            analysis,
            validated,
            owner,
            priority=priority,
            delay=delay,
            queue=queue,
            session_id=session_id,
            refresh=refresh,
        )

    async def check(self, analysis_name: str, raw_input: object, owner: str) -> None:
        """Raise what `start` raises for this input, and start nothing."""
        analysis = self._catalogue.for_visitors(analysis_name)
        validated = validate_input(analysis.input, raw_input)
        keywords = arguments(validated)
        await self._check(analysis, keywords, stored_owner(owner), checked=True)
        identified(analysis, validated, keywords, "")

    async def _check(self, analysis: Analysis, keywords: Mapping[str, Any], owner: str, *, checked: bool) -> None:
        """Raise `InvalidInput` for missing uploads, and what the analysis itself raises if it is `checked`."""
        await self._check_uploads(keywords, owner)
        if analysis.check is not None and checked:
            with reading_uploads(OwnedUploads(self._store, owner)):
                await analysis.check(**keywords)

    async def _start(
        self,
        analysis: Analysis,
        validated: BaseModel,
        owner: str | None,
        *,
        priority: int | None = None,
        delay: float = 0.0,
        only_existing: bool = False,
        traceparent: str | None = None,
        queue: str | None = None,
        session_id: str | None = None,
        refresh: bool = False,
    ) -> Started:
        tracing = self._tracing
        with nullcontext() if tracing is None else tracing.start(analysis.name, traceparent) as trace:
            return await self._add_new(
                analysis,
                validated,
                owner,
                priority,
                delay,
                trace,
                only_existing=only_existing,
                queue=queue or analysis.queue,
                session_id=session_id or new_session_id(),
                refresh=refresh,
            )

    async def _add_new(
        self,
        analysis: Analysis,
        validated: BaseModel,
        owner: str | None,
        priority: int | None,
        delay: float,
        trace: str | None,
        *,
        only_existing: bool,
        queue: str,
        session_id: str,
        refresh: bool,
    ) -> Started:
        keywords = arguments(validated)
        stored_as = stored_owner(owner)
        await self._check(analysis, keywords, stored_as, checked=not only_existing)
        own = "" if owner is not None else f" ({session_id})"
        named = identified(analysis, validated, keywords, own)
        new = NewSession(
            id=session_id,
            analysis=analysis.name,
            subject=named.subject,
            owner=stored_as,
            input=named.input,
            steps=await self._planned_steps(analysis),
            max_attempts=self._max_attempts(analysis),
            timeout=analysis.timeout or self._defaults.timeout,
            queue=queue,
            priority=await self._priority(analysis, owner) if priority is None else priority,
            delay=delay,
            limits=analysis.limits_of(validated, keywords),
            traceparent=trace,
            reuse_key=None if owner is None else analysis.reuse_key(named.input, stored_as),
        )
        limits = self._defaults.limits if owner is not None else self._defaults.limits.of_trusted_code
        if new.reuse_key is not None and not only_existing and not delay:
            if refresh:
                return await self._refresh(analysis, new, limits)
            fresh_for = analysis.fresh_seconds or 0.0
            reused = await self._store.reuse(new, fresh_for=fresh_for) if self.quota.has_space else None
            if reused is not None:
                self._metric_counts.reused(reused.session)
                return Started(reused.session, reused.existing)
        return await self._run(analysis, new, limits, only_existing=only_existing)

    async def _refresh(self, analysis: Analysis, new: NewSession, limits: StartLimits) -> Started:
        """Start anew, or return the one in flight; raise `RefreshTooSoon` if the latest result is too young."""
        age = await self._store.result_age(new)
        wait = 0.0 if age is None or age < 0 else analysis.refresh_seconds - age  # < 0: the clock has gone back
        if age is None or wait <= 0:
            return await self._run(analysis, new, limits, only_existing=False)
        try:
            return await self._run(analysis, new, limits, only_existing=True)
        except (TooManyActive, QueueFull):
            raise RefreshTooSoon(age, wait) from None

    async def _run(
        self, analysis: Analysis, new: NewSession, limits: StartLimits, *, only_existing: bool
    ) -> Started:
        """Add a session that workers run or that shares a run, or return the one in flight."""
        shares = new.reuse_key is not None and not new.delay and analysis.is_shared(new.input)
        if shares and not only_existing:
            new = replace(new, run_id=new_session_id())
        added = await self._add(new, limits, only_existing=only_existing)
        run = added.run if added.session.run_id is not None else added.session
        if not added.existing and run is not None:
            self._announce(run, announced=added.announced)
        return Started(added.session, added.existing)

    async def _priority(self, analysis: Analysis, owner: str | None) -> int:
        """Return the priority of the analysis, and of the class of an owner that the host has named."""
        of_owner = self._catalogue.owner_priority
        if of_owner is None or owner is None or owner.startswith(ANONYMOUS):
            return analysis.priority
        answered = of_owner(owner)
        added = await answered if inspect.isawaitable(answered) else answered
        require_priority("What the function priority= of Outlast() returned", added)
        return max(PRIORITIES[0], min(PRIORITIES[-1], analysis.priority + added))

    async def _add(self, new: NewSession, limits: StartLimits, *, only_existing: bool) -> Added:
        if only_existing:
            return await self._store.add(new, NOTHING_NEW)
        if self.quota.has_space:
            return await self._store.add(new, limits)
        try:
            return await self._store.add(new, NOTHING_NEW)
        except (TooManyActive, QueueFull):
            raise DiskAlmostFull from None

    def _announce(self, session: AnalysisSession, *, announced: bool = False) -> None:
        """Publish a waiting session to workers, after its row is written. `announced`: a hint was sent already."""
        if session.available_at > session.updated_at:
            return  # nobody can claim it yet; maintenance dispatches it when its time has come
        if not announced:
            self._notifier.publish(Topic.WAITING, [session.queue])
        if self._dispatcher:
            self._dispatcher.dispatch([WaitingSession.of(session)])

    def _max_attempts(self, analysis: Analysis) -> int:
        """One where requests do the work; internal analyses are never done in a request."""
        if self._defaults.one_attempt and not self._catalogue.is_internal(analysis.name):
            return 1
        return analysis.max_attempts or self._defaults.max_attempts

    async def _check_uploads(self, keywords: Mapping[str, Any], owner: str) -> None:
        for name, value in keywords.items():
            for upload in nested_values(value):
                if isinstance(upload, Upload) and await self._store.find(owner, upload.sha256) is None:
                    raise InvalidInput(
                        message(
                            "There is no such uploaded file of yours, or it has expired: please upload it (again)."
                        ),
                        f"/{name}",
                    )

    async def _planned_steps(self, analysis: Analysis) -> tuple[StepState, ...]:
        """Return the plan with the weights that a session starting now keeps."""
        now = self._clock.monotonic()
        read, steps = self._plans.get(analysis.name, (float("-inf"), ()))
        if now - read > DURATIONS_CACHED_FOR:
            durations = await self._store.durations(analysis.name)
            expected = {name: predict_duration(of_step) for name, of_step in durations.items()}
            steps = tuple(
                StepState(s.name, s.title, round(w, 6), expected=expected.get(s.name))
                for s, w in zip(analysis.plan, progress_shares(analysis.plan, expected), strict=True)
            )
            self._plans[analysis.name] = (now, steps)
        return steps


def identified(analysis: Analysis, validated: BaseModel, keywords: Mapping[str, Any], own: str) -> Answered:
    """Return the input as JSON, and its subject; `own` makes that of trusted code unique."""
    text = validated.model_dump_json()
    subject = analysis.subject(**keywords) if analysis.subject is not None else subject_of(text)
    return Answered(text, bounded_subject(storable_text(subject), own))
