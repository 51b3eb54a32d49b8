"""The statements of a working worker: claim sessions, write progress, keep steps, offer sessions to a fleet."""

from collections.abc import Collection, Sequence
from datetime import timedelta

from outlast.backends.copied_rows import fields_of
from outlast.backends.rows import as_json
from outlast.backends.sqlite.driver import Connection, Row
from outlast.backends.sqlite.store_part import SQLitePart
from outlast.backends.sqlite.times import as_text
from outlast.domain.progress import Progress, dump_steps
from outlast.domain.retry import SUSPECT_CRASHES, may_work_beside
from outlast.domain.session import AnalysisSession, Claim, KeptStep
from outlast.ports.dispatcher import Waiting
from outlast.ports.store import CLOCK_MARGIN, ProgressUpdate, latest


class SQLiteClaims(SQLitePart):
    """The part of `SessionStore` that a worker uses while it works."""

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
        def write(connection: Connection) -> list[AnalysisSession]:
            stamp = self._db.stamp()
            connection.execute(self._sql["make_ready"], stamp)
            numbers = self._next(connection, queues, analyses, limit, beside, passing_over)
            if not numbers:
                return []
            values = stamp | {"worker_id": worker_id, "numbers": as_json(numbers)}
            rows: list[Row] = connection.execute(self._sql["claim"], values).fetchall()
            place = {number: i for i, number in enumerate(numbers)}
            rows.sort(key=lambda row: place[row[-1]])
            return self._db.rows.many(row[:-1] for row in rows)

        if limit <= 0 or not self._anything_claimable():
            return []
        return await self._db.write(write)

    async def claim_one(self, worker_id: str, session_id: str) -> AnalysisSession | None:
        def write(connection: Connection) -> AnalysisSession | None:
            values = self._db.stamp() | {"worker_id": worker_id, "id": session_id}
            return self._db.rows.one_or_none(connection.execute(self._sql["claim_one"], values).fetchone())

        return await self._db.write(write)

    async def offer(self, *, again_after: float, limit: int) -> list[Waiting]:
        now, busy_timeout = self._db.clock.now(), timedelta(seconds=again_after)
        # beyond `ahead`: the wall clock has gone back
        values = {
            "now": as_text(now),
            "again_before": as_text(now - busy_timeout),
            "ahead": as_text(now + busy_timeout),
        }

        def write(connection: Connection) -> list[Waiting]:
            connection.execute(self._sql["make_ready"], values)
            due = connection.execute(self._sql["due_offers"], values | {"limit": limit}).fetchall()
            numbers = as_json([number for (number,) in due])
            rows = connection.execute(self._sql["offer"], values | {"numbers": numbers}).fetchall()
            rows.sort(key=lambda row: (-row[2], row[4]))
            return [Waiting(*row[:4]) for row in rows]

        look = self._sql["anything_to_offer"]
        if limit <= 0 or not self._db.read(lambda c: c.execute(look, values).fetchone())[0]:
            return []
        return await self._db.write(write, durable=False)

    async def end_future_waits(self) -> int:
        def write(connection: Connection) -> int:
            soon = as_text(self._db.clock.now() + timedelta(seconds=CLOCK_MARGIN))
            values = self._db.stamp() | {"soon": soon}
            return len(connection.execute(self._sql["end_future_waits"], values).fetchall())

        return await self._db.write(write)

    def _anything_claimable(self) -> bool:
        """Check without the writer, which is enough for most claims of an idle worker."""
        values = {"now": self._db.now()}
        return bool(self._db.read(lambda c: c.execute(self._sql["anything_claimable"], values).fetchone())[0])

    def _next(
        self,
        connection: Connection,
        queues: Sequence[str],
        analyses: Sequence[str],
        limit: int,
        beside: int,
        passing_over: Collection[str],
    ) -> list[int]:
        """Return the row ids to claim, merged from the ordered rows of each queue and analysis."""
        passed_over = as_json(list(passing_over)) if passing_over else None
        candidates: list[tuple[int, str, int, int]] = []
        for queue in dict.fromkeys(queues):
            for analysis in dict.fromkeys(analyses):
                values = {
                    "queue": queue,
                    "analysis": analysis,
                    "limit": limit,
                    "beside": beside,
                    "passed_over": passed_over,
                }
                found = connection.execute(self._sql["next_claimable"], values).fetchall()
                candidates += [(-priority, at, number, crashes) for priority, at, number, crashes in found]
        # of the suspects the newest: its worker lived before it came
        last = max((number for _, _, number, crashes in candidates if crashes >= SUSPECT_CRASHES), default=None)
        fit = sorted(c for c in candidates if c[3] < SUSPECT_CRASHES or c[2] == last)[:limit]
        most = max((crashes for *_, crashes in fit), default=0)
        return [n for _, _, n, crashes in fit if n == last or may_work_beside(crashes, most)]

    async def report(self, updates: Sequence[ProgressUpdate]) -> set[Claim]:
        progress = latest(updates)
        values = {"updates": as_json([_flat(*one) for one in progress.items()])}

        def write(connection: Connection) -> set[Claim]:
            rows = connection.execute(self._sql["report"], values | self._db.stamp()).fetchall()
            return progress.keys() - {Claim(*row) for row in rows}

        return await self._db.write(write, durable=False)

    async def kept_steps(self, session_id: str) -> Sequence[KeptStep]:
        def read(connection: Connection) -> list[KeptStep]:
            rows = connection.execute(self._sql["kept_steps"], {"id": session_id}).fetchall()
            return [KeptStep(*row) for row in rows]

        return await self._db.read_in_thread(read)

    async def keep_step(self, claim: Claim, kept: KeptStep) -> bool:
        values = fields_of(kept) | {"id": claim.session_id, "claim": claim.number}
        kept_it = await self._db.write(lambda c: c.execute(self._sql["keep_step"], values).fetchone())
        return kept_it is not None


def _flat(claim: Claim, progress: Progress) -> list[str | float | None]:
    return [
        claim.session_id,
        claim.number,
        progress.percentage,
        progress.current_step,
        progress.message,
        dump_steps(progress.steps),
    ]
