"""Sends pending sessions to workers behind a broker. It may lose messages: the store has the truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from outlast.domain.session import AnalysisSession

OFFER_AGAIN_AFTER = 60.0
"""Seconds after which a session that still waits is offered to the fleet again."""


@dataclass(frozen=True, slots=True)
class WaitingSession:
    """A pending session, as far as a broker needs it for routing."""

    session_id: str
    queue: str
    priority: int
    """Larger goes first."""
    analysis: str
    """Shown in monitoring of the broker."""

    @staticmethod
    def of(session: AnalysisSession) -> "WaitingSession":
        return WaitingSession(session.id, session.queue, session.priority, session.analysis)


class Dispatcher(Protocol):
    """Sends session ids to a fleet. Workers claim in the store, so a message may be lost, duplicated or late.

    `SessionStore.offer` returns lost sessions again.
    """

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    def dispatch(self, waiting: Sequence[WaitingSession]) -> None:
        """Never blocks, never raises. Safe from any thread."""
        ...
