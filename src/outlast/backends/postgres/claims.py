"""What workers do to sessions: claim them, report, keep steps; and what a fleet is told of them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from outlast.backends.copied_rows import fields_of
from outlast.backends.postgres.connection import Connection
from outlast.backends.postgres.database import PostgresDatabase
from outlast.backends.postgres.positions import Found, Place, Positions, Range
from outlast.backends.postgres.store_part import PostgresPart
from outlast.backends.rows import Row, as_json
from outlast.domain.clean_text import plain
from outlast.domain.progress import Progress, dump_steps
from outlast.domain.session import AnalysisSession, Claim, KeptStep
from outlast.ports.dispatcher import Waiting
from outlast.ports.store import CLOCK_MARGIN, ProgressUpdate, latest


class PostgresClaims(PostgresPart):
    """The side of `SessionStore` that a worker sees while it works."""

    def __init__(self, database: PostgresDatabase) -> None:
        super().__init__(database)
        self._positions = Positions(database.clock)

    async def claim(
        self,
        worker_id: str,
        *,
        queues: Sequence[str],
        analyses: Sequence[str],
        limit: int,
        beside: int,
        passing_over: Collection[str] = (),
    ) -> list[AnalysisSession]:
        queues, analyses = list(dict.fromkeys(queues)), list(dict.fromkeys(analyses))
        if limit <= 0 or not queues or not analyses:
            return []
        values = {
            "worker_id": worker_id,
            "queues": queues,
            "analyses": analyses,
            "limit": limit,
            "beside": beside,
            "passed_over": list(passing_over),
        }
        rows = await self._claimed([(queue, analysis) for queue in queues for analysis in analyses], values)
        rows.sort(key=lambda row: (-row[6], row[21], row[-1]))
        return self._db.rows.many(row[:-1] for row in rows)

    async def _claimed(self, places: Sequence[Place], values: Mapping[str, Any]) -> list[Row]:
        """Claim; from where earlier ones have come, while what others can still see lies before that."""
        ranges = self._positions.ranges(places, values["beside"])
        counting = self._positions.counting
        name, asked = ("claim", values) if ranges is None else ("claim_near", {**values, **flat_ranges(ranges)})
        began = self._db.clock.monotonic()
        # repeated too when only the answer was lost: a claim that never arrived is given back by its worker
        if not counting:
            rows = await self._db.use(lambda c: self._when_made_ready(c, name, asked), again=True)
            self._positions.took(self._db.clock.monotonic() - began)
            return rows
        rows, at, walked = await self._db.use(lambda c: self._counted(c, name, asked), again=True)
        if ranges is None:
            self._positions.looked_everywhere(self._db.clock.monotonic() - began, walked)
        found = [Found((row[5], row[1]), row[6], row[21], row[13]) for row in rows]
        self._positions.found(places, found, all_of_it=len(rows) < values["limit"], at=at)
        return rows

    async def claim_one(self, worker_id: str, session_id: str) -> AnalysisSession | None:
        values = {"worker_id": worker_id, "id": session_id}
        rows = await self._db.use(lambda c: self._db.rows_of(c, "claim_one", values), again=False)
        return self._db.rows.one_or_none(rows[0] if rows else None)

    async def offer(self, *, again_after: float, limit: int) -> list[Waiting]:
        values = {"again_after": again_after, "limit": limit}
        rows = await self._db.use(lambda c: self._when_made_ready(c, "offer", values), again=True)
        rows.sort(key=lambda row: (-row[2], *row[4:]))
        return [Waiting(*row[:4]) for row in rows]

    async def end_future_waits(self) -> int:
        return len(await self._db.all("end_future_waits", {"margin": CLOCK_MARGIN}))

    async def _when_made_ready(self, connection: Connection, name: str, values: Mapping[str, Any]) -> list[Row]:
        """The rows of a statement about what is ready, in one journey, which is a transaction of its own."""
        async with connection.pipeline():
            await connection.execute(self._db.sql["make_ready"].encode())
            cursor = await connection.execute(self._db.sql[name].encode(), values)
        return await cursor.fetchall()

    async def _counted(
        self, connection: Connection, name: str, values: Mapping[str, Any]
    ) -> tuple[list[Row], datetime, int]:
        """As `_when_made_ready`; and when that was, and how many entries it has walked over."""
        walked = self._db.sql["walked"].encode()
        async with connection.pipeline():
            await connection.execute(self._db.sql["make_ready"].encode())
            await connection.execute(self._db.sql["in_order"].encode())
            before = await connection.execute(walked)
            cursor = await connection.execute(self._db.sql[name].encode(), values)
            after = await connection.execute(walked)
        ((at, already),), ((_, in_all),) = await before.fetchall(), await after.fetchall()
        return await cursor.fetchall(), at, in_all - already

    async def report(self, updates: Sequence[ProgressUpdate]) -> set[Claim]:
        progress = latest(updates)
        # in the order of their ids, as whoever locks several rows does
        left = sorted(progress, key=lambda claim: claim.session_id)
        for name in ("report", "report_first"):
            if left:
                values = {"updates": as_json([_flat(claim, progress[claim]) for claim in left])}
                written = {Claim(*row) for row in await self._db.all(name, values)}
                left = [claim for claim in left if claim not in written]
        return set(left)

    async def kept_steps(self, session_id: str) -> Sequence[KeptStep]:
        return [KeptStep(*row) for row in await self._db.all("kept_steps", {"id": session_id})]

    async def keep_step(self, claim: Claim, kept: KeptStep) -> bool:
        batches = self._db.here().batches("keep_step", self._keep)
        return await batches.write((claim, kept))

    async def _keep(self, items: Sequence[tuple[Claim, KeptStep]]) -> Sequence[bool]:
        flat = [fields_of(kept) | {"id": claim.session_id, "claim": claim.number} for claim, kept in items]
        written = set(await self._db.all("keep_step", {"items": as_json(flat)}))
        return [(c.session_id, c.number, kept.call) in written for c, kept in items]


def flat_ranges(ranges: Sequence[Range]) -> dict[str, Any]:
    """Values of the statement `claim_near`."""
    return {
        "range_queues": [one.place[0] for one in ranges],
        "range_analyses": [one.place[1] for one in ranges],
        "highest": [one.highest for one in ranges],
        "lowest": [one.lowest for one in ranges],
        "begins": [one.since for one in ranges],
    }


def _flat(claim: Claim, progress: Progress) -> dict[str, Any]:
    return {
        "id": claim.session_id,
        "claim": claim.number,
        "percentage": progress.percentage,
        "current_step": progress.current_step,
        "message": None if progress.message is None else plain(progress.message),
        "steps": plain(dump_steps(progress.steps)),
    }
