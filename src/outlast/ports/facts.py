"""Facts that analyses keep beyond a session, by space and key, with an expiry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredFact:
    """One value. A key may have several, each as an item of its own."""

    key: str
    item: str
    value: str
    """JSON."""


class FactStore(Protocol):
    """Facts of the whole installation, without owners. Same laws as `SessionStore`."""

    async def remember(
        self, space: str, facts: Sequence[StoredFact], *, until: datetime, session_id: str | None = None
    ) -> None:
        """Insert or replace these by key and item; they expire at `until`.

        They are deleted with the session `session_id`, if any, when that is deleted on request.
        """
        ...

    async def recall(self, space: str, keys: Sequence[str]) -> Mapping[str, Sequence[StoredFact]]:
        """Return the unexpired facts of these keys, ordered by item; keys without facts are omitted."""
        ...

    async def take(self, space: str, key: str) -> Sequence[StoredFact]:
        """Return the unexpired facts of a key and delete them: of several callers at once, one gets them."""
        ...

    async def forget(self, space: str, keys: Sequence[str]) -> None:
        """Delete all facts of these keys."""
        ...
