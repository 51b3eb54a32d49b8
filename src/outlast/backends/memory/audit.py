"""The audit log in memory."""

from collections.abc import Sequence

from outlast.backends.memory.tables import MemoryPart
from outlast.backends.rows import fields_of
from outlast.ports.audit import ActionSelection, NewAction, RecordedAction


class MemoryAuditLog(MemoryPart):
    """`AuditLog`."""

    async def record_action(self, action: NewAction) -> None:
        with self._tables.lock:
            self._tables.audit.setdefault(
                action.id, RecordedAction(**fields_of(action), at=self._tables.clock.now())
            )

    async def actions(self, selection: ActionSelection) -> Sequence[RecordedAction]:
        with self._tables.lock:
            lines = sorted(self._tables.audit.values(), key=lambda line: (line.at, line.id), reverse=True)
        if selection.after is not None:
            ids = [line.id for line in lines]
            lines = lines[ids.index(selection.after) + 1 :] if selection.after in ids else []
        actor, action = (selection.actor or "").lower(), selection.action or ""
        return [
            line
            for line in lines
            if actor in line.actor.lower()
            and line.action.startswith(action)
            and (selection.since is None or line.at >= selection.since)
        ][: selection.limit]
