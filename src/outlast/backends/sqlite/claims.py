"""The statements of a working worker: claim sessions, write progress, keep steps, offer sessions to a fleet."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import product

from outlast.backends.rows import Row, as_json, fields_of
from outlast.backends.sqlite.database import SQLitePart
from outlast.backends.sqlite.driver import Connection
from outlast.backends.sqlite.times import as_text
from outlast.domain.crash_policy import SUSPECT_CRASHES, may_run_beside
from outlast.domain.progress import Progress, dump_steps
from outlast.domain.session import AnalysisSession, Claim, KeptStep
from outlast.ports.dispatcher import WaitingSession
from outlast.ports.store import CLOCK_MARGIN, ClaimRequest, ProgressUpdate, latest


class SQLiteClaims(SQLitePart):
    """The part of `SessionStore` that a worker uses while it works."""

    async def claim(self, worker_id: str, wanted: ClaimRequest) -> list[AnalysisSession]:
        def write(connection: Connection) -> list[AnalysisSession]:
            stamp = self._db.stamp()
            connection.execute(self._sql["make_ready"], stamp)
            numbers = self._next(connection, wanted)
            if not numbers:
                return []
            values = stamp | {"worker_id": worker_id, "numbers": as_json(numbers)}
            rows = self._db.rows_of(connection, "claim_rows", values)
            claimed = {row["number"]: row for row in rows}
            return self._db.rows.many(claimed[number] for number in numbers if number in claimed)

        if wanted.limit <= 0 or not self._anything_claimable():
            return []
        return await self._db.write(write)

    async def claim_one(self, worker_id: str, session_id: str) -> AnalysisSession | None:
        def write(connection: Connection) -> AnalysisSession | None:
            values = self._db.stamp() | {"worker_id": worker_id, "id": session_id}
            return self._db.rows.one_or_none(self._db.row_of(connection, "claim_one", values))

        return await self._db.write(write)

    async def offer(self, *, again_after: float, limit: int) -> list[WaitingSession]:
        now, interval = self._db.clock.now(), timedelta(seconds=again_after)
        # beyond `ahead`: the wall clock has gone back
        values = {
            "now": as_text(now),
            "again_before": as_text(now - interval),
            "ahead": as_text(now + interval),
        }

        def write(connection: Connection) -> list[WaitingSession]:
            connection.execute(self._sql["make_ready"], values)
            due = self._db.rows_of(connection, "due_offers", values | {"limit": limit})
            numbers = as_json([row["number"] for row in due])
            rows = self._db.rows_of(connection, "mark_offered", values | {"numbers": numbers})
            rows.sort(key=lambda row: (-row["priority"], row.pop("available_at")))
            return [WaitingSession(**row) for row in rows]

        look = self._sql["anything_to_offer"]
        if limit <= 0 or not self._db.read(lambda c: c.execute(look, values).get):
            return []
        return await self._db.write(write, durable=False)

    async def end_future_waits(self) -> int:
        def write(connection: Connection) -> int:
            soon = as_text(self._db.clock.now() + timedelta(seconds=CLOCK_MARGIN))
            values = self._db.stamp() | {"soon": soon}
            return len(self._db.rows_of(connection, "end_future_waits", values))

        return await self._db.write(write)

    def _anything_claimable(self) -> bool:
        """Check without the writer, which is enough for most claims of an idle worker."""
        values = {"now": self._db.now()}
        return bool(self._db.read(lambda c: c.execute(self._sql["anything_claimable"], values).get))

    def _next(self, connection: Connection, wanted: ClaimRequest) -> list[int]:
        """Return the row ids to claim, merged from the ordered rows of each queue and analysis."""
        values = {
            "limit": wanted.limit,
            "most_crashes": wanted.most_crashes,
            "excluded": as_json(list(wanted.excluding)) if wanted.excluding else None,
        }
        candidates: list[Row] = []
        for queue, analysis in product(dict.fromkeys(wanted.queues), dict.fromkeys(wanted.analyses)):
            place = {"queue": queue, "analysis": analysis}
            candidates += self._db.rows_of(connection, "next_claimable", values | place)
        # of the suspects the newest: its worker lived before it came
        last = max((row["number"] for row in candidates if row["crashes"] >= SUSPECT_CRASHES), default=None)
        fit = [row for row in candidates if row["crashes"] < SUSPECT_CRASHES or row["number"] == last]
        fit.sort(key=lambda row: (-row["priority"], row["available_at"], row["number"]))
        most = max((row["crashes"] for row in fit[: wanted.limit]), default=0)
        return [
            row["number"]
            for row in fit[: wanted.limit]
            if row["number"] == last or may_run_beside(row["crashes"], most)
        ]

    async def report(self, updates: Sequence[ProgressUpdate]) -> set[Claim]:
        progress = latest(updates)
        values = {"updates": as_json([_flat(*one) for one in progress.items()])}

        def write(connection: Connection) -> set[Claim]:
            rows = self._db.rows_of(connection, "report", values | self._db.stamp())
            return progress.keys() - {Claim(row["id"], row["claim"]) for row in rows}

        return await self._db.write(write, durable=False)

    async def kept_steps(self, session_id: str) -> Sequence[KeptStep]:
        def read(connection: Connection) -> list[KeptStep]:
            rows = self._db.rows_of(connection, "kept_steps", {"id": session_id})
            return [KeptStep(**row) for row in rows]

        return await self._db.read_in_thread(read)

    async def keep_step(self, claim: Claim, kept: KeptStep) -> bool:
        values = fields_of(kept) | {"id": claim.session_id, "claim": claim.number}
        kept_it = await self._db.write(lambda c: self._db.row_of(c, "keep_step", values))
        return kept_it is not None

    async def limit_attempts(self, claim: Claim, max_attempts: int) -> bool:
        values = {"id": claim.session_id, "claim": claim.number, "max_attempts": max_attempts}
        return await self._db.write(lambda c: self._db.row_of(c, "limit_attempts", values)) is not None


def _flat(claim: Claim, progress: Progress) -> list[str | float | None]:
    return [
        claim.session_id,
        claim.number,
        progress.percentage,
        progress.current_step,
        progress.message,
        dump_steps(progress.steps),
    ]
