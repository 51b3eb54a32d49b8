"""Uploads, stored in chunks."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import BinaryIO

from psycopg import errors

from outlast.backends.postgres.connection import Connection
from outlast.backends.postgres.database import PostgresPart
from outlast.backends.rows import Row
from outlast.domain.errors import StoreUnavailable
from outlast.domain.storable_text import storable_text
from outlast.ports.blobs import CHUNK, StoredUpload, length


class PostgresBlobs(PostgresPart):
    """`Blobs`. An upload without its hash is incomplete and invisible."""

    async def put(self, owner: str, name: str, file: BinaryIO) -> StoredUpload:
        values = {"owner": owner, "name": storable_text(name), "bytes": length(file)}
        upload: int = (await self._db.only("begin_upload", values))["id"]
        try:
            sha256, size = await self._fill(upload, file)
            return await self._complete(upload, owner, sha256, size)
        except BaseException:
            with suppress(StoreUnavailable):  # the cleanup deletes it later
                await asyncio.shield(self._db.all("delete_upload", {"id": upload}))
            raise

    async def stored_bytes(self, owner: str | None) -> int:
        name = "stored_bytes_of_all" if owner is None else "stored_bytes"
        return (await self._db.only(name, {} if owner is None else {"owner": owner}))["bytes"]

    def free_bytes(self) -> None:
        """Return `None`: the disk is the database server's."""

    async def _fill(self, upload: int, file: BinaryIO) -> tuple[str, int]:
        """Write the chunks, each in a transaction of its own."""
        digest = hashlib.sha256()
        size = number = 0
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            values = {"id": upload, "number": number, "content": chunk}
            written = self._db.use(lambda c, v=values: self._db.rows_of(c, "add_chunk", v), again=False)
            await asyncio.gather(written, asyncio.to_thread(digest.update, chunk))
            size += len(chunk)
            number += 1
        return digest.hexdigest(), size

    async def _complete(self, upload: int, owner: str, sha256: str, size: int) -> StoredUpload:
        values = {"id": upload, "owner": owner, "sha256": sha256, "bytes": size}

        async def write(connection: Connection) -> list[Row]:
            known = await self._db.rows_of(connection, "touch_upload", values)
            if known:
                await self._db.rows_of(connection, "delete_upload", values)
            return known or await self._db.rows_of(connection, "complete_upload", values)

        while True:
            try:
                (row,) = await self._db.transact(write)
            except errors.UniqueViolation:  # the same content was completed in the meantime: use it
                continue
            return self._stored(row)

    async def find(self, owner: str, sha256: str) -> StoredUpload | None:
        found = await self._db.one("touch_upload", {"owner": owner, "sha256": sha256})
        return None if found is None else self._stored(found)

    async def chunks(self, owner: str, sha256: str) -> AsyncIterator[bytes]:
        found = await self._db.one("find_upload", {"owner": owner, "sha256": sha256})
        if found is None:
            raise KeyError(sha256)
        number = read = 0
        while read < found["bytes"]:
            row = await self._chunk(found["id"], number)
            if row is None:  # deleted while it was being read
                raise KeyError(sha256)
            read += len(row["content"])
            number += 1
            yield row["content"]

    async def _chunk(self, upload: int, number: int) -> Row | None:
        async def read(connection: Connection) -> Row | None:
            values = {"id": upload, "number": number}
            cursor = await connection.execute(self._db.sql["chunk"].encode(), values, binary=True)
            return await cursor.fetchone()

        return await self._db.use(read, again=True)

    def _stored(self, row: Row) -> StoredUpload:
        return StoredUpload(**self._db.rows.with_times(row))
