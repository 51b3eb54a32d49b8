"""The keys of programs that use the API."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key, without its secret."""

    id: str
    name: str
    """What its operator calls it."""
    owner: str
    """The owner of the sessions that it starts."""
    scopes: frozenset[str]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def valid(self, now: datetime) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def newest_first(keys: Iterable[ApiKey]) -> list[ApiKey]:
    """Return the keys in the order of a list: there are few of them."""
    return sorted(sorted(keys, key=lambda key: key.id), key=lambda key: key.created_at, reverse=True)


class ApiKeys(Protocol):
    """Keys by the hash of their secret. Same laws as `SessionStore`."""

    async def add_api_key(self, key: ApiKey, digest: str) -> None: ...

    async def find_api_key(self, digest: str) -> ApiKey | None:
        """Return the key with this hash, also if it is expired or revoked."""
        ...

    async def api_keys(self) -> Sequence[ApiKey]:
        """Return all keys, the newest first."""
        ...

    async def revoke_api_key(self, key_id: str) -> bool:
        """Revoke a key for good; return `False` if there is none with this id."""
        ...
