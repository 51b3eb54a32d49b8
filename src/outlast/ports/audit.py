"""The audit log: what operators, commands and API keys did, kept in the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

AUDIT_KEPT = 100_000
"""Lines that are kept at most; the oldest are deleted first."""
AUDIT_KEPT_DAYS = 365
"""Days for which a line is kept."""


@dataclass(frozen=True, slots=True)
class NewAction:
    """A line of the audit log that is to be written."""

    id: str
    """26 characters of lower-case base32."""
    actor: str
    """Who: an operator of the dashboard, the user of a command line, or an API key of the scope `operate`."""
    action: str
    """What, such as `queue pause`."""
    target: str
    """To what: a session, a queue, a worker, a reason."""
    detail: str
    """Anything else worth knowing."""


@dataclass(frozen=True, slots=True)
class RecordedAction(NewAction):
    """A line of the audit log. The fields are those of `NewAction`, and the time by the clock of the store."""

    at: datetime


@dataclass(frozen=True, slots=True)
class ActionSelection:
    """Which lines of the audit log to list; `None` does not restrict."""

    actor: str | None = None
    """Only of actors with this text, in any case."""
    action: str | None = None
    """Only actions that begin so."""
    since: datetime | None = None
    limit: int = 50
    after: str | None = None
    """Only what the list has after the line with this id; nothing if that line is gone."""


class AuditLog(Protocol):
    """Writes and reads the audit log. Same laws as `SessionStore`; `prune` deletes what is not kept any more."""

    async def record_action(self, action: NewAction) -> None:
        """Add a line; do nothing if there is one with this id."""
        ...

    async def actions(self, selection: ActionSelection) -> Sequence[RecordedAction]:
        """Return the selected lines, the newest first."""
        ...
