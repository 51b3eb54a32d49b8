"""The lines of the audit log about what programs do to the sessions of every owner."""

from outlast.core.audit import record_action
from outlast.web.limits import client_address
from outlast.web.request_context import RequestContext


async def record_key(context: RequestContext, action: str) -> None:
    """Add a line: the API key of the request did `action` to the session that its path names."""
    address = client_address(context.scope)
    actor = f"API key {context.actor.key_id}" + (f" at {address}" if address else "")
    target = context.parameters.get("session_id", "")
    await record_action(context.engine.guarded_store, actor, action.replace("_", " "), target)
