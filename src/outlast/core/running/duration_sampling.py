"""Which durations of steps are worth writing: the first ones, and later a few a second."""

from collections.abc import Sequence

from outlast.ports.clock import Clock
from outlast.ports.results import SAMPLES_KEPT, StepSample

EACH_SECOND = 2.0
"""Durations of one step that are written a second, once as many as the store keeps have been."""
STEPS = 10_000
"""So many steps are told apart; beyond it all begin anew."""


class Sampling:
    """Of hundreds of sessions a second, whose steps all take the same, the store learns from a few."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left: dict[tuple[str, str], tuple[float, float]] = {}
        """How many more of a step are written, as of when."""

    def chosen(self, samples: Sequence[StepSample]) -> list[StepSample]:
        """Those to write."""
        return [sample for sample in samples if self._is_due(sample)]

    def _is_due(self, sample: StepSample) -> bool:
        step, now = (sample.analysis, sample.step), self._clock.monotonic()
        left, at = self._left.get(step, (float(SAMPLES_KEPT), now))
        left = min(float(SAMPLES_KEPT), left + (now - at) * EACH_SECOND)
        if len(self._left) >= STEPS:
            self._left.clear()
        self._left[step] = (left - 1 if left >= 1 else left, now)
        return left >= 1
