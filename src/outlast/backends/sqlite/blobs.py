"""Uploads, stored in chunks."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator
from typing import BinaryIO, cast

from outlast.backends.rows import Row
from outlast.backends.sqlite.database import SQLitePart
from outlast.backends.sqlite.driver import Connection
from outlast.ports.blobs import CHUNK, StoredUpload, length

LOG_FACTOR = 8
"""Reusable bytes within the database that count for each free byte of the disk."""


class SQLiteBlobs(SQLitePart):
    """`Blobs`. An upload without its hash is incomplete and invisible."""

    async def put(self, owner: str, name: str, file: BinaryIO) -> StoredUpload:
        upload = await self._begin(owner, name, length(file))
        try:
            sha256, size = await self._fill(upload, file)
            return await self._complete(upload, owner, sha256, size)
        except BaseException:
            self._db.post(lambda c: c.execute(self._sql["delete_upload"], {"id": upload}))
            raise

    async def stored_bytes(self, owner: str | None) -> int:
        statement = self._sql["stored_bytes_of_all" if owner is None else "stored_bytes"]
        return await self._db.read_in_thread(lambda c: c.execute(statement, {"owner": owner}).get)

    def free_bytes(self) -> int:
        def unused(connection: Connection) -> int:
            return connection.pragma("freelist_count") * connection.pragma("page_size")

        free = shutil.disk_usage(self._db.file.path.parent).free
        # deleted rows leave reusable pages, but each change first needs disk space for the log
        return free + min(self._db.read(unused), LOG_FACTOR * free)

    async def _begin(self, owner: str, name: str, size: int) -> int:
        """Insert the upload with its final size, so that quotas count it from now on."""

        def write(connection: Connection) -> int:
            values = {"owner": owner, "name": name, "bytes": size, "now": self._db.now()}
            return connection.execute(self._sql["begin_upload"], values).get

        return await self._db.write(write, durable=False)

    async def _fill(self, upload: int, file: BinaryIO) -> tuple[str, int]:
        """Write each chunk in a transaction of its own, so that other writers are not blocked for long."""
        digest = hashlib.sha256()
        size = number = 0
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            values = {"id": upload, "number": number, "content": chunk}
            written = self._db.write(lambda c, v=values: c.execute(self._sql["add_chunk"], v), durable=False)
            await asyncio.gather(written, asyncio.to_thread(digest.update, chunk))
            size += len(chunk)
            number += 1
        return digest.hexdigest(), size

    async def _complete(self, upload: int, owner: str, sha256: str, size: int) -> StoredUpload:
        def write(connection: Connection) -> Row | None:
            values = {"id": upload, "owner": owner, "sha256": sha256, "bytes": size, "now": self._db.now()}
            known = self._db.row_of(connection, "touch_upload", values)
            if known is not None:
                connection.execute(self._sql["delete_upload"], values)
                return known
            return self._db.row_of(connection, "complete_upload", values)

        return self._stored(cast("Row", await self._db.write(write)))

    async def find(self, owner: str, sha256: str) -> StoredUpload | None:
        def write(connection: Connection) -> Row | None:
            values = {"owner": owner, "sha256": sha256, "now": self._db.now()}
            return self._db.row_of(connection, "touch_upload", values)

        found = await self._db.write(write, durable=False)
        return None if found is None else self._stored(found)

    async def chunks(self, owner: str, sha256: str) -> AsyncIterator[bytes]:
        values = {"owner": owner, "sha256": sha256}
        found = self._db.read(lambda c: self._db.row_of(c, "find_upload", values))
        if found is None:
            raise KeyError(sha256)
        number = read = 0
        while read < found["bytes"]:
            wanted = {"id": found["id"], "number": number}
            chunk = await self._db.read_in_thread(lambda c, w=wanted: c.execute(self._sql["chunk"], w).get)
            if chunk is None:  # deleted while it was being read
                raise KeyError(sha256)
            read += len(chunk)
            number += 1
            yield chunk

    def _stored(self, row: Row) -> StoredUpload:
        return StoredUpload(**self._db.rows.with_times(row))
