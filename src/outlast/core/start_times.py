"""When each session in flight began, by this process's own monotonic clock."""

from outlast.domain.session import AnalysisSession
from outlast.ports.clock import Clock

KNOWN = 20_000
"""Sessions whose beginnings are kept; beyond it all are found anew."""


class StartTimes:
    """Notes the beginning of a session at its first sight, so that no later jump of a store's clock moves it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, float] = {}

    def of(self, session: AnalysisSession) -> float:
        """Monotonic, in seconds; `session` has just been read."""
        began = self._clock.monotonic() - session.elapsed_ms / 1000
        if session.status.final:
            self._known.pop(session.id, None)
            return began
        if len(self._known) >= KNOWN:
            self._known.clear()
        return self._known.setdefault(session.id, began)
