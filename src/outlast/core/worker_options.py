"""What one worker may do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """Of one worker, for as long as it runs."""

    concurrency: int = 100
    queues: Sequence[str] = ("analysis",)
    sleep: float = 1.0
    """Seconds between looks at the store when no wake-up comes, or nothing into the inbox."""
    grace: float = 20.0
    """Seconds that attempts get to finish when it stops."""
    max_sessions: int | None = None
    """It ends after so many."""
    max_seconds: float | None = None
    """It ends after so long."""
    on_stuck: Callable[[], None] = lambda: None
    """Called from another thread when the event loop is blocked beyond a deadline; may end the process."""
