"""Used and free storage."""

from typing import Protocol


class Storage(Protocol):
    """The measurements that quotas are compared with. Same laws as `SessionStore`."""

    async def stored_bytes(self, owner: str | None) -> int:
        """Return the bytes of one owner's uploads, or of all; an incomplete one counts in full."""
        ...

    def free_bytes(self) -> int | None:
        """Return the bytes that can be written, within microseconds; `None` if only the database's host knows."""
        ...
