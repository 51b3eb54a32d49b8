"""Where to tell the end of a session, as a webhook."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

MOST_RECEIVERS: Final = 10
"""Of one session."""


@dataclass(frozen=True, slots=True)
class Callback:
    """A receiver of the end of one session."""

    session_id: str
    url: str
    key_id: str
    """The API key that asked for it, by whose secret the webhook is signed."""
    queue: str = ""
    """The queue of the session; empty in `add_callback`."""
    version: int = 0
    """The version of the session; 0 in `add_callback`."""


class Callbacks(Protocol):
    """The receivers by session, deleted with it. A retry makes them due again. Same laws as `SessionStore`."""

    async def add_callback(self, callback: Callback) -> bool:
        """Add a receiver; one with the same address changes nothing.

        Returns `False` if the session has `MOST_RECEIVERS` others, or is gone.
        """
        ...

    async def due_callbacks(self, limit: int) -> Sequence[Callback]:
        """Return receivers whose session has ended and whose delivery has not started."""
        ...

    async def set_delivery(self, callback: Callback, delivery_id: str) -> None:
        """Note the session that delivers it; after a retry it stays due at the next end instead."""
        ...
