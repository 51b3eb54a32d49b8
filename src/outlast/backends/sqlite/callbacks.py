"""The receivers of webhooks."""

from collections.abc import Sequence

from outlast.backends.sqlite.database import SQLitePart
from outlast.ports.callbacks import MOST_RECEIVERS, Callback


class SQLiteCallbacks(SQLitePart):
    """`Callbacks`."""

    async def add_callback(self, callback: Callback) -> bool:
        values = {"session_id": callback.session_id, "url": callback.url, "key_id": callback.key_id}
        values |= {"most": MOST_RECEIVERS}
        return await self._db.write(lambda c: self._db.row_of(c, "add_callback", values)) is not None

    async def due_callbacks(self, limit: int) -> Sequence[Callback]:
        rows = await self._db.read_in_thread(lambda c: self._db.rows_of(c, "due_callbacks", {"limit": limit}))
        return [Callback(**row) for row in rows]

    async def set_delivery(self, callback: Callback, delivery_id: str) -> None:
        values = {"session_id": callback.session_id, "url": callback.url, "delivery_id": delivery_id}
        values |= {"version": callback.version}
        await self._db.write(lambda c: c.execute(self._sql["set_delivery"], values))
