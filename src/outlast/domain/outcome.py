"""The possible outcomes of an attempt, as values."""

from dataclasses import dataclass

from outlast.domain.error_report import ErrorReport
from outlast.domain.progress import StepState


@dataclass(frozen=True, slots=True)
class Completed:
    """The attempt succeeded. `steps` is the final state of the plan."""

    result: str
    """JSON."""
    steps: tuple[StepState, ...]
    redirect_url: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The session failed for good: no attempt is left, or a retry cannot help."""

    error: str
    code: str
    reference: str | None
    steps: tuple[StepState, ...]
    last_step: str | None = None
    """For the history: the step that ran last."""
    report: ErrorReport | None = None
    """For the history: what was raised."""
    asked: str | None = None
    """The questions whose answers restart it, as JSON; see `outlast.domain.questions`."""


@dataclass(frozen=True, slots=True)
class Postponed:
    """The attempt failed and will be retried in `delay` seconds."""

    error: str
    code: str
    reference: str | None
    delay: float
    steps: tuple[StepState, ...]
    last_step: str | None = None
    """As in `Failed`."""
    report: ErrorReport | None = None
    """As in `Failed`."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The owner cancelled the session, and the work has stopped."""

    steps: tuple[StepState, ...]
    last_step: str | None = None
    """As in `Failed`."""


@dataclass(frozen=True, slots=True)
class Released:
    """The session was released unspent, because the worker stops or cannot read its input."""

    why: str | None = None
    """For the history: why this worker cannot read the input."""
    last_step: str | None = None
    """As in `Failed`."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The input is of another version; the worker releases the session, or fails it if no worker can read it."""

    fault: str
    """The field and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The claim was lost: another worker may have the session, and nothing may be written."""


Outcome = Completed | Failed | Postponed | Cancelled | Released | Unreadable | Lost
"""What an `Attempt` returns."""

End = Completed | Failed | Postponed | Cancelled | Released
"""The outcomes that a store writes."""
