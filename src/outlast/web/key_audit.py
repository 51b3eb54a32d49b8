"""The lines of the audit log about what programs do to the sessions of every owner."""

import logging

from outlast.core.audit import record_action
from outlast.domain.errors import StoreUnavailable
from outlast.web.limits import client_address
from outlast.web.request_context import RequestContext

log = logging.getLogger(__name__)


async def record_key(context: RequestContext, action: str) -> None:
    """Add a line: the request's API key did `action` to the session that its path names, or to all of an owner.

    The detail is the method, as several routes have one for doing and one for undoing. What has been done is not
    refused because the line cannot be written: the log of the process has it then.
    """
    address = client_address(context.scope)
    actor = f"API key {context.actor.key_id}" + (f" at {address}" if address else "")
    target = context.parameters.get("session_id") or context.owner
    line = (actor, action.replace("_", " "), target, context.scope.get("method", "WebSocket"))
    try:
        await record_action(context.engine.guarded_store, *line)
    except StoreUnavailable as error:
        log.error("The audit log lacks a line, as the store is unavailable (%s): %s", error, "; ".join(line))  # noqa: TRY400 - the reason says enough
