"""Writes lines of the audit log."""

from outlast.core.ids import new_session_id
from outlast.domain.storable_text import storable_text
from outlast.ports.audit import AuditLog, NewAction

LONGEST_NAME = 200
"""Characters of an actor and of an action."""
LONGEST_TEXT = 2_000
"""Characters of a target and of a detail."""


async def record_action(store: AuditLog, actor: str, action: str, target: str = "", detail: str = "") -> None:
    """Add a line to the audit log, with texts of a bounded length. Raises `StoreUnavailable`."""
    await store.record_action(
        NewAction(
            new_session_id(),
            _bounded(actor, LONGEST_NAME),
            _bounded(action, LONGEST_NAME),
            _bounded(target, LONGEST_TEXT),
            _bounded(detail, LONGEST_TEXT),
        )
    )


def _bounded(text: str, longest: int) -> str:
    storable = storable_text(text)
    return storable if len(storable) <= longest else storable[: longest - 1] + "…"
