"""The statements of a working worker: claim sessions, write progress, keep steps, offer sessions to a fleet."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import product
from typing import Any

from outlast.backends.postgres.claim_positions import ClaimedSession, ClaimPositions, Place, PriorityRange
from outlast.backends.postgres.connection import Connection
from outlast.backends.postgres.database import PostgresDatabase, PostgresPart, as_utc
from outlast.backends.rows import Row, as_json, fields_of
from outlast.domain.progress import Progress, dump_steps
from outlast.domain.session import AnalysisSession, Claim, KeptStep
from outlast.domain.storable_text import storable_text
from outlast.ports.dispatcher import WaitingSession
from outlast.ports.store import CLOCK_MARGIN, ClaimRequest, ProgressUpdate, latest


class PostgresClaims(PostgresPart):
    """The part of `SessionStore` that a worker uses while it works."""

    def __init__(self, database: PostgresDatabase) -> None:
        super().__init__(database)
        self._positions = ClaimPositions(database.clock)

    async def claim(self, worker_id: str, wanted: ClaimRequest) -> list[AnalysisSession]:
        queues, analyses = list(dict.fromkeys(wanted.queues)), list(dict.fromkeys(wanted.analyses))
        if wanted.limit <= 0 or not queues or not analyses:
            return []
        values = {
            "worker_id": worker_id,
            "queues": queues,
            "analyses": analyses,
            "limit": wanted.limit,
            "most_crashes": wanted.most_crashes,
            "excluded": list(wanted.excluding),
        }
        rows = await self._claimed(list(product(queues, analyses)), values)
        rows.sort(key=lambda row: (-row["priority"], row["available_at"], row["number"]))
        return self._db.rows.many(rows)

    async def _claimed(self, places: Sequence[Place], values: Mapping[str, Any]) -> list[Row]:
        """Claim; start behind earlier claims while the index entries of claimed sessions cannot be removed."""
        ranges = self._positions.ranges(places, values["most_crashes"])
        counting = self._positions.counting
        name, parameters = (
            ("claim", values) if ranges is None else ("claim_from_positions", {**values, **flat_ranges(ranges)})
        )
        began = self._db.clock.monotonic()
        # repeat it even if only the response was lost: a worker releases claims that it never received
        if not counting:
            rows = await self._db.use(lambda c: self._after_make_ready(c, name, parameters), again=True)
            self._positions.record_uncounted(self._db.clock.monotonic() - began)
            return rows
        rows, at, entries = await self._db.use(
            lambda c: self._without_sorting(c, name, parameters, count=ranges is None), again=True
        )
        if ranges is None:
            self._positions.record_full_scan(self._db.clock.monotonic() - began, entries)
        found = [
            ClaimedSession(
                (row["queue"], row["analysis"]), row["priority"], as_utc(row["available_at"]), row["crashes"]
            )
            for row in rows
        ]
        self._positions.record_found(places, found, exhausted=len(rows) < values["limit"], at=at)
        return rows

    async def claim_one(self, worker_id: str, session_id: str) -> AnalysisSession | None:
        values = {"worker_id": worker_id, "id": session_id}
        rows = await self._db.use(lambda c: self._db.rows_of(c, "claim_one", values), again=False)
        return self._db.rows.one_or_none(rows[0] if rows else None)

    async def offer(self, *, again_after: float, limit: int) -> list[WaitingSession]:
        values = {"again_after": again_after, "limit": limit}
        rows = await self._db.use(lambda c: self._after_make_ready(c, "offer", values), again=True)
        rows.sort(key=lambda row: (-row["priority"], row.pop("available_at"), row.pop("number")))
        return [WaitingSession(**row) for row in rows]

    async def end_future_waits(self) -> int:
        return len(await self._db.all("end_future_waits", {"margin": CLOCK_MARGIN}))

    async def _after_make_ready(self, connection: Connection, name: str, values: Mapping[str, Any]) -> list[Row]:
        """Return the rows of a statement about claimable sessions, in one round trip, which is one transaction."""
        async with connection.pipeline():
            await connection.execute(self._db.sql["make_ready"].encode())
            cursor = await connection.execute(self._db.sql[name].encode(), values)
        return await cursor.fetchall()

    async def _without_sorting(
        self, connection: Connection, name: str, values: Mapping[str, Any], *, count: bool
    ) -> tuple[list[Row], datetime, int]:
        """As `_after_make_ready`; and the time, and with `count` how many index entries it has read."""
        now = self._db.sql["index_entries_read" if count else "now"].encode()
        async with connection.pipeline():
            await connection.execute(self._db.sql["make_ready"].encode())
            await connection.execute(self._db.sql["avoid_sorting"].encode())
            before = await connection.execute(now)
            cursor = await connection.execute(self._db.sql[name].encode(), values)
            after = await connection.execute(now)
        (start,), (end,) = await before.fetchall(), await after.fetchall()
        return await cursor.fetchall(), start["at"], end["entries"] - start["entries"] if count else 0

    async def report(self, updates: Sequence[ProgressUpdate]) -> set[Claim]:
        progress = latest(updates)
        # sorted by id, as every statement that locks several rows does, to prevent deadlocks
        remaining = sorted(progress, key=lambda claim: claim.session_id)
        for name in ("report", "report_first"):
            if remaining:
                values = {"updates": as_json([_flat(claim, progress[claim]) for claim in remaining])}
                rows = await self._db.all(name, values)
                written = {Claim(row["session_id"], row["claim"]) for row in rows}
                remaining = [claim for claim in remaining if claim not in written]
        return set(remaining)

    async def kept_steps(self, session_id: str) -> Sequence[KeptStep]:
        return [KeptStep(**row) for row in await self._db.all("kept_steps", {"id": session_id})]

    async def keep_step(self, claim: Claim, kept: KeptStep) -> bool:
        batches = self._db.loop_pool().batches("keep_step", self._keep)
        return await batches.write((claim, kept))

    async def limit_attempts(self, claim: Claim, max_attempts: int) -> bool:
        values = {"id": claim.session_id, "claim": claim.number, "max_attempts": max_attempts}
        return await self._db.one("limit_attempts", values) is not None

    async def _keep(self, items: Sequence[tuple[Claim, KeptStep]]) -> Sequence[bool]:
        flat = [fields_of(kept) | {"id": claim.session_id, "claim": claim.number} for claim, kept in items]
        rows = await self._db.all("keep_step", {"items": as_json(flat)})
        written = {(row["id"], row["claim"], row["call"]) for row in rows}
        return [(claim.session_id, claim.number, kept.call) in written for claim, kept in items]


def flat_ranges(ranges: Sequence[PriorityRange]) -> dict[str, Any]:
    """Return the parameters of the statement `claim_from_positions`."""
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
        "message": None if progress.message is None else storable_text(progress.message),
        "steps": storable_text(dump_steps(progress.steps)),
    }
