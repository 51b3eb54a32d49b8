"""Sessions that one worker does not understand: it leaves them to workers of another version."""

import logging
from collections.abc import Collection

from outlast.domain.session import AnalysisSession

log = logging.getLogger(__name__)

AT_MOST = 10_000
"""So many are remembered; the oldest is forgotten, and looked at once more."""


class ForeignSessions:
    """What a worker has given back because it did not understand it."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}
        self._told: set[str] = set()

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._ids

    @property
    def ids(self) -> Collection[str]:
        return self._ids.keys()

    def add(self, session: AnalysisSession, why: str) -> None:
        """Logged once for each analysis; every session has it in its history."""
        self._ids[session.id] = None
        if len(self._ids) > AT_MOST:
            del self._ids[next(iter(self._ids))]
        if session.analysis not in self._told:
            self._told.add(session.analysis)
            log.warning(
                "Session %s (%s) is left to other workers, and so are others like it: %s. Workers of the version "
                "that has started it take it.",
                session.id,
                session.analysis,
                why.rstrip("."),
            )
