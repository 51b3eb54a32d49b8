"""Links by which an owner lets others read a result: one at most for each, unguessable, revocable."""

from typing import Protocol

from outlast.ports.results import StoredResult


class Shares(Protocol):
    """A link is a part of its result: it changes hands and ends with it. Same laws as `SessionStore`."""

    async def share(self, session_id: str, token: str, *, owner: str | None) -> str | None:
        """Give the result this link unless it has one; answers the link that holds, under any race.

        `None`: no such result of this owner.
        """
        ...

    async def unshare(self, session_id: str, *, owner: str | None) -> bool:
        """Nobody can read it by its link any more; a later link is another. `False`: no such result of this
        owner.
        """
        ...

    async def shared(self, token: str) -> StoredResult | None:
        """The result that has this link."""
        ...
