"""Counts for monitoring, in memory."""

from collections.abc import Sequence

from outlast.backends.memory.tables import MemoryPart
from outlast.ports.metrics import MetricCount


class MemoryMetrics(MemoryPart):
    """`Metrics`."""

    async def add_metrics(self, counts: Sequence[MetricCount]) -> None:
        with self._tables.lock:
            for count in counts:
                self._tables.metrics[count.metric, count.labels] += count.value

    async def metrics(self) -> Sequence[MetricCount]:
        with self._tables.lock:
            return [MetricCount(*series, value) for series, value in sorted(self._tables.metrics.items())]
