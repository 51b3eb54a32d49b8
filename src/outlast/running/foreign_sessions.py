"""Remembers sessions whose input a worker cannot read, and leaves them to workers of another version."""

import logging
from collections.abc import Collection

from outlast.domain.session import AnalysisSession

log = logging.getLogger(__name__)

MAX_REMEMBERED = 10_000
"""Maximum number of remembered sessions; a forgotten one is claimed and released once more."""


class ForeignSessions:
    """The sessions that a worker released because it cannot read their input."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}
        self._logged_analyses: set[str] = set()

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._ids

    @property
    def ids(self) -> Collection[str]:
        return self._ids.keys()

    def add(self, session: AnalysisSession, why: str) -> None:
        """Remember a session; log it once per analysis, since each session has it in its history."""
        self._ids[session.id] = None
        if len(self._ids) > MAX_REMEMBERED:
            del self._ids[next(iter(self._ids))]
        if session.analysis not in self._logged_analyses:
            self._logged_analyses.add(session.analysis)
            log.warning(
                "This worker leaves session %s (%s), and others like it, to other workers: %s. Run a worker of "
                "the version that started it.",
                session.id,
                session.analysis,
                why.rstrip("."),
            )
