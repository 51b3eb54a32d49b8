"""Uploaded files: in the store, owned, expiring, so that a worker elsewhere can read them."""

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
    """As the browser said it, for people; never used as a path."""
    bytes: int
    used_at: datetime
    """Last put or used; what its expiry counts from."""


def length(file: BinaryIO) -> int:
    """Bytes of a file, which is at its start before and after."""
    size = file.seek(0, 2)
    file.seek(0)
    return size


class Blobs(Protocol):
    """Uploads by owner and content. Its hash is no key to another's upload. Same laws as `SessionStore`."""

    async def put(self, owner: str, name: str, file: BinaryIO) -> StoredUpload:
        """Store all that `file` (at its start) holds, chunk by chunk without holding up other writers; visible
        only once whole. The same content again only renews it.
        """
        ...

    async def find(self, owner: str, sha256: str) -> StoredUpload | None:
        """The upload, its last use set to now; `None` when this owner has none such."""
        ...

    def chunks(self, owner: str, sha256: str) -> AsyncIterator[bytes]:
        """Its content in chunks; `KeyError` when this owner has none such."""
        ...
