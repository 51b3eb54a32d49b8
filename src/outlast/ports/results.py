"""What outlives a session: results, and how long steps took."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

SAMPLES_KEPT = 50
"""Durations remembered per analysis and step, the newest."""


@dataclass(frozen=True, slots=True)
class StoredResult:
    """A result as the completed session left it."""

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
    """One step worked for in one completed session."""

    analysis: str
    step: str
    duration_ms: int


class Results(Protocol):
    """Results by session and owner; step statistics by analysis. Same laws as `SessionStore`."""

    async def result(self, session_id: str, *, owner: str | None) -> StoredResult | None:
        """Also after its session was pruned, until the results' own retention ends."""
        ...

    async def learn(self, samples: Sequence[StepSample]) -> None:
        """Remember durations; losing some does no harm."""
        ...

    async def durations(self, analysis: str) -> Mapping[str, Sequence[int]]:
        """The remembered durations in milliseconds, by step."""
        ...
