"""The start time of each session in flight, by the monotonic clock of this process."""

from outlast.domain.session import AnalysisSession
from outlast.ports.clock import Clock

MAX_KNOWN = 20_000
"""Maximum number of cached start times; beyond it the cache is cleared."""


class StartTimes:
    """Caches a session's start time when it is first read, so that a jump of the store's clock cannot move it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, float] = {}

    def of(self, session: AnalysisSession) -> float:
        """Return the monotonic start time in seconds of a session that has just been read."""
        started_at = self._clock.monotonic() - session.elapsed_ms / 1000
        if session.status.final:
            self._known.pop(session.id, None)
            return started_at
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        return self._known.setdefault(session.id, started_at)
