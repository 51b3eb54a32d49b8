"""The audit log."""

from collections.abc import Sequence

from outlast.backends.rows import fields_of
from outlast.backends.sqlite.database import SQLitePart
from outlast.backends.sqlite.times import as_text
from outlast.ports.audit import ActionSelection, NewAction, RecordedAction


class SQLiteAuditLog(SQLitePart):
    """`AuditLog`."""

    async def record_action(self, action: NewAction) -> None:
        values = fields_of(action) | {"now": self._db.now()}
        await self._db.write(lambda c: c.execute(self._sql["record_action"], values))

    async def actions(self, selection: ActionSelection) -> Sequence[RecordedAction]:
        values = fields_of(selection) | {"since": as_text(selection.since) if selection.since else None}
        rows = await self._db.read_in_thread(lambda c: self._db.rows_of(c, "actions", values))
        return [RecordedAction(at=self._db.rows.as_datetime(row.pop("at")), **row) for row in rows]
