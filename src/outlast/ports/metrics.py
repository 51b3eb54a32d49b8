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


class Metrics(Protocol):
    """Adds to and reads the counts. Same laws as `SessionStore`, but a crash may lose the last additions."""

    async def add_metrics(self, counts: Sequence[MetricCount]) -> None:
        """Add these values to the series, creating those that do not exist. Each occurs once in `counts`."""
        ...

    async def metrics(self) -> Sequence[MetricCount]:
        """Return all series, ordered by metric and labels."""
        ...
