"""Counts for monitoring."""

import json
from collections.abc import Sequence

from outlast.backends.rows import as_json
from outlast.backends.sqlite.database import SQLitePart
from outlast.ports.metrics import MetricCount


class SQLiteMetrics(SQLitePart):
    """`Metrics`."""

    async def add_metrics(self, counts: Sequence[MetricCount]) -> None:
        values = {"counts": as_json([(c.metric, as_json(c.labels), c.value) for c in counts])}
        await self._db.write(lambda c: c.execute(self._sql["add_metrics"], values), durable=False)

    async def metrics(self) -> Sequence[MetricCount]:
        rows = await self._db.read_in_thread(lambda c: self._db.rows_of(c, "metrics"))
        return [MetricCount(row["metric"], tuple(json.loads(row["labels"])), row["value"]) for row in rows]
