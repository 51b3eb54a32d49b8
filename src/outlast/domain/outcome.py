"""How an attempt ended, as a value."""

from dataclasses import dataclass

from outlast.domain.progress import StepState


@dataclass(frozen=True, slots=True)
class Completed:
    """It worked. `steps` is the plan's final state."""

    result: str
    """JSON."""
    steps: tuple[StepState, ...]
    redirect_url: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """It failed for good: out of attempts, or trying again cannot help."""

    error: str
    code: str
    reference: str | None
    steps: tuple[StepState, ...]


@dataclass(frozen=True, slots=True)
class Postponed:
    """It failed and will be tried again in `delay` seconds."""

    error: str
    code: str
    reference: str | None
    delay: float
    steps: tuple[StepState, ...]


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The owner asked for it, and the work has stopped."""

    steps: tuple[StepState, ...]


@dataclass(frozen=True, slots=True)
class Released:
    """Given back unspent, because this worker stops, or does not understand it."""

    why: str | None = None
    """For the line of history: what this worker does not understand."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The claim is gone: another has the session, and nothing may be written."""


Outcome = Completed | Failed | Postponed | Cancelled | Released | Lost
"""What `core.attempt` returns and `core.worker` settles."""

End = Completed | Failed | Postponed | Cancelled | Released
"""The outcomes that a store writes."""
