"""Counts for monitoring."""

import json
from collections.abc import Sequence

from outlast.backends.rows import as_json, fields_of
from outlast.backends.sqlite.database import SQLitePart
from outlast.backends.sqlite.driver import Connection
from outlast.ports.metrics import SAMPLES_KEPT_MINUTES, MetricCount, MetricSample


class SQLiteMetrics(SQLitePart):
    """`Metrics`."""

    async def add_metrics(self, counts: Sequence[MetricCount]) -> None:
        values = {"counts": as_json([(c.metric, as_json(c.labels), c.value) for c in counts])}
        await self._db.write(lambda c: c.execute(self._sql["add_metrics"], values), durable=False)

    async def metrics(self) -> Sequence[MetricCount]:
        rows = await self._db.read_in_thread(lambda c: self._db.rows_of(c, "metrics"))
        return [MetricCount(row["metric"], tuple(json.loads(row["labels"])), row["value"]) for row in rows]

    async def add_metric_sample(self, sample: MetricSample) -> None:
        def write(connection: Connection) -> None:
            connection.execute(self._sql["add_metric_sample"], fields_of(sample))
            connection.execute(self._sql["prune_metric_samples"], {"before": sample.minute - SAMPLES_KEPT_MINUTES})

        await self._db.write(write, durable=False)

    async def metric_samples(self, since: int, every: int) -> Sequence[MetricSample]:
        values = {"since": since, "every": every}
        rows = await self._db.read_in_thread(lambda c: self._db.rows_of(c, "metric_samples", values))
        return [MetricSample(**row) for row in rows]
