"""Counts for monitoring, in memory."""

from collections.abc import Sequence

from outlast.backends.memory.tables import MemoryPart
from outlast.ports.metrics import SAMPLES_KEPT_MINUTES, MetricCount, MetricSample


class MemoryMetrics(MemoryPart):
    """`Metrics`."""

    async def add_metrics(self, counts: Sequence[MetricCount]) -> None:
        with self._tables.lock:
            for count in counts:
                self._tables.metrics[count.metric, count.labels] += count.value

    async def metrics(self) -> Sequence[MetricCount]:
        with self._tables.lock:
            return [MetricCount(*series, value) for series, value in sorted(self._tables.metrics.items())]

    async def add_metric_sample(self, sample: MetricSample) -> None:
        with self._tables.lock:
            samples = self._tables.metric_samples
            samples.setdefault(sample.minute, sample)
            for minute in [m for m in samples if m < sample.minute - SAMPLES_KEPT_MINUTES]:
                del samples[minute]

    async def metric_samples(self, since: int, every: int) -> Sequence[MetricSample]:
        first: dict[int, MetricSample] = {}
        with self._tables.lock:
            for minute, sample in sorted(self._tables.metric_samples.items()):
                if minute >= since:
                    first.setdefault(minute // every, sample)
        return list(first.values())
