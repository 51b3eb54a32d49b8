"""Uploaded files, stored with owner and expiry so that workers on any machine can read them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

CHUNK = 1 << 20
"""Bytes per chunk as stored and read."""


@dataclass(frozen=True, slots=True)
class StoredUpload:
    """An upload of one owner."""

    sha256: str
    name: str
    """The name that the browser sent, for display; never used as a path."""
    bytes: int
    used_at: datetime
    """When it was last put or used; its expiry counts from here."""


def length(file: BinaryIO) -> int:
    """Return the size in bytes of a file whose position is, and stays, its start."""
    size = file.seek(0, 2)
    file.seek(0)
    return size


class Blobs(Protocol):
    """Uploads by owner and content. A hash gives no access to another's upload. Same laws as `SessionStore`."""

    async def put(self, owner: str, name: str, file: BinaryIO) -> StoredUpload:
        """Store the content of `file`, from its start, in chunks that do not block other writers; visible only
        when complete. Storing the same content again renews it.
        """
        ...

    async def find(self, owner: str, sha256: str) -> StoredUpload | None:
        """Return the upload and set its last use to now; `None` if this owner has no such upload."""
        ...

    def chunks(self, owner: str, sha256: str) -> AsyncIterator[bytes]:
        """Yield its content in chunks. Raises `KeyError` if this owner has no such upload."""
        ...


class Storage(Protocol):
    """The measurements that quotas are compared with. Same laws as `SessionStore`."""

    async def stored_bytes(self, owner: str | None) -> int:
        """Return the bytes of one owner's uploads and results, or of all; an incomplete upload counts in full."""
        ...

    def free_bytes(self) -> int | None:
        """Return the bytes that can be written, within microseconds; `None` if only the database's host knows."""
        ...
