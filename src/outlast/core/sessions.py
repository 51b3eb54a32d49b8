"""The use cases: start, get, watch, cancel, retry, adopt. The edge, the command line and hosts all call this."""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from outlast.core.analysis import Analysis, Catalogue
from outlast.core.ids import new_session_id, new_share_token, owner_hash
from outlast.core.payload import NotUnderstood, arguments, bounded, read_input, subject_of, validate_input, walk
from outlast.core.quota import UNLIMITED, ExpectedUpload, Quota, StorageLimits
from outlast.core.running.context import reading
from outlast.core.running.step_journal import OwnedUploads, Store
from outlast.core.upload import Upload
from outlast.core.watch import Following, SessionView, Watch
from outlast.domain.clean_text import plain
from outlast.domain.errors import DiskAlmostFull, InvalidInput, QueueFull, TooManyActive
from outlast.domain.plan import expect, weigh
from outlast.domain.progress import StepState
from outlast.domain.session import AnalysisSession, NewSession
from outlast.ports.blobs import StoredUpload
from outlast.ports.clock import Clock
from outlast.ports.dispatcher import Dispatcher, Waiting
from outlast.ports.notifier import Notifier, Topic
from outlast.ports.results import StoredResult
from outlast.ports.store import Added, CancelAnswer, RetryAnswer, Selection, StartLimits

log = logging.getLogger(__name__)

NOTHING_NEW: Final = StartLimits(active_per_owner=0, pending=0)
HISTORY_FOR = 10.0
"""Seconds for which durations read from the store are used again."""


@dataclass(frozen=True, slots=True)
class StartDefaults:
    """What a start takes from the settings."""

    limits: StartLimits
    timeout: float
    max_attempts: int
    one_attempt: bool = False
    """Whatever the analysis says: work inside a request is not tried again."""
    storage: StorageLimits = UNLIMITED


@dataclass(frozen=True, slots=True)
class Started:
    """The session that answers for a start."""

    session: AnalysisSession
    existing: bool
    """It was in flight already."""


class Sessions:
    """All that may be done with sessions. `owner` is who asks; `None` is an operator, who may see all."""

    def __init__(
        self,
        store: Store,
        notifier: Notifier,
        catalogue: Catalogue,
        clock: Clock,
        watch: Watch,
        defaults: StartDefaults,
        dispatcher: Dispatcher | None = None,
    ) -> None:
        self._store = store
        self._notifier = notifier
        self._catalogue = catalogue
        self._clock = clock
        self._watch = watch
        self._defaults = defaults
        self._dispatcher = dispatcher
        self.quota = Quota(store, defaults.storage, clock)
        self._plans: dict[str, tuple[float, tuple[StepState, ...]]] = {}

    async def start(
        self, analysis_name: str, raw_input: object, owner: str, *, only_existing: bool = False
    ) -> Started:
        """Raises `UnknownAnalysis`, `InvalidInput`, `TooManyActive`, `QueueFull`, `StoreUnavailable`,
        `DiskAlmostFull`.

        `only_existing`: what is in flight answers; anything new is as much too many.
        """
        analysis = self._catalogue[analysis_name]
        validated = validate_input(analysis.input, raw_input)
        given = arguments(validated)
        await self._check_uploads(given, owner_hash(owner))
        if analysis.check is not None and not only_existing:
            with reading(OwnedUploads(self._store, owner_hash(owner))):
                await analysis.check(**given)
        input_json = validated.model_dump_json()
        subject = analysis.subject(**given) if analysis.subject is not None else subject_of(input_json)
        added = await self._add(
            NewSession(
                id=new_session_id(),
                analysis=analysis.name,
                subject=bounded(plain(subject)),
                owner=owner_hash(owner),
                input=input_json,
                steps=await self._lines(analysis),
                max_attempts=self._attempts(analysis),
                timeout=analysis.timeout or self._defaults.timeout,
                queue=analysis.queue,
                priority=analysis.priority,
            ),
            only_existing=only_existing,
        )
        if not added.existing:
            self._tell(added.session, announced=added.announced)
        return Started(added.session, added.existing)

    async def get(self, session_id: str, *, owner: str | None) -> SessionView | None:
        session = await self._session(session_id, owner)
        return await self._watch.view(session) if session else None

    async def follow(self, session_id: str, *, owner: str | None) -> Following | None:
        """A context within which its changes can be waited for; `None`: no such session of this owner."""
        session = await self._session(session_id, owner)
        return self._watch.follow(session) if session else None

    async def watch(self, session_id: str, *, owner: str | None) -> AsyncIterator[SessionView]:
        """Its view now and after each change, the final one last; nothing when there is no such session."""
        following = await self.follow(session_id, owner=owner)
        if following is None:
            return
        async with following as watched:
            view = watched.view
            yield view
            while not view.session.status.final and not watched.gone:
                await watched.changed()
                view = watched.view
                yield view

    async def select(self, selection: Selection) -> Sequence[AnalysisSession]:
        return await self._store.select(selection)

    async def result(self, session_id: str, *, owner: str | None) -> StoredResult | None:
        """Also after its session was cleaned up, while results are kept."""
        return await self._store.result(session_id, owner=owner_hash(owner) if owner is not None else None)

    async def share(self, session_id: str, *, owner: str | None) -> str | None:
        """The link by which others may read its result, made if there is none; `None`: no result of this owner."""
        hashed = owner_hash(owner) if owner is not None else None
        return await self._store.share(session_id, new_share_token(), owner=hashed)

    async def unshare(self, session_id: str, *, owner: str | None) -> bool:
        """Revoke its link. `False`: no result of this owner."""
        return await self._store.unshare(session_id, owner=owner_hash(owner) if owner is not None else None)

    async def shared(self, link: str) -> StoredResult | None:
        """The result that has this link."""
        return await self._store.shared(link)

    async def store_upload(self, owner: str, name: str, file: BinaryIO) -> StoredUpload:
        """Keep a file of this owner's, to be named in an input as `upload:<sha256>`.

        Raises `QuotaExceeded`, `DiskAlmostFull`, `StoreUnavailable`.
        """
        return await self.quota.put(owner_hash(owner), plain(name), file)

    def expecting(self, owner: str, size: int) -> AbstractAsyncContextManager[ExpectedUpload]:
        """See `Quota.expecting`."""
        return self.quota.expecting(owner_hash(owner), size)

    async def cancel(self, session_id: str, *, owner: str | None) -> CancelAnswer | None:
        """Stops the work, not only the label. `None`: no such session of this owner."""
        answer = await self._store.cancel(session_id, owner=owner_hash(owner) if owner is not None else None)
        if answer is CancelAnswer.CANCELLING:
            self._notifier.publish(Topic.CANCEL, [session_id])
        if answer is not None:
            self._notifier.publish(Topic.CHANGED, [session_id])
        return answer

    async def retry(self, session_id: str, *, owner: str | None) -> RetryAnswer | None:
        """A new round of attempts, resuming after the kept steps. `None`: no such session of this owner.

        Raises `InvalidInput` when an uploaded file that it needs has expired, or its input is not understood.
        """
        session = await self._session(session_id, owner)
        if session is None:
            return None
        analysis = self._catalogue[session.analysis]
        try:
            given = arguments(read_input(analysis.input, session.input))
        except NotUnderstood:
            raise InvalidInput(
                "Another version of this site has started it, and this one cannot read its input: start it anew."
            ) from None
        await self._check_uploads(given, session.owner)
        answer = await self._store.retry(session_id, owner=session.owner, attempts=self._attempts(analysis))
        if answer is RetryAnswer.RETRIED:
            self._tell(session)
            self._notifier.publish(Topic.CHANGED, [session_id])
        return answer

    async def adopt(self, anonymous: str, owner: str) -> int:
        """Give all that an anonymous visitor has to `owner`, on login; answers how many sessions."""
        return await self._store.adopt(owner_hash(anonymous), owner_hash(owner))

    async def _add(self, new: NewSession, *, only_existing: bool) -> Added:
        if only_existing:
            return await self._store.add(new, NOTHING_NEW)
        if self.quota.has_space:
            return await self._store.add(new, self._defaults.limits)
        try:
            return await self._store.add(new, NOTHING_NEW)
        except (TooManyActive, QueueFull):
            raise DiskAlmostFull from None

    def _tell(self, session: AnalysisSession, *, announced: bool = False) -> None:
        """Those who may work on it, after its row says so: it waits. `announced`: workers know already."""
        if not announced:
            self._notifier.publish(Topic.WAITING, [session.queue])
        if self._dispatcher:
            self._dispatcher.dispatch([Waiting.of(session)])

    async def _session(self, session_id: str, owner: str | None) -> AnalysisSession | None:
        return await self._store.get(session_id, owner=owner_hash(owner) if owner is not None else None)

    def _attempts(self, analysis: Analysis) -> int:
        return 1 if self._defaults.one_attempt else analysis.max_attempts or self._defaults.max_attempts

    async def _check_uploads(self, given: Mapping[str, Any], owner: str) -> None:
        for name, value in given.items():
            for upload in walk(value):
                if isinstance(upload, Upload) and await self._store.find(owner, upload.sha256) is None:
                    raise InvalidInput(
                        "There is no such uploaded file of yours, or it has expired: please upload it (again).",
                        f"/{name}",
                    )

    async def _lines(self, analysis: Analysis) -> tuple[StepState, ...]:
        """The plan with the weights that a session starting now is given for good."""
        now = self._clock.monotonic()
        read, lines = self._plans.get(analysis.name, (float("-inf"), ()))
        if now - read > HISTORY_FOR:
            durations = await self._store.durations(analysis.name)
            expected = {name: expect(of_step) for name, of_step in durations.items()}
            lines = tuple(
                StepState(s.name, s.title, round(w, 6), expected=expected.get(s.name))
                for s, w in zip(analysis.plan, weigh(analysis.plan, expected), strict=True)
            )
            self._plans[analysis.name] = (now, lines)
        return lines
