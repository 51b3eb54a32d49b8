"""Counts for monitoring that all processes of an installation add to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class MetricCount:
    """One series of a counter or histogram, and its value."""

    metric: str
    """The name of the metric."""
    labels: tuple[str, ...]
    """The values of its labels; for a histogram, the last is the upper bound of a bucket, or `sum`."""
    value: float


SAMPLES_KEPT_MINUTES = 8 * 24 * 60
"""Minutes for which samples are kept."""


@dataclass(frozen=True, slots=True)
class MetricSample:
    """What some counts were at a minute, for pictures of the last days."""

    minute: int
    """Minutes since the epoch, in UTC."""
    counts: str
    """JSON; see `outlast.core.metric_samples`."""


class Metrics(Protocol):
    """Adds to and reads the counts. Same laws as `SessionStore`, but a crash may lose the last additions."""

    async def add_metrics(self, counts: Sequence[MetricCount]) -> None:
        """Add these values to the series, creating those that do not exist. Each occurs once in `counts`."""
        ...

    async def metrics(self) -> Sequence[MetricCount]:
        """Return all series, ordered by metric and labels."""
        ...

    async def add_metric_sample(self, sample: MetricSample) -> None:
        """Store the sample unless that minute has one, and delete those that are not kept any more."""
        ...

    async def metric_samples(self, since: int, every: int) -> Sequence[MetricSample]:
        """Return the first sample of each `every` minutes from the minute `since` on, the oldest first."""
        ...
