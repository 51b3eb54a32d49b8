"""Sessions whose input a worker cannot read: it leaves them to other workers, and fails them if no worker can."""

import logging
from collections.abc import Collection
from contextlib import suppress

from outlast.domain.errors import StoreUnavailable
from outlast.domain.messages import message
from outlast.domain.outcome import Failed, Released
from outlast.domain.session import AnalysisSession
from outlast.ports.clock import Clock
from outlast.ports.store import Store

log = logging.getLogger(__name__)

MAX_FOREIGN = 10_000
"""Maximum number of remembered sessions; the worker claims and releases a forgotten one once more."""
LEFT_TO_OTHERS_FOR = 600.0
"""Seconds for which this worker leaves a session to workers of another version, which a deploy may still start.
No session fails before this age."""
UNREAD = "This worker does not understand the input: "
"""The beginning of the history line of a worker that could not read the input."""


class ForeignSessions:
    """The sessions that one worker has released because it cannot read their input."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._left_until: dict[str, float] = {}
        """By session id, the monotonic time from which this worker may claim it again, the earliest first."""
        self._logged_analyses: set[str] = set()

    def __contains__(self, session_id: str) -> bool:
        return session_id in self.ids

    @property
    def ids(self) -> Collection[str]:
        """The ids of the sessions that this worker leaves to others now."""
        now = self._clock.monotonic()
        while self._left_until and self._left_until[first := next(iter(self._left_until))] <= now:
            del self._left_until[first]
        return self._left_until.keys()

    async def end_of(self, session: AnalysisSession, worker_id: str, fault: str) -> Released | Failed:
        """Return the end of an attempt by this worker, which could not read the input.

        Neither an input nor a signature tells which of two versions is newer. So every living worker that may run
        the session tries to read its input, and workers that a deploy is about to start get some minutes to do so.
        If none of them can, the session fails.
        """
        with suppress(StoreUnavailable):
            if await self._all_have_tried(session, worker_id):
                log.warning(
                    "Session %s (%s) fails: no living worker understands its input: %s. Analyses migrate inputs "
                    "of earlier versions by upgrade=.",
                    session.id,
                    session.analysis,
                    fault.rstrip("."),
                )
                sentence = message(
                    "This site has changed since this analysis was started, and it cannot read the input any more "
                    "({fault}). Please start it anew.",
                    fault=fault.rstrip("."),
                )
                return Failed(sentence, "input_changed", None, session.progress.steps)
        self.add(session, fault)
        return Released(UNREAD + fault)

    def add(self, session: AnalysisSession, fault: str) -> None:
        """Leave a session to other workers; log the first of each analysis, since the history has them all."""
        self._left_until.pop(session.id, None)
        self._left_until[session.id] = self._clock.monotonic() + LEFT_TO_OTHERS_FOR
        if len(self._left_until) > MAX_FOREIGN:
            del self._left_until[next(iter(self._left_until))]
        if session.analysis not in self._logged_analyses:
            self._logged_analyses.add(session.analysis)
            log.warning(
                "This worker leaves session %s (%s), and others like it, to other workers: %s%s. Run a worker of "
                "the version that started it.",
                session.id,
                session.analysis,
                UNREAD,
                fault.rstrip("."),
            )

    async def _all_have_tried(self, session: AnalysisSession, worker_id: str) -> bool:
        """Return whether every living worker that may run this session has failed to read its input."""
        if session.elapsed_ms < LEFT_TO_OTHERS_FOR * 1000:
            return False
        others = {
            worker.id
            for worker in await self._store.workers()
            if worker.alive and session.queue in worker.queues and session.analysis in worker.analyses
        } - {worker_id}
        if not others:
            return True
        history = await self._store.history(session.id)
        return others <= {line.worker_id for line in history if (line.error or "").startswith(UNREAD)}
