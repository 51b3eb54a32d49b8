"""The use cases: start, get, watch, cancel, retry, delete. The web layer, the CLI and host programs call them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from typing import BinaryIO, Final

from outlast.core.analyses.analysis import Analysis
from outlast.core.analyses.payload import (
    NotUnderstood,
    arguments,
    validate_input,
)
from outlast.core.ids import new_share_token, owner_hash, stored_owner
from outlast.core.quota import Reservation
from outlast.core.session_starts import SessionStarts, identified
from outlast.core.watch import SessionView, WatcherContext
from outlast.domain.errors import (
    InvalidInput,
    UnknownAnalysis,
)
from outlast.domain.messages import message
from outlast.domain.questions import answer_faults, load_asked, with_answers
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.domain.storable_text import storable_text
from outlast.ports.blobs import StoredUpload
from outlast.ports.deletions import DeleteAnswer, Deleted
from outlast.ports.dispatcher import WaitingSession
from outlast.ports.failures import Answered
from outlast.ports.notifier import Topic
from outlast.ports.results import LinkCursor, ShareLink, StoredResult
from outlast.ports.store import CancelAnswer, RetryAnswer, Selection

NOT_OFFERED = message("This site does not offer this analysis any more.")
LONGEST_SHARE: Final = timedelta(days=366)
"""For which a share link that expires may be valid."""
EXPIRY_BOUNDS: Final = (
    f"expires_in is a number of seconds from 1 to {LONGEST_SHARE.total_seconds():.0f}, {LONGEST_SHARE.days} days. "
    "Leave it out for a link that never expires."
)
MOST_CANCELLED: Final = 10_000
"""Sessions in flight that one deletion of everything cancels."""


class Sessions(SessionStarts):
    """The operations on sessions. `owner` is the caller; `None` is an operator, who may see every session."""

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

    async def share(
        self, session_id: str, *, owner: str | None, expires_in: timedelta | None = None
    ) -> ShareLink | None:
        """Return the share link of the result, created if needed; `None` if this owner has no such result.

        `expires_in` sets when it expires, from now; without it, a link keeps its expiry, and a new one has none.
        Raises `ValueError` if it is out of bounds.
        """
        expires_at = None
        if expires_in is not None:
            if not timedelta(0) < expires_in <= LONGEST_SHARE:
                raise ValueError(f"expires_in is {expires_in}. {EXPIRY_BOUNDS}")
            expires_at = self._clock.now() + expires_in
        hashed = owner_hash(owner) if owner is not None else None
        return await self._store.share(session_id, new_share_token(), owner=hashed, expires_at=expires_at)

    async def share_links(
        self, owner: str, *, limit: int, before: LinkCursor | None = None
    ) -> Sequence[ShareLink]:
        """Return the owner's valid share links, the newest result first."""
        return await self._store.share_links(owner_hash(owner), limit=limit, before=before)

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
        if answer is not None:
            self._notifier.publish(Topic.CHANGED, [session_id])
        if before is not None and before.follows:
            await self._stop_unwanted(before)
            return answer
        if answer is CancelAnswer.CANCELLED and before is not None and before.status is Status.PENDING:
            self._metric_counts.cancelled(before)
        if answer is CancelAnswer.CANCELLING:
            self._notifier.publish(Topic.CANCEL, [session_id])
        return answer

    async def _stop_unwanted(self, before: AnalysisSession) -> None:
        """Tell the worker of a run if the session that has just left it was the last one."""
        run = await self._run_of(before)
        if run is None or run.cancel_requested_at is None or before.cancel_requested_at is not None:
            return
        if run.status is Status.CANCELLED and before.status is Status.PENDING:
            self._metric_counts.cancelled(run)
        if run.status is Status.PROCESSING:
            self._notifier.publish(Topic.CANCEL, [run.id])

    async def _run_of(self, session: AnalysisSession) -> AnalysisSession | None:
        return None if session.run_id is None else await self._store.get(session.run_id, owner=None)

    async def retry(self, session_id: str, *, owner: str | None) -> RetryAnswer | None:
        """Grant new attempts, which resume after the kept steps; `None` if this owner has no such session.

        Raises `InvalidInput` if an uploaded file has expired or this version cannot read the input, and
        `UnknownAnalysis` if this version does not have the analysis.
        """
        session = await self._session(session_id, owner)
        if session is None:
            return None
        return await self._retry(session, await self._further_attempts(session))

    async def _retry(
        self, session: AnalysisSession, attempts: int, answered: Answered | None = None
    ) -> RetryAnswer | None:
        answer = await self._store.retry(session.id, owner=session.owner, attempts=attempts, answered=answered)
        if answer is RetryAnswer.RETRIED:
            await self._retried(session)
        return answer

    async def answer(
        self, session_id: str, answers: Mapping[str, str], *, owner: str | None
    ) -> RetryAnswer | None:
        """Put the answers to the questions of a session into its input, and retry it.

        Returns `None` if this owner has no such session. Raises `InvalidInput` for answers that do not fit the
        questions or are refused as a start would be, and what `retry` raises.
        """
        session = await self._session(session_id, owner)
        if session is None:
            return None
        if session.asked is None or session.error_code != "question":
            return RetryAnswer.NOTHING_ASKED
        attempts = await self._further_attempts(session)
        asked = load_asked(session.asked)
        if faults := answer_faults(asked, answers):
            (pointer, detail), *others = faults
            raise InvalidInput(detail, pointer, others)
        analysis = self.offered(session.analysis)
        values = analysis.stored_input(session.input).model_dump(mode="json")
        validated = validate_input(analysis.input, with_answers(values, asked, answers))
        keywords = arguments(validated)
        await self._check(analysis, keywords, session.owner, checked=True)
        own = f" ({session.id})" if session.owner == stored_owner(None) else ""
        return await self._retry(session, attempts, identified(analysis, validated, keywords, own))

    async def _retried(self, session: AnalysisSession) -> None:
        """Publish a retried session, or the run that it follows."""
        run = await self._waiting_run(session)
        if run is not None:
            self._announce(run)
        self._notifier.publish(Topic.CHANGED, [session.id])

    async def _waiting_run(self, retried: AnalysisSession) -> AnalysisSession | None:
        """Return what waits for a worker after a retry: the session itself or the run that it follows."""
        if retried.run_id is None:
            return retried
        again = await self._store.get(retried.id, owner=None)
        if again is None or not again.follows:
            return again
        run = await self._run_of(again)
        return run if run is not None and run.status is Status.PENDING else None

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
            self._notifier.publish(Topic.WAITING, sorted({session.queue for session in retried}))
            self._notifier.publish(Topic.CHANGED, [session.id for session in retried])
            if self._dispatcher:
                runs = [await self._waiting_run(session) for session in retried]
                self._dispatcher.dispatch([WaitingSession.of(run) for run in runs if run is not None])
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
                message(
                    "Another version of this site has started it, and this one cannot read its input ({error}): "
                    "start it anew.",
                    error=error,
                )
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

    async def _session(self, session_id: str, owner: str | None) -> AnalysisSession | None:
        return await self._store.get(session_id, owner=owner_hash(owner) if owner is not None else None)
