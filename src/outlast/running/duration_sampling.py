"""Samples step durations with a token bucket: the first ones of a step, and later a few per second."""

from collections.abc import Sequence

from outlast.ports.clock import Clock
from outlast.ports.results import SAMPLES_KEPT, StepSample

PER_SECOND = 2.0
"""Tokens per second and step: durations written after the initial burst."""
MAX_STEPS = 10_000
"""Maximum number of buckets; beyond it all buckets are reset."""


class DurationSampler:
    """Limits how many durations are written when hundreds of sessions complete per second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tokens: dict[tuple[str, str], tuple[float, float]] = {}
        """Tokens of each step, and the time of their last update."""

    def select(self, samples: Sequence[StepSample]) -> list[StepSample]:
        """Return the samples to write."""
        return [sample for sample in samples if self._is_due(sample)]

    def _is_due(self, sample: StepSample) -> bool:
        step, now = (sample.analysis, sample.step), self._clock.monotonic()
        tokens, at = self._tokens.get(step, (float(SAMPLES_KEPT), now))
        tokens = min(float(SAMPLES_KEPT), tokens + (now - at) * PER_SECOND)
        if len(self._tokens) >= MAX_STEPS:
            self._tokens.clear()
        self._tokens[step] = (tokens - 1 if tokens >= 1 else tokens, now)
        return tokens >= 1
