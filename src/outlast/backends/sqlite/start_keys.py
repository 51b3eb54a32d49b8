"""The keys of repeated starts."""

from datetime import timedelta

from outlast.backends.sqlite.database import SQLitePart
from outlast.backends.sqlite.driver import Connection
from outlast.backends.sqlite.times import as_text
from outlast.ports.start_keys import HOLD_START_KEY, KEEP_START_KEY, StartKey


class SQLiteStartKeys(SQLitePart):
    """`StartKeys`."""

    async def take_start_key(self, owner: str, key: str, fingerprint: str, session_id: str) -> StartKey:
        def write(connection: Connection) -> StartKey:
            now = self._db.clock.now()
            values = {
                "owner": owner,
                "key": key,
                "fingerprint": fingerprint,
                "session_id": session_id,
                "now": as_text(now),
                "held_until": as_text(now + timedelta(seconds=HOLD_START_KEY)),
                "until": as_text(now + timedelta(seconds=KEEP_START_KEY)),
            }
            row = self._db.row_of(connection, "take_start_key", values)
            if row is not None:
                return StartKey(**row, held=True)
            (row,) = self._db.rows_of(connection, "find_start_key", values)
            return StartKey(row["session_id"], row["fingerprint"], held=False, settled=bool(row["settled"]))

        return await self._db.write(write)

    async def settle_start_key(self, owner: str, key: str, session_id: str) -> None:
        values = {"owner": owner, "key": key, "session_id": session_id}
        await self._db.write(lambda c: c.execute(self._sql["settle_start_key"], values))

    async def release_start_key(self, owner: str, key: str) -> None:
        values = {"owner": owner, "key": key}
        await self._db.write(lambda c: c.execute(self._sql["release_start_key"], values))
