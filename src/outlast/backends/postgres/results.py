"""What outlives a session: results, and how long steps took."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from outlast.backends.postgres.connection import Connection
from outlast.backends.postgres.room import Room
from outlast.ports.results import SAMPLES_KEPT, StepSample, StoredResult


class PostgresResults(Room):
    """`Results`."""

    async def result(self, session_id: str, *, owner: str | None) -> StoredResult | None:
        row = await self._db.one("result", {"id": session_id, "owner": owner})
        return None if row is None else StoredResult(*row[:5], completed_at=self._db.rows.as_datetime(row[5]))

    async def learn(self, samples: Sequence[StepSample]) -> None:
        if not samples:
            return
        values = {
            "analyses": [s.analysis for s in samples],
            "steps": [s.step for s in samples],
            "durations": [s.duration_ms for s in samples],
        }

        async def write(connection: Connection) -> None:
            await self._db.rows_of(connection, "learn", values)
            await self._db.rows_of(connection, "unlearn", values | {"kept": SAMPLES_KEPT})

        await self._db.transact(write)

    async def durations(self, analysis: str) -> Mapping[str, Sequence[int]]:
        found: defaultdict[str, list[int]] = defaultdict(list)
        for step, duration_ms in await self._db.all("durations", {"analysis": analysis}):
            found[step].append(duration_ms)
        return dict(found)
