"""The keys of programs that use the API."""

from collections.abc import Sequence

from outlast.backends.rows import api_key_values
from outlast.backends.sqlite.database import SQLitePart
from outlast.backends.sqlite.driver import Connection
from outlast.backends.sqlite.times import as_text
from outlast.ports.api_keys import ApiKey, newest_first


class SQLiteApiKeys(SQLitePart):
    """`ApiKeys`."""

    async def add_api_key(self, key: ApiKey, digest: str) -> None:
        values = api_key_values(key, digest)
        values |= {name: values[name] and as_text(values[name]) for name in ("created_at", "expires_at")}

        def write(connection: Connection) -> None:
            self._db.require_open(connection)
            connection.execute(self._sql["add_api_key"], values)

        await self._db.write(write)

    async def find_api_key(self, digest: str) -> ApiKey | None:
        row = self._db.read(lambda c: self._db.row_of(c, "find_api_key", {"digest": digest}))
        return None if row is None else self._db.rows.api_key(row)

    async def api_keys(self) -> Sequence[ApiKey]:
        rows = await self._db.read_in_thread(lambda c: self._db.rows_of(c, "api_keys"))
        return newest_first(self._db.rows.api_key(row) for row in rows)

    async def revoke_api_key(self, key_id: str) -> bool:
        values = {"id": key_id, "now": self._db.now()}

        def write(connection: Connection) -> bool:
            self._db.require_open(connection)
            return self._db.row_of(connection, "revoke_api_key", values) is not None

        return await self._db.write(write)
