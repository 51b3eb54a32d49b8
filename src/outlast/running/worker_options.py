"""The options of one worker: concurrency, queues, poll interval, limits, callbacks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """Options that stay the same for a worker's whole run."""

    concurrency: int = 100
    queues: Sequence[str] = ("analysis",)
    sleep: float = 1.0
    """Seconds between polls of the store when no wake-up and no handed-off session arrives."""
    grace: float = 20.0
    """Seconds that attempts get to finish when the worker stops."""
    max_sessions: int | None = None
    """Ask for a replacement after this many sessions."""
    max_seconds: float | None = None
    """Ask for a replacement after this many seconds."""
    on_replacement_due: Callable[[Callable[[], None]], None] = lambda retire: retire()
    """Called in the event loop when the worker should be replaced. It must call its argument, from any thread,
    once the replacement has started; until then the worker continues as before."""
    on_stuck: Callable[[], None] = lambda: None
    """Called from another thread when the event loop is blocked past a deadline; may end the process."""
    process: str | None = None
    """Identity of the worker's process, so that others detect its death; `None` under a supervisor."""
