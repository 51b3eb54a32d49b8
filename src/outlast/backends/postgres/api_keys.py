"""The keys of programs that use the API."""

from collections.abc import Sequence

from outlast.backends.postgres.connection import Connection
from outlast.backends.postgres.database import PostgresPart
from outlast.backends.rows import api_key_values
from outlast.ports.api_keys import ApiKey, newest_first


class PostgresApiKeys(PostgresPart):
    """`ApiKeys`."""

    async def add_api_key(self, key: ApiKey, digest: str) -> None:
        async def write(connection: Connection) -> None:
            await self._db.rows_of(connection, "add_api_key", api_key_values(key, digest))
            await self._db.require_open(connection)

        await self._db.transact(write)

    async def find_api_key(self, digest: str) -> ApiKey | None:
        row = await self._db.one("find_api_key", {"digest": digest})
        return None if row is None else self._db.rows.api_key(row)

    async def api_keys(self) -> Sequence[ApiKey]:
        return newest_first(self._db.rows.api_key(row) for row in await self._db.all("api_keys"))

    async def revoke_api_key(self, key_id: str) -> bool:
        async def write(connection: Connection) -> bool:
            rows = await self._db.rows_of(connection, "revoke_api_key", {"id": key_id})
            await self._db.require_open(connection)
            return bool(rows)

        return await self._db.transact(write)
