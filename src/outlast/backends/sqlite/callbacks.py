"""The receivers of webhooks."""

import json
from collections.abc import Sequence

from outlast.backends.sqlite.database import SQLitePart
from outlast.ports.callbacks import Callback


class SQLiteCallbacks(SQLitePart):
    """`Callbacks`."""

    async def add_callback(self, callback: Callback) -> None:
        values = {"session_id": callback.session_id, "url": callback.url, "key_id": callback.key_id}
        await self._db.write(lambda c: c.execute(self._sql["add_callback"], values))

    async def due_callbacks(self, limit: int) -> Sequence[Callback]:
        rows = self._db.read(lambda c: self._db.rows_of(c, "due_callbacks", {"limit": limit}))
        return [Callback(**row) for row in rows]

    async def set_delivery(self, callback: Callback, delivery_id: str) -> None:
        values = {"session_id": callback.session_id, "url": callback.url, "delivery_id": delivery_id}
        await self._db.write(lambda c: c.execute(self._sql["set_delivery"], values))

    async def renew_callbacks(self, session_ids: Sequence[str]) -> None:
        values = {"ids": json.dumps(list(session_ids))}
        await self._db.write(lambda c: c.execute(self._sql["renew_callbacks"], values))
