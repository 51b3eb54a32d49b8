"""Tells a fleet behind a broker that sessions wait; may lose messages, never the truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from outlast.domain.session import AnalysisSession

OFFER_AGAIN_AFTER = 60.0
"""Seconds after which a session that still waits is offered to the fleet again."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A session that waits to be claimed, as much of it as a broker needs to route it."""

    session_id: str
    queue: str
    priority: int
    """Larger goes first."""
    analysis: str
    """For the eyes of those who watch the broker."""

    @staticmethod
    def of(session: AnalysisSession) -> "Waiting":
        return Waiting(session.id, session.queue, session.priority, session.analysis)


class Dispatcher(Protocol):
    """Sends session ids to a fleet. The claim is made in the store, so a message may be lost, doubled or late.

    What a broker loses is offered again by `SessionStore.offer`.
    """

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    def dispatch(self, waiting: Sequence[Waiting]) -> None:
        """Never blocks, never raises. Safe from any thread."""
        ...
