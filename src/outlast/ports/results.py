"""Results with their share links, and step durations, which outlive their sessions."""

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
    """The id of its session."""
    analysis: str
    """The name of the analysis."""
    subject: str
    """What was analysed."""
    result: str
    """JSON."""
    redirect_url: str | None
    """Where the page of the result sends the visitor."""
    completed_at: datetime
    """When the session ended; aware, in UTC."""
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

    async def record_durations(self, samples: Sequence[StepSample]) -> None:
        """Store durations; some may be lost."""
        ...

    async def durations(self, analysis: str) -> Mapping[str, Sequence[int]]:
        """Return the stored durations in milliseconds, by step."""
        ...


class Shares(Protocol):
    """At most one unguessable link for each result: adopted and deleted with it. Same laws as `SessionStore`."""

    async def share(self, session_id: str, token: str, *, owner: str | None) -> str | None:
        """Set this link unless the result has one; return the link that is valid, under any race.

        `None` means that this owner has no such result.
        """
        ...

    async def unshare(self, session_id: str, *, owner: str | None) -> bool:
        """Revoke the link for good: a later one will differ. Return `False` if this owner has no such
        result.
        """
        ...

    async def shared(self, token: str) -> StoredResult | None:
        """Return the result with this link."""
        ...
