"""The keys with which a client repeats a start without starting anything twice (`Idempotency-Key`)."""

from dataclasses import dataclass
from typing import Final, Protocol

KEEP_START_KEY: Final = 86_400.0
"""Seconds for which a key is kept."""
HOLD_START_KEY: Final = 60.0
"""Seconds after which another request may take a key whose holder has not settled it: it has probably crashed."""


@dataclass(frozen=True, slots=True)
class StartKey:
    """What a key stands for. The caller holds it unless it is settled or another request holds it."""

    session_id: str
    """The session, or the id with which the holder starts one."""
    fingerprint: str
    """The hash of the request that took the key."""
    held: bool
    """The caller holds the key now, and settles or releases it."""
    settled: bool = False
    """The session has started."""


class StartKeys(Protocol):
    """Keys by owner. Same laws as `SessionStore`; keys and fingerprints are hashes."""

    async def take_start_key(self, owner: str, key: str, fingerprint: str, session_id: str) -> StartKey:
        """Hold the key for a session with this id, if the key is new or has expired; else return what it is.

        A key with the same fingerprint whose holder let `HOLD_START_KEY` pass is held by the caller, with the id
        of the former holder, whose session may exist.
        """
        ...

    async def settle_start_key(self, owner: str, key: str, session_id: str) -> None:
        """Record that this session is the one of the key."""
        ...

    async def release_start_key(self, owner: str, key: str) -> None:
        """Delete a key that is not settled, as its start was refused."""
        ...
