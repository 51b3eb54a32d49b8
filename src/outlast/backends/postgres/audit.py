"""The audit log."""

from collections.abc import Sequence

from outlast.backends.postgres.database import PostgresPart
from outlast.backends.rows import fields_of
from outlast.ports.audit import ActionSelection, NewAction, RecordedAction


class PostgresAuditLog(PostgresPart):
    """`AuditLog`."""

    async def record_action(self, action: NewAction) -> None:
        await self._db.all("record_action", fields_of(action))

    async def actions(self, selection: ActionSelection) -> Sequence[RecordedAction]:
        rows = await self._db.all("actions", fields_of(selection))
        return [RecordedAction(at=self._db.rows.as_datetime(row.pop("at")), **row) for row in rows]
