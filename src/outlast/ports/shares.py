"""Share links of results: at most one for each, unguessable and revocable."""

from typing import Protocol

from outlast.ports.results import StoredResult


class Shares(Protocol):
    """A link belongs to its result: it is adopted and deleted with it. Same laws as `SessionStore`."""

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
