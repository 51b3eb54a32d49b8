"""The plan of an analysis: its steps in order, weighted by earlier durations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median, quantiles

MIN_SAMPLES = 3
"""Minimum number of earlier durations for a prediction."""
MIN_WEIGHT = 1e-9
"""A smaller sum of declared weights cannot be converted to time."""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step as the analysis declares it."""

    name: str
    title: str
    weight: float = 1.0
    """Share of the progress bar relative to the other steps, until durations are known."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Earlier durations of a step in milliseconds: the median, and the range of the middle 60%."""

    low: float
    middle: float
    high: float


def predict_duration(durations_ms: Sequence[float]) -> Expected | None:
    """Predict the next duration from earlier ones; `None` if there are too few."""
    if len(durations_ms) < MIN_SAMPLES:
        return None
    fifths = quantiles(durations_ms, n=5, method="inclusive")
    return Expected(low=fifths[0], middle=median(durations_ms), high=fifths[3])


def progress_shares(plan: Sequence[PlannedStep], expected: Mapping[str, Expected | None]) -> list[float]:
    """Return each step's share of the progress bar, summing to 1: by duration if known, else by its weight."""
    if not plan:
        return []
    known = [max(e.middle, 1.0) for s in plan if (e := expected.get(s.name))]
    declared = [s.weight for s in plan if expected.get(s.name)]
    per_weight = sum(known) / sum(declared) if known and sum(declared) > MIN_WEIGHT else 1.0
    raw = [max(e.middle, 1.0) if (e := expected.get(s.name)) else max(s.weight, 0.0) * per_weight for s in plan]
    floor = mean(raw) * 0.01 or 1.0
    raw = [max(r, floor) for r in raw]
    return [r / sum(raw) for r in raw]
