"""The statements of a working worker: claim sessions, write progress, keep steps, offer sessions to a fleet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from operator import itemgetter
from typing import Any

from outlast.backends.postgres.claim_positions import ClaimedSession, ClaimPositions, Place, TurnRange
from outlast.backends.postgres.connection import Connection
from outlast.backends.postgres.database import PostgresDatabase, PostgresPart, as_utc
from outlast.backends.postgres.limited_claims import PostgresLimits
from outlast.backends.rows import Row, as_json, fields_of
from outlast.domain.pauses import Pause
from outlast.domain.progress import Progress, dump_steps
from outlast.domain.session import AnalysisSession, Claim, KeptStep
from outlast.domain.storable_text import storable_text
from outlast.ports.dispatcher import WaitingSession
from outlast.ports.store import CLOCK_MARGIN, ClaimRequest, ProgressUpdate, latest

CONDITIONS_CACHED_FOR = 0.8
"""Seconds for which a process believes what it has read about limits and pauses."""


@dataclass(frozen=True, slots=True)
class _Conditions:
    """What claims have to consider that most stores have nothing of, so that it costs them nothing."""

    limited: bool = False
    """Sessions with limits wait that may be able to run."""
    paused: frozenset[tuple[str, str]] = frozenset()
    """Kinds and names of pauses."""
    read_at: float = float("-inf")
    """On the monotonic clock."""


class PostgresClaims(PostgresPart):
    """The part of `SessionStore` that a worker uses while it works."""

    def __init__(self, database: PostgresDatabase) -> None:
        super().__init__(database)
        self._positions = ClaimPositions(database.clock)
        self._limits = PostgresLimits(database)
        self._conditions = _Conditions()

    async def claim(self, worker_id: str, wanted: ClaimRequest) -> list[AnalysisSession]:
        if wanted.limit <= 0:
            return []
        looked = await self._look_at_conditions(CONDITIONS_CACHED_FOR)
        paused = self._conditions.paused
        queues = [queue for queue in dict.fromkeys(wanted.queues) if ("queue", queue) not in paused]
        analyses = [name for name in dict.fromkeys(wanted.analyses) if ("analysis", name) not in paused]
        if not queues or not analyses:
            return []
        values = {
            "worker_id": worker_id,
            "queues": queues,
            "analyses": analyses,
            "limit": wanted.limit,
            "most_crashes": wanted.most_crashes,
            "excluded": list(wanted.excluding),
        }
        places, rows = list(product(queues, analyses)), list[Row]()
        if not self._conditions.limited:
            rows = await self._claimed(places, values)
            if not rows and not looked:  # perhaps it was woken by a session with limits
                await self._look_at_conditions(0.0)
        if self._conditions.limited and len(rows) < wanted.limit:
            most = max([wanted.most_crashes, *(row["crashes"] for row in rows)])
            more = {"limit": wanted.limit - len(rows), "most_crashes": most}
            rows += await self._claimed(places, values | more, limited=True)
        rows.sort(key=itemgetter("turn_at", "number"))
        return self._db.rows.many(rows)

    async def pause(self, pause: Pause) -> bool:
        changed = await self._db.all("pause", fields_of(pause))
        self._conditions = _Conditions()
        return bool(changed)

    async def resume(self, pause: Pause) -> bool:
        changed = await self._db.all("resume", fields_of(pause))
        self._conditions = _Conditions()
        return bool(changed)

    async def _look_at_conditions(self, max_age: float) -> bool:
        """Read the conditions of claims unless they were read in the last `max_age` seconds; return whether."""
        now = self._db.clock.monotonic()
        if 0.0 < max_age >= now - self._conditions.read_at:
            return False
        row = await self._db.only("conditions")
        paused = frozenset((kind, name) for kind, _, name in (text.partition(" ") for text in row["pauses"]))
        self._conditions = _Conditions(row["limited"], paused, now)
        return True

    async def _claimed(
        self, places: Sequence[Place], values: Mapping[str, Any], *, limited: bool = False
    ) -> list[Row]:
        """Claim; start behind earlier claims while the index entries of claimed sessions cannot be removed.

        `limited`: sessions with limits as well.
        """
        since = self._positions.since_last_claim
        ranges = self._positions.ranges(places, values["most_crashes"])
        counting = self._positions.counting
        name, parameters = "claim_limited" if limited else "claim", values
        if ranges is not None:
            name = "claim_limited_from_positions" if limited else "claim_from_positions"
            parameters = {**values, **flat_ranges(ranges), "since_last_claim": since}
        began = self._db.clock.monotonic()
        # repeat it even if only the response was lost: a worker releases claims that it never received
        if not counting:
            if limited:
                rows = await self._db.transact(lambda c: self._within_limits(c, name, parameters), again=True)
            else:
                rows = await self._db.use(lambda c: self._after_make_ready(c, name, parameters), again=True)
            self._positions.record_uncounted(self._db.clock.monotonic() - began)
            return rows
        if limited:
            rows, at, entries = await self._db.transact(
                lambda c: self._within_limits_unsorted(c, name, parameters, count=ranges is None),
                again=True,
            )
        else:
            rows, at, entries = await self._db.use(
                lambda c: self._without_sorting(c, name, parameters, count=ranges is None), again=True
            )
        if ranges is None:
            self._positions.record_full_scan(self._db.clock.monotonic() - began, entries)
        found = [
            ClaimedSession(
                (row["queue"], row["analysis"]), row["priority"], as_utc(row["turn_at"]), row["crashes"]
            )
            for row in rows
        ]
        self._positions.record_found(places, found, exhausted=len(rows) < values["limit"], at=at)
        return rows

    async def claim_one(self, worker_id: str, session_id: str) -> AnalysisSession | None:
        values = {"worker_id": worker_id, "id": session_id}

        async def write(connection: Connection) -> list[Row]:
            admitted = await self._limits.may_run(connection, session_id)
            if admitted is None:
                return []
            rows = await self._db.rows_of(connection, "claim_one_limited", values)
            await self._limits.begin(connection, [admitted] if rows else [])
            return rows

        rows = await self._db.use(lambda c: self._db.rows_of(c, "claim_one", values), again=False)
        if not rows:  # perhaps it has limits
            rows = await self._db.transact(write)
        return self._db.rows.one_or_none(rows[0] if rows else None)

    async def offer(self, *, again_after: float, limit: int) -> list[WaitingSession]:
        values = {"again_after": again_after, "limit": limit}
        rows = await self._db.use(lambda c: self._after_make_ready(c, "offer", values), again=True)
        await self._look_at_conditions(CONDITIONS_CACHED_FOR)
        if self._conditions.limited:
            await self._db.transact(self._limits.wake, again=True)
        rows.sort(key=lambda row: (row.pop("turn_at"), row.pop("number")))
        return [WaitingSession(**row) for row in rows]

    async def end_future_waits(self) -> int:
        return len(await self._db.all("end_future_waits", {"margin": CLOCK_MARGIN}))

    async def _after_make_ready(self, connection: Connection, name: str, values: Mapping[str, Any]) -> list[Row]:
        """Return the rows of a statement about claimable sessions, in one round trip, which is one transaction."""
        async with connection.pipeline():
            await connection.execute(self._db.sql["make_ready"].encode())
            cursor = await connection.execute(self._db.sql[name].encode(), values)
        return await cursor.fetchall()

    async def _within_limits(self, connection: Connection, name: str, values: Mapping[str, Any]) -> list[Row]:
        """As `_after_make_ready`, with sessions whose limits allow them to run, in the caller's transaction."""
        await self._db.rows_of(connection, "lock_permits")
        await self._db.rows_of(connection, "make_ready")
        admitted, seen = await self._limits.admit(connection, values)
        rows = await self._db.rows_of(connection, name, {**values, "admitted": admitted})
        await self._limits.begin(connection, [seen[row["id"]] for row in rows if row["id"] in seen])
        return rows

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

    async def _within_limits_unsorted(
        self, connection: Connection, name: str, values: Mapping[str, Any], *, count: bool
    ) -> tuple[list[Row], datetime, int]:
        """The same with `_within_limits`."""
        look = "index_entries_read" if count else "now"
        await self._db.rows_of(connection, "avoid_sorting")
        (start,) = await self._db.rows_of(connection, look)
        rows = await self._within_limits(connection, name, values)
        (end,) = await self._db.rows_of(connection, look)
        return rows, start["at"], end["entries"] - start["entries"] if count else 0

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


def flat_ranges(ranges: Sequence[TurnRange]) -> dict[str, Any]:
    """Return the parameters of the statement `claim_from_positions`."""
    return {
        "range_queues": [one.place[0] for one in ranges],
        "range_analyses": [one.place[1] for one in ranges],
        "begins": [one.begins for one in ranges],
        "ends": [one.ends for one in ranges],
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
