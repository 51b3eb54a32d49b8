"""What analyses want to remember beyond a session: facts by space and key, each with its time to be forgotten."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredFact:
    """One value. Several may stand under one key, each as an item of its own."""

    key: str
    item: str
    value: str
    """JSON."""


class FactStore(Protocol):
    """Facts of the whole installation, nobody's in particular. Same laws as `SessionStore`."""

    async def remember(self, space: str, facts: Sequence[StoredFact], *, until: datetime) -> None:
        """Write these, in place of what stands under the same key and item; forgotten after `until`."""
        ...

    async def recall(self, space: str, keys: Sequence[str]) -> Mapping[str, Sequence[StoredFact]]:
        """What stands under these keys and is not to be forgotten yet, by item; keys without any are not there."""
        ...

    async def forget(self, space: str, keys: Sequence[str]) -> None:
        """Delete all that stands under these keys."""
        ...
