"""Pauses of queues and analyses, which every worker of the store respects."""

from collections.abc import Collection
from typing import Protocol

from outlast.domain.pauses import Pause


class Pauses(Protocol):
    """Same laws as `SessionStore`. A pause applies to every claim after it; it changes no session."""

    async def pause(self, pause: Pause) -> bool:
        """Pause; return `False` if it was paused already."""
        ...

    async def resume(self, pause: Pause) -> bool:
        """End a pause; return `False` if it was not paused. Its sessions may be offered to a fleet at once."""
        ...

    async def pauses(self) -> Collection[Pause]:
        """Return all pauses, ordered by kind and name."""
        ...
