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
    """The valid link by which others may read it."""
    share_expires_at: datetime | None = None
    """When the link expires; `None`: never, or there is no link."""


@dataclass(frozen=True, slots=True)
class ShareLink:
    """A valid link to a result."""

    session_id: str
    analysis: str
    subject: str
    link: str
    """The unguessable part of its address."""
    expires_at: datetime | None
    """`None`: it is valid for as long as its result is kept."""
    completed_at: datetime
    """Of the session."""


@dataclass(frozen=True, slots=True)
class LinkCursor:
    """The last link of the page before, in a list by `completed_at`; it may have been revoked."""

    completed_at: datetime
    session_id: str


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

    async def share(
        self, session_id: str, token: str, *, owner: str | None, expires_at: datetime | None = None
    ) -> ShareLink | None:
        """Set this link unless the result has a valid one; return the link that is valid, under any race.

        `expires_at` counts for a link that there is, too; without it, that link keeps its expiry, and a new one
        has none. An expired link is replaced. `None` means that this owner has no such result.
        """
        ...

    async def unshare(self, session_id: str, *, owner: str | None) -> bool:
        """Revoke the link for good: a later one will differ. Return `False` if this owner has no such
        result.
        """
        ...

    async def shared(self, token: str) -> StoredResult | None:
        """Return the result with this link; `None` once it has expired."""
        ...

    async def share_links(
        self, owner: str, *, limit: int, before: LinkCursor | None = None
    ) -> Sequence[ShareLink]:
        """Return the owner's valid links, the newest result first."""
        ...
