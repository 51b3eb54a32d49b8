"""Progress of one session: monotone percentage, the state of each step, the range of time left."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any

from outlast.domain.plan import Expected


class StepStatus(StrEnum):
    """Where a step of the plan stands."""

    PENDING = "pending"
    ACTIVE = "active"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StepState:
    """One line of the plan, as people see it and as the store keeps it."""

    name: str
    title: str
    weight: float
    """Share of the bar, frozen when the session starts; all shares sum to 1."""
    status: StepStatus = StepStatus.PENDING
    progress_percentage: float = 0.0
    message: str | None = None
    started_at: str | None = None
    """RFC 3339, UTC."""
    duration_ms: int | None = None
    resumed: bool = False
    """Its result was kept by an earlier attempt and has not been worked for again."""
    expected: Expected | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """A full snapshot, never a delta."""

    percentage: float = 0.0
    """0 to 99.9 while in flight, one decimal; 100 is for completed sessions alone."""
    current_step: int = 0
    """Number of the step at work, from 1; 0 before the first."""
    message: str | None = None
    steps: tuple[StepState, ...] = ()


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """Seconds left: the middle and the range of most earlier cases."""

    low: float
    middle: float
    high: float


def overall(steps: Iterable[StepState]) -> float:
    """The percentage that the steps add up to, held below 100, one decimal, rounded down."""
    share = sum(s.weight * s.progress_percentage for s in steps)
    return min(math.floor(share * 10 + 1e-6) / 10, 99.9)


def time_left(steps: Sequence[StepState]) -> TimeLeft | None:
    """What is left by history; `None` when any step ahead has none: hidden rather than wrong."""
    low = middle = high = 0.0
    for step in steps:
        if step.status in {StepStatus.DONE, StepStatus.SKIPPED}:
            continue
        if step.expected is None:
            return None
        rest = (100.0 - step.progress_percentage) / 100_000
        low += step.expected.low * rest
        middle += step.expected.middle * rest
        high += step.expected.high * rest
    return TimeLeft(low, middle, high)


def restarted(steps: Iterable[StepState]) -> tuple[StepState, ...]:
    """The steps as a new attempt finds them: what was at work or failed waits again, percentages stay."""
    return tuple(
        replace(s, status=StepStatus.PENDING, message=None)
        if s.status in {StepStatus.ACTIVE, StepStatus.FAILED}
        else s
        for s in steps
    )


_STEP_DEFAULTS = tuple((field.name, field.default) for field in fields(StepState))
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def dump_steps(steps: Iterable[StepState]) -> str:
    """The steps as the JSON text that stores keep; nothing that has its default is written."""
    return _encode([_dump_step(step) for step in steps])


def load_steps(text: str) -> tuple[StepState, ...]:
    """The inverse of `dump_steps`."""
    return tuple(_load_step(raw) for raw in json.loads(text))


def _dump_step(step: StepState) -> dict[str, Any]:
    """By hand, because `dataclasses.asdict` takes ten times as long, and progress is written often."""
    raw = {name: value for name, default in _STEP_DEFAULTS if (value := getattr(step, name)) != default}
    if step.expected is not None:
        raw["expected"] = asdict(step.expected)
    return raw


def _load_step(raw: dict[str, Any]) -> StepState:
    expected = raw.pop("expected", None)
    status = StepStatus(raw.pop("status", StepStatus.PENDING))
    return StepState(**raw, status=status, expected=Expected(**expected) if expected else None)
