"""How much is stored, and how much room there is for more."""

from typing import Protocol


class Storage(Protocol):
    """The measures that quotas are held against. Same laws as `SessionStore`."""

    async def stored_bytes(self, owner: str | None) -> int:
        """Bytes of the uploads of one owner, or of all; one on its way counts as long as its file is."""
        ...

    def free_bytes(self) -> int | None:
        """Bytes that can still be written, found in microseconds; `None` where only the database's host knows."""
        ...
