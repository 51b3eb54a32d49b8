"""Counts for monitoring."""

import json
from collections.abc import Sequence

from outlast.backends.postgres.connection import Connection
from outlast.backends.postgres.database import PostgresPart
from outlast.backends.rows import as_json, fields_of
from outlast.ports.metrics import SAMPLES_KEPT_MINUTES, MetricCount, MetricSample


class PostgresMetrics(PostgresPart):
    """`Metrics`."""

    async def add_metrics(self, counts: Sequence[MetricCount]) -> None:
        if not counts:
            return
        values = {
            "metrics": [c.metric for c in counts],
            "labels": [as_json(c.labels) for c in counts],
            "values": [float(c.value) for c in counts],
        }

        async def write(connection: Connection) -> None:
            await self._db.rows_of(connection, "add_metrics", values)

        await self._db.transact(write)

    async def metrics(self) -> Sequence[MetricCount]:
        rows = await self._db.all("metrics")
        return [MetricCount(row["metric"], tuple(json.loads(row["labels"])), row["value"]) for row in rows]

    async def add_metric_sample(self, sample: MetricSample) -> None:
        await self._db.all("add_metric_sample", fields_of(sample))
        await self._db.all("prune_metric_samples", {"before": sample.minute - SAMPLES_KEPT_MINUTES})

    async def metric_samples(self, since: int, every: int) -> Sequence[MetricSample]:
        rows = await self._db.all("metric_samples", {"since": since, "every": every})
        return [MetricSample(**row) for row in rows]
