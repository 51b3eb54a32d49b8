"""Sessions whose input a worker cannot read: it leaves them to other workers, or fails them if none can either."""

import logging
from collections.abc import Collection
from contextlib import suppress

from outlast.domain.errors import StoreUnavailable
from outlast.domain.outcome import Failed, Released
from outlast.domain.session import AnalysisSession
from outlast.ports.clock import Clock
from outlast.ports.store import Store

log = logging.getLogger(__name__)

MAX_FOREIGN = 10_000
"""Maximum number of remembered sessions; a forgotten one is claimed and released once more."""
LEFT_TO_OTHERS_FOR = 600.0
"""Seconds in which workers of another version may come, from the start of a session and from each look at it."""
UNREAD = "This worker does not understand the input: "
"""How the line of history of a worker begins that could not read the input."""


class ForeignSessions:
    """The sessions that one worker has released because it cannot read their input."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._left_until: dict[str, float] = {}
        """By session, the time of the next look at it, the earliest first."""
        self._logged_analyses: set[str] = set()

    def __contains__(self, session_id: str) -> bool:
        return session_id in self.ids

    @property
    def ids(self) -> Collection[str]:
        """The sessions that are left to other workers now."""
        now = self._clock.monotonic()
        while self._left_until and self._left_until[first := next(iter(self._left_until))] <= now:
            del self._left_until[first]
        return self._left_until.keys()

    async def end_of(self, session: AnalysisSession, worker_id: str, fault: str) -> Released | Failed:
        """Return the end of an attempt by this worker, which could not read the input.

        Which of two versions is newer shows neither in an input nor in a signature. So every worker that may run
        the session has a look at it, and a worker that a deploy has not started yet gets some minutes. If none of
        them can read the input, waiting helps nobody.
        """
        with suppress(StoreUnavailable):
            if await self._all_have_looked(session, worker_id):
                log.warning(
                    "Session %s (%s) fails: no living worker understands its input: %s. Analyses migrate inputs "
                    "of earlier versions by upgrade=.",
                    session.id,
                    session.analysis,
                    fault.rstrip("."),
                )
                sentence = (
                    "This site has changed since this analysis was started, and it cannot read the input any more "
                    f"({fault.rstrip('.')}). Please start it anew."
                )
                return Failed(sentence, "input_changed", None, session.progress.steps)
        self.add(session, fault)
        return Released(UNREAD + fault)

    def add(self, session: AnalysisSession, fault: str) -> None:
        """Leave a session to others; log it once per analysis, since each session has it in its history."""
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

    async def _all_have_looked(self, session: AnalysisSession, worker_id: str) -> bool:
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
