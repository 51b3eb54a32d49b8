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
    on_worn: Callable[[Callable[[], None]], None] = lambda retire: retire()
    """Called in the event loop when the worker should be replaced; calls what it is given, from any thread, once a
    replacement is there. Until then the worker goes on as before."""
    on_stuck: Callable[[], None] = lambda: None
    """Called from another thread when the event loop is blocked beyond a deadline; may end the process."""
    process: str | None = None
    """The identity of the worker's process, by which others see its end; `None` where a supervisor sees it."""
