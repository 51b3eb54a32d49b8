"""Deletion of sessions on request, with everything that belongs to them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class DeleteAnswer(StrEnum):
    """What a deletion found."""

    DELETED = "deleted"
    """The session or its result was there and is deleted now."""
    IN_FLIGHT = "in_flight"
    """The session has not ended; nothing changed. Cancel it first."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """What was deleted of one owner."""

    sessions: int = 0
    """Sessions that had ended."""
    results: int = 0
    """Results with their share links, also of sessions that a cleanup had deleted."""
    uploads: int = 0
    """Uploaded files."""
    facts: int = 0
    """Facts that these sessions remembered last."""
    remaining: tuple[str, ...] = ()
    """The ids of sessions that have not ended yet, oldest first: they and their uploads are not deleted."""


class Deletions(Protocol):
    """Deletion on request. Same laws as `SessionStore`."""

    async def delete(self, session_id: str, *, owner: str | None) -> DeleteAnswer | None:
        """Delete a session that has ended, its result with the share link, the facts that it remembered, and those
        uploads in its input that no other session of its owner has in its own.

        Of a session that was pruned, delete the result and the facts. Returns `None` if this owner has neither.
        """
        ...

    async def delete_all(self, owner: str) -> Deleted:
        """Delete everything of this owner, in batches, except sessions in flight and the uploads that they use."""
        ...
