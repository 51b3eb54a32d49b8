"""Uploads in memory."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import BinaryIO

from outlast.backends.memory.tables import MemoryPart
from outlast.ports.blobs import CHUNK, StoredUpload


class MemoryBlobs(MemoryPart):
    """`Blobs`."""

    async def put(self, owner: str, name: str, file: BinaryIO) -> StoredUpload:
        chunks = await asyncio.to_thread(_read, file)
        digest = hashlib.sha256()
        for chunk in chunks:
            digest.update(chunk)
        sha256 = digest.hexdigest()
        with self._tables.lock:
            known = self._use(owner, sha256)
            if known is not None:
                return known
            upload = StoredUpload(sha256, name, sum(map(len, chunks)), self._tables.clock.now())
            self._tables.uploads[owner, sha256] = (upload, chunks)
            return upload

    async def find(self, owner: str, sha256: str) -> StoredUpload | None:
        with self._tables.lock:
            return self._use(owner, sha256)

    async def stored_bytes(self, owner: str | None) -> int:
        with self._tables.lock:
            uploads = self._tables.uploads.items()
            results = self._tables.results.values()
            return sum(upload.bytes for (of, _), (upload, _) in uploads if owner in {None, of}) + sum(
                len(result.result.encode()) for of, result in results if owner in {None, of}
            )

    def free_bytes(self) -> None:
        """Return `None`: there is no disk."""

    def _use(self, owner: str, sha256: str) -> StoredUpload | None:
        known = self._tables.uploads.get((owner, sha256))
        if known is None:
            return None
        upload = replace(known[0], used_at=self._tables.clock.now())
        self._tables.uploads[owner, sha256] = (upload, known[1])
        return upload

    async def chunks(self, owner: str, sha256: str) -> AsyncIterator[bytes]:
        with self._tables.lock:
            _, chunks = self._tables.uploads[owner, sha256]
        for chunk in chunks:
            yield chunk


def _read(file: BinaryIO) -> tuple[bytes, ...]:
    return tuple(iter(lambda: file.read(CHUNK), b""))
