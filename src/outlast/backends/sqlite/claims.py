"""The statements of a working worker: claim sessions, write progress, keep steps, offer sessions to a fleet."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import product
from operator import itemgetter

from outlast.backends.limited_claims import LimitedSession
from outlast.backends.rows import Row, as_json, fields_of
from outlast.backends.sqlite.database import SQLiteDatabase, SQLitePart
from outlast.backends.sqlite.driver import Connection
from outlast.backends.sqlite.limited_claims import SQLiteLimits
from outlast.backends.sqlite.times import as_text
from outlast.domain.crash_policy import SUSPECT_CRASHES, may_run_beside
from outlast.domain.pauses import Pause
from outlast.domain.progress import Progress, dump_steps
from outlast.domain.session import AnalysisSession, Claim, KeptStep
from outlast.ports.dispatcher import WaitingSession
from outlast.ports.store import CLOCK_MARGIN, ClaimRequest, ProgressUpdate, latest


class SQLiteClaims(SQLitePart):
    """The part of `SessionStore` that a worker uses while it works."""

    def __init__(self, database: SQLiteDatabase) -> None:
        super().__init__(database)
        self._limits = SQLiteLimits(database)

    async def claim(self, worker_id: str, wanted: ClaimRequest) -> list[AnalysisSession]:
        def write(connection: Connection) -> list[AnalysisSession]:
            stamp = self._db.stamp()
            connection.execute(self._sql["make_ready"], stamp)
            numbers, limited = self._next(connection, wanted, stamp["now"])
            if not numbers:
                return []
            values = stamp | {"worker_id": worker_id, "numbers": as_json(numbers)}
            rows = self._db.rows_of(connection, "claim_rows", values)
            claimed = {row["number"]: row for row in rows}
            self._limits.begin(connection, [limited[row["id"]] for row in rows if row["id"] in limited])
            return self._db.rows.many(claimed[number] for number in numbers if number in claimed)

        if wanted.limit <= 0 or not self._anything_claimable():
            return []
        return await self._db.write(write)

    async def claim_one(self, worker_id: str, session_id: str) -> AnalysisSession | None:
        def write(connection: Connection) -> AnalysisSession | None:
            may_run, limited = self._limits.may_run(connection, session_id)
            if not may_run:
                return None
            values = self._db.stamp() | {"worker_id": worker_id, "id": session_id}
            claimed = self._db.row_of(connection, "claim_one", values)
            if claimed is not None and limited is not None:
                self._limits.begin(connection, [limited])
            return self._db.rows.one_or_none(claimed)

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
            self._limits.wake(connection)
            due = self._db.rows_of(connection, "due_offers", values | {"limit": limit})
            numbers = as_json([row["number"] for row in due])
            rows = self._db.rows_of(connection, "mark_offered", values | {"numbers": numbers})
            rows.sort(key=lambda row: (row.pop("turn_at"), row.pop("number")))
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

    def _next(
        self, connection: Connection, wanted: ClaimRequest, now: str
    ) -> tuple[list[int], Mapping[str, LimitedSession]]:
        """Return the row ids to claim, merged from the ordered rows of each queue and analysis.

        The second value has the sessions with limits that were looked at, by id.
        """
        values = {
            "limit": wanted.limit,
            "most_crashes": wanted.most_crashes,
            "excluded": as_json(list(wanted.excluding)) if wanted.excluding else None,
        }
        places = list(product(dict.fromkeys(wanted.queues), dict.fromkeys(wanted.analyses)))
        (look,) = self._db.rows_of(connection, "anything_limited", {"now": now})
        if look["paused"]:
            pauses = [Pause(**row) for row in self._db.rows_of(connection, "pauses")]
            places = [place for place in places if not any(pause.covers(*place) for pause in pauses)]
        admitted: list[str] = []
        limited: Mapping[str, LimitedSession] = {}
        if look["limited"]:
            admitted, limited = self._limits.admit(connection, places, values)
        candidates: list[Row] = []
        for queue, analysis in places:
            place = {"queue": queue, "analysis": analysis}
            candidates += self._db.rows_of(connection, "next_claimable", values | place)
            if admitted:
                ids = {"admitted": as_json(admitted)}
                candidates += self._db.rows_of(connection, "admitted_sessions", values | place | ids)
        # of the suspects the newest: its worker lived before it came
        last = max((row["number"] for row in candidates if row["crashes"] >= SUSPECT_CRASHES), default=None)
        fit = [row for row in candidates if row["crashes"] < SUSPECT_CRASHES or row["number"] == last]
        fit.sort(key=itemgetter("turn_at", "available_at", "number"))
        most = max((row["crashes"] for row in fit[: wanted.limit]), default=0)
        numbers = [
            row["number"]
            for row in fit[: wanted.limit]
            if row["number"] == last or may_run_beside(row["crashes"], most)
        ]
        return numbers, limited

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
