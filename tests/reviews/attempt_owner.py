"""For tests outside of sessions: whose the analysis is that asks for facts of an owner."""

import asyncio

from outlast.backends.clock import SystemClock
from outlast.core.analyses import context


class _Nothing:
    """A journal of nothing but an owner."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.session_id = "none"


def act_as(owner: str) -> None:
    """Be an analysis of this owner from now on, in this task and what it starts."""
    loop = asyncio.get_running_loop()
    context.enter(context.AttemptContext(None, _Nothing(owner), SystemClock(), loop))
