"""Results and step durations, which outlive their sessions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

SAMPLES_KEPT = 50
"""Newest durations stored per analysis and step."""


@dataclass(frozen=True, slots=True)
class StoredResult:
    """The result of a completed session."""

    session_id: str
    analysis: str
    subject: str
    result: str
    """JSON."""
    redirect_url: str | None
    completed_at: datetime
    share: str | None = None
    """The link by which others may read it."""


@dataclass(frozen=True, slots=True)
class StepSample:
    """The duration of one step in one completed session."""

    analysis: str
    step: str
    duration_ms: int


class Results(Protocol):
    """Results by session and owner; step statistics by analysis. Same laws as `SessionStore`."""

    async def result(self, session_id: str, *, owner: str | None) -> StoredResult | None:
        """Return a result, also after its session was pruned, until its own retention ends."""
        ...

    async def learn(self, samples: Sequence[StepSample]) -> None:
        """Store durations; some may be lost."""
        ...

    async def durations(self, analysis: str) -> Mapping[str, Sequence[int]]:
        """Return the stored durations in milliseconds, by step."""
        ...
