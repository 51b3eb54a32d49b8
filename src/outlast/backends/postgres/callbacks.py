"""The receivers of webhooks."""

from collections.abc import Sequence

from outlast.backends.postgres.database import PostgresPart
from outlast.ports.callbacks import MOST_RECEIVERS, Callback


class PostgresCallbacks(PostgresPart):
    """`Callbacks`."""

    async def add_callback(self, callback: Callback) -> bool:
        values = {"session_id": callback.session_id, "url": callback.url, "key_id": callback.key_id}
        values |= {"most": MOST_RECEIVERS}
        return await self._db.one("add_callback", values) is not None

    async def due_callbacks(self, limit: int) -> Sequence[Callback]:
        return [Callback(**row) for row in await self._db.all("due_callbacks", {"limit": limit})]

    async def set_delivery(self, callback: Callback, delivery_id: str) -> None:
        values = {"session_id": callback.session_id, "url": callback.url, "delivery_id": delivery_id}
        values |= {"version": callback.version}
        await self._db.all("set_delivery", values)
