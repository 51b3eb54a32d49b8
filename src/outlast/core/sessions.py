"""The use cases: start, get, watch, cancel, retry, delete. The web layer, the CLI and host programs call them."""

import inspect
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, BinaryIO, Final

from pydantic import BaseModel

from outlast.core.analyses.analysis import Analysis
from outlast.core.analyses.catalogue import Catalogue
from outlast.core.analyses.context import reading_uploads
from outlast.core.analyses.declarations import PRIORITIES, require_priority
from outlast.core.analyses.payload import (
    NotUnderstood,
    arguments,
    bounded_subject,
    nested_values,
    subject_of,
    validate_input,
    validate_values,
)
from outlast.core.analyses.upload import OwnedUploads, Upload
from outlast.core.ids import ANONYMOUS, new_session_id, new_share_token, owner_hash, stored_owner
from outlast.core.metric_counts import MetricCounts
from outlast.core.quota import UNLIMITED, Quota, Reservation, StorageLimits
from outlast.core.watch import SessionView, Watch, WatcherContext
from outlast.domain.errors import (
    DiskAlmostFull,
    InvalidInput,
    QueueFull,
    RefreshTooSoon,
    TooManyActive,
    UnknownAnalysis,
)
from outlast.domain.plan import predict_duration, progress_shares
from outlast.domain.progress import StepState
from outlast.domain.retry_after import YEAR
from outlast.domain.session import AnalysisSession, NewSession
from outlast.domain.status import Status
from outlast.domain.storable_text import storable_text
from outlast.ports.blobs import StoredUpload
from outlast.ports.clock import Clock
from outlast.ports.deletions import DeleteAnswer, Deleted
from outlast.ports.dispatcher import Dispatcher, WaitingSession
from outlast.ports.notifier import Notifier, Topic
from outlast.ports.results import StoredResult
from outlast.ports.store import Added, CancelAnswer, RetryAnswer, Selection, StartLimits, Store
from outlast.ports.tracing import Tracing

log = logging.getLogger(__name__)

NOT_OFFERED = "This site does not offer this analysis any more."
NOTHING_NEW: Final = StartLimits(active_per_owner=0, pending=0)
MOST_CANCELLED: Final = 10_000
"""Sessions in flight that one deletion of everything cancels."""
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


class Sessions:
    """The operations on sessions. `owner` is the caller; `None` is an operator, who may see every session."""

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
        if self._catalogue.is_internal(analysis_name):
            raise self._catalogue.unknown(analysis_name)
        analysis = self._catalogue[analysis_name]
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
        await self._check_uploads(keywords, stored_as)
        if analysis.check is not None and not only_existing:
            with reading_uploads(OwnedUploads(self._store, stored_as)):
                await analysis.check(**keywords)
        input_json = validated.model_dump_json()
        subject = analysis.subject(**keywords) if analysis.subject is not None else subject_of(input_json)
        own = "" if owner is not None else f" ({session_id})"
        new = NewSession(
            id=session_id,
            analysis=analysis.name,
            subject=bounded_subject(storable_text(subject), own),
            owner=stored_as,
            input=input_json,
            steps=await self._planned_steps(analysis),
            max_attempts=self._max_attempts(analysis),
            timeout=analysis.timeout or self._defaults.timeout,
            queue=queue,
            priority=await self._priority(analysis, owner) if priority is None else priority,
            delay=delay,
            limits=analysis.limits_of(validated, keywords),
            traceparent=trace,
            reuse_key=None if owner is None else analysis.reuse_key(input_json, stored_as),
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
        return await self._run(new, limits, only_existing=only_existing)

    async def _refresh(self, analysis: Analysis, new: NewSession, limits: StartLimits) -> Started:
        """Start anew, or return the one in flight; raise `RefreshTooSoon` if the latest result is too young."""
        age = await self._store.result_age(new)
        wait = 0.0 if age is None or age < 0 else analysis.refresh_seconds - age  # < 0: the clock has gone back
        if age is None or wait <= 0:
            return await self._run(new, limits, only_existing=False)
        try:
            return await self._run(new, limits, only_existing=True)
        except (TooManyActive, QueueFull):
            raise RefreshTooSoon(age, wait) from None

    async def _run(self, new: NewSession, limits: StartLimits, *, only_existing: bool) -> Started:
        """Add a session that workers run, or return the one in flight."""
        added = await self._add(new, limits, only_existing=only_existing)
        if not added.existing:
            self._announce(added.session, announced=added.announced)
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

    async def get(self, session_id: str, *, owner: str | None) -> SessionView | None:
        session = await self._session(session_id, owner)
        return await self._watch.view(session) if session else None

    async def follow(self, session_id: str, *, owner: str | None) -> WatcherContext | None:
        """Return a context to wait for changes in; `None` if this owner has no such session."""
        session = await self._session(session_id, owner)
        return self._watch.follow(session) if session else None

    async def watch(self, session_id: str, *, owner: str | None) -> AsyncIterator[SessionView]:
        """Yield the view now and after each change until it is final; nothing if there is no such session."""
        following = await self.follow(session_id, owner=owner)
        if following is None:
            return
        async with following as watched:
            view = watched.view
            yield view
            while not view.session.status.final and not watched.pruned:
                await watched.wait_for_change()
                view = watched.view
                yield view

    async def select(self, selection: Selection) -> Sequence[AnalysisSession]:
        return await self._store.select(selection)

    async def result(self, session_id: str, *, owner: str | None) -> StoredResult | None:
        """Return the result, which may be kept for longer than its session."""
        return await self._store.result(session_id, owner=owner_hash(owner) if owner is not None else None)

    async def share(self, session_id: str, *, owner: str | None) -> str | None:
        """Return the share token of the result, created if needed; `None` if this owner has no such result."""
        hashed = owner_hash(owner) if owner is not None else None
        return await self._store.share(session_id, new_share_token(), owner=hashed)

    async def unshare(self, session_id: str, *, owner: str | None) -> bool:
        """Revoke the share token; `False` if this owner has no such result."""
        return await self._store.unshare(session_id, owner=owner_hash(owner) if owner is not None else None)

    async def shared(self, link: str) -> StoredResult | None:
        """Return the result with this share token."""
        return await self._store.shared(link)

    async def store_upload(self, owner: str | None, name: str, file: BinaryIO) -> StoredUpload:
        """Store a file of this owner (`None`: of trusted code), which inputs refer to as `upload:<sha256>`.

        Raises `QuotaExceeded`, `DiskAlmostFull`, `StoreUnavailable`.
        """
        return await self.quota.put(stored_owner(owner), storable_text(name), file)

    def reserving(self, owner: str, size: int) -> AbstractAsyncContextManager[Reservation]:
        """See `Quota.reserving`."""
        return self.quota.reserving(owner_hash(owner), size)

    async def cancel(self, session_id: str, *, owner: str | None) -> CancelAnswer | None:
        """Cancel the session and stop its work. Returns `None` if this owner has no such session."""
        before = await self._session(session_id, owner)
        answer = await self._store.cancel(session_id, owner=owner_hash(owner) if owner is not None else None)
        if answer is CancelAnswer.CANCELLED and before is not None and before.status is Status.PENDING:
            self._metric_counts.cancelled(before)
        if answer is CancelAnswer.CANCELLING:
            self._notifier.publish(Topic.CANCEL, [session_id])
        if answer is not None:
            self._notifier.publish(Topic.CHANGED, [session_id])
        return answer

    async def retry(self, session_id: str, *, owner: str | None) -> RetryAnswer | None:
        """Grant new attempts, which resume after the kept steps; `None` if this owner has no such session.

        Raises `InvalidInput` if an uploaded file has expired or this version cannot read the input, and
        `UnknownAnalysis` if this version does not have the analysis.
        """
        session = await self._session(session_id, owner)
        if session is None:
            return None
        attempts = await self._further_attempts(session)
        answer = await self._store.retry(session_id, owner=session.owner, attempts=attempts)
        if answer is RetryAnswer.RETRIED:
            await self._store.renew_callbacks([session_id])
            self._announce(session)
            self._notifier.publish(Topic.CHANGED, [session_id])
        return answer

    async def retry_each(
        self, sessions: Sequence[AnalysisSession]
    ) -> Mapping[str, RetryAnswer | InvalidInput | UnknownAnalysis]:
        """Do as `retry` does for each of these sessions, of any owner; return its answer or why it was refused.

        A session that has been cleaned up meanwhile has no answer.
        """
        answers: dict[str, RetryAnswer | InvalidInput | UnknownAnalysis] = {}
        attempts: dict[str, int] = {}
        for session in sessions:
            try:
                attempts[session.id] = await self._further_attempts(session)
            except (InvalidInput, UnknownAnalysis) as error:
                answers[session.id] = error
        if attempts:
            answers.update(await self._store.retry_each(attempts))
        retried = [s for s in sessions if answers.get(s.id) is RetryAnswer.RETRIED]
        if retried:
            await self._store.renew_callbacks([session.id for session in retried])
            self._notifier.publish(Topic.WAITING, sorted({session.queue for session in retried}))
            self._notifier.publish(Topic.CHANGED, [session.id for session in retried])
            if self._dispatcher:
                self._dispatcher.dispatch([WaitingSession.of(session) for session in retried])
        return answers

    async def pages(self, selection: Selection) -> AsyncIterator[Sequence[AnalysisSession]]:
        """Yield all selected sessions, the newest first, in pages of up to `selection.limit`.

        They may be changed between two pages; sessions that are started meanwhile are not among them.
        """
        page = await self.select(selection)
        while page:
            yield page
            page = await self.select(replace(selection, after=page[-1].id))

    async def _further_attempts(self, session: AnalysisSession) -> int:
        """Return how many attempts a retry grants; raises what `retry` raises."""
        analysis = self.offered(session.analysis)
        try:
            keywords = arguments(analysis.stored_input(session.input))
        except NotUnderstood as error:
            raise InvalidInput(
                f"Another version of this site has started it, and this one cannot read its input ({error}): "
                "start it anew."
            ) from None
        await self._check_uploads(keywords, session.owner)
        return self._max_attempts(analysis)

    async def delete(self, session_id: str, *, owner: str | None) -> DeleteAnswer | None:
        """Delete a session that has ended, or what is left of it, with everything that belongs to it.

        Returns `None` if this owner has neither session nor result.
        """
        answer = await self._store.delete(session_id, owner=owner_hash(owner) if owner is not None else None)
        if answer is DeleteAnswer.DELETED:
            self._notifier.publish(Topic.CHANGED, [session_id])
        return answer

    async def delete_all(self, owner: str) -> Deleted:
        """Cancel the sessions in flight of this owner, then delete everything of theirs that has ended."""
        hashed = owner_hash(owner)
        for status in (Status.PENDING, Status.PROCESSING):  # in this order, as a worker may claim one meanwhile
            for session in await self._store.select(Selection(hashed, status, limit=MOST_CANCELLED)):
                if session.cancel_requested_at is None:
                    await self.cancel(session.id, owner=owner)
        return await self._store.delete_all(hashed)

    def offered(self, analysis_name: str) -> Analysis:
        """Return the analysis of a stored session; raises `UnknownAnalysis` if it has been removed."""
        if analysis_name not in self._catalogue:
            raise UnknownAnalysis(NOT_OFFERED)
        return self._catalogue[analysis_name]

    async def adopt(self, anonymous: str, owner: str) -> int:
        """Transfer everything of an anonymous visitor to `owner` on login; returns the number of sessions."""
        return await self._store.adopt(owner_hash(anonymous), owner_hash(owner))

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

    async def _session(self, session_id: str, owner: str | None) -> AnalysisSession | None:
        return await self._store.get(session_id, owner=owner_hash(owner) if owner is not None else None)

    def _max_attempts(self, analysis: Analysis) -> int:
        return 1 if self._defaults.one_attempt else analysis.max_attempts or self._defaults.max_attempts

    async def _check_uploads(self, keywords: Mapping[str, Any], owner: str) -> None:
        for name, value in keywords.items():
            for upload in nested_values(value):
                if isinstance(upload, Upload) and await self._store.find(owner, upload.sha256) is None:
                    raise InvalidInput(
                        "There is no such uploaded file of yours, or it has expired: please upload it (again).",
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
