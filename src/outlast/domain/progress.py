"""Progress of one session: a monotonic percentage, the state of each step, the estimated time left."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any

from outlast.domain.plan import Expected


class StepStatus(StrEnum):
    """The status of a step in the plan."""

    PENDING = "pending"
    """It has not begun, or begins again in the next attempt."""
    ACTIVE = "active"
    """It is running."""
    DONE = "done"
    """It has ended, in this attempt or an earlier one."""
    SKIPPED = "skipped"
    """The session completed without it."""
    FAILED = "failed"
    """The last attempt ended in it."""


@dataclass(frozen=True, slots=True)
class StepState:
    """The state of one step of the plan, as displayed and as stored."""

    name: str
    """The name of the step."""
    title: str
    """What visitors read."""
    weight: float
    """Share of the progress bar, fixed when the session starts; all shares sum to 1. 0: it is not in the plan."""
    status: StepStatus = StepStatus.PENDING
    """Where the step stands."""
    progress_percentage: float = 0.0
    """0 to 100."""
    message: str | None = None
    """The last message that the step reported."""
    started_at: str | None = None
    """RFC 3339, UTC."""
    duration_ms: int | None = None
    """Milliseconds that the step took."""
    resumed: bool = False
    """The result was kept by an earlier attempt, and the step did not run again."""
    expected: Expected | None = None
    """Milliseconds that earlier sessions let expect, as `low`, `middle` and `high`."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A full snapshot, never a delta."""

    percentage: float = 0.0
    """0 to 99.9 while in flight, with one decimal; 100 only for completed sessions."""
    current_step: int = 0
    """Number of the running step, from 1; 0 before the first."""
    message: str | None = None
    """The last message that was reported."""
    steps: tuple[StepState, ...] = ()
    """The steps in the order of the plan."""


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """Estimated seconds left: the median and the range of most earlier durations."""

    low: float
    """Seconds: most earlier sessions took longer."""
    middle: float
    """Seconds: the median."""
    high: float
    """Seconds: most earlier sessions took less."""


def overall_percentage(steps: Iterable[StepState]) -> float:
    """Return the overall percentage of the steps: below 100, rounded down to one decimal."""
    share = sum(s.weight * s.progress_percentage for s in steps)
    return min(math.floor(share * 10 + 1e-6) / 10, 99.9)


def time_left(steps: Sequence[StepState]) -> TimeLeft | None:
    """Estimate the time left from earlier durations; `None` if any remaining step has none."""
    low = middle = high = 0.0
    for step in steps:
        if step.status in {StepStatus.DONE, StepStatus.SKIPPED} or step.weight == 0:
            continue
        if step.expected is None:
            return None
        rest = (100.0 - step.progress_percentage) / 100_000
        low += step.expected.low * rest
        middle += step.expected.middle * rest
        high += step.expected.high * rest
    return TimeLeft(low, middle, high)


def steps_for_new_attempt(steps: Iterable[StepState]) -> tuple[StepState, ...]:
    """Return the steps for a new attempt: active and failed ones become pending, percentages stay."""
    return tuple(
        replace(s, status=StepStatus.PENDING, message=None)
        if s.status in {StepStatus.ACTIVE, StepStatus.FAILED}
        else s
        for s in steps
    )


def skipped_steps(steps: Iterable[StepState]) -> tuple[StepState, ...]:
    """Return the steps of a session that completes without running them."""
    return tuple(replace(s, status=StepStatus.SKIPPED) for s in steps)


_STEP_DEFAULTS = tuple((field.name, field.default) for field in fields(StepState))
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def dump_steps(steps: Iterable[StepState]) -> str:
    """Serialize the steps to JSON for the store, without fields that have their default."""
    return _encode([_dump_step(step) for step in steps])


def load_steps(text: str) -> tuple[StepState, ...]:
    """Deserialize the steps; the inverse of `dump_steps`."""
    return tuple(_load_step(raw) for raw in json.loads(text))


def _dump_step(step: StepState) -> dict[str, Any]:
    """Serialize by hand, because progress is written often and `dataclasses.asdict` takes ten times as long."""
    raw = {name: value for name, default in _STEP_DEFAULTS if (value := getattr(step, name)) != default}
    if step.expected is not None:
        raw["expected"] = asdict(step.expected)
    return raw


def _load_step(raw: dict[str, Any]) -> StepState:
    expected = raw.pop("expected", None)
    status = StepStatus(raw.pop("status", StepStatus.PENDING))
    return StepState(**raw, status=status, expected=Expected(**expected) if expected else None)
