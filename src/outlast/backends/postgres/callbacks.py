"""The receivers of webhooks."""

from collections.abc import Sequence

from outlast.backends.postgres.database import PostgresPart
from outlast.ports.callbacks import Callback


class PostgresCallbacks(PostgresPart):
    """`Callbacks`."""

    async def add_callback(self, callback: Callback) -> None:
        values = {"session_id": callback.session_id, "url": callback.url, "key_id": callback.key_id}
        await self._db.all("add_callback", values)

    async def due_callbacks(self, limit: int) -> Sequence[Callback]:
        return [Callback(**row) for row in await self._db.all("due_callbacks", {"limit": limit})]

    async def set_delivery(self, callback: Callback, delivery_id: str) -> None:
        values = {"session_id": callback.session_id, "url": callback.url, "delivery_id": delivery_id}
        await self._db.all("set_delivery", values)

    async def renew_callbacks(self, session_ids: Sequence[str]) -> None:
        values = {"ids": list(session_ids)}
        await self._db.all("renew_callbacks", values)
