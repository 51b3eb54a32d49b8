"""How attempts end, and what the owner may still do to a session: cancel, retry, take it along on login."""

from collections.abc import Sequence
from datetime import timedelta

from outlast.backends.copied import fields_of
from outlast.backends.sqlite.driver import Connection
from outlast.backends.sqlite.room import Room
from outlast.backends.sqlite.times import as_text
from outlast.backends.written import written
from outlast.domain.outcome import End
from outlast.domain.session import AttemptRecord, Claim
from outlast.domain.status import Status
from outlast.ports.store import CancelAnswer, RetryAnswer

VERBS = {
    "completed": "complete",
    "failed": "fail",
    "postponed": "postpone",
    "released": "release",
    "cancelled": "end_cancelled",
}
"""The statement that writes an end, by its word in the history."""


class Ends(Room):
    """The side of `SessionStore` that ends things and begins them anew."""

    async def finish(self, claim: Claim, end: End) -> bool:
        wanted = written(claim, end)
        values = fields_of(wanted) | {"id": claim.session_id, "claim": claim.number}

        def write(connection: Connection) -> bool:
            stamped = values | self._db.stamp()
            if wanted.delay is not None:
                stamped["available_at"] = as_text(self._db.clock.now() + timedelta(seconds=wanted.delay))
            if connection.execute(self._sql["record_end"], stamped).fetchone() is None:
                row = connection.execute(self._sql["written_end"], stamped).fetchone()
                return row is not None and row[0] == wanted.digest
            if wanted.ended == "completed":
                connection.execute(self._sql["keep_result"], stamped)
                connection.execute(self._sql["forget_kept_steps"], stamped)
            connection.execute(self._sql[VERBS[wanted.ended]], stamped)
            return True

        return await self._db.write(write)

    async def cancel(self, session_id: str, *, owner: str | None) -> CancelAnswer | None:
        def write(connection: Connection) -> CancelAnswer | None:
            values = {"id": session_id, "owner": owner} | self._db.stamp()
            row = connection.execute(self._sql["cancel"], values).fetchone()
            row = row or connection.execute(self._sql["status"], values).fetchone()
            if row is None:
                return None
            match Status(row[0]):
                case Status.CANCELLED:
                    return CancelAnswer.CANCELLED
                case Status.PENDING | Status.PROCESSING:
                    return CancelAnswer.CANCELLING
                case Status.COMPLETED | Status.FAILED:
                    return CancelAnswer.FINAL

        return await self._db.write(write)

    async def retry(self, session_id: str, *, owner: str | None, attempts: int) -> RetryAnswer | None:
        def write(connection: Connection) -> RetryAnswer | None:
            values = {"id": session_id, "owner": owner, "attempts": attempts} | self._db.stamp()
            if connection.execute(self._sql["retry"], values).fetchone() is not None:
                return RetryAnswer.RETRIED
            row = connection.execute(self._sql["status"], values).fetchone()
            if row is None:
                return None
            match Status(row[0]):
                case Status.PENDING | Status.PROCESSING:
                    return RetryAnswer.NOT_FINAL
                case Status.COMPLETED:
                    return RetryAnswer.COMPLETED
                case Status.FAILED | Status.CANCELLED:
                    return RetryAnswer.ANOTHER_IN_FLIGHT

        return await self._db.write(write)

    async def adopt(self, anonymous: str, owner: str) -> int:
        def write(connection: Connection) -> int:
            values = {"anonymous": anonymous, "owner": owner} | self._db.stamp()
            adopted = connection.execute(self._sql["adopt_sessions"], values).fetchall()
            connection.execute(self._sql["adopt_results"], values)
            connection.execute(self._sql["adopt_uploads"], values)
            return len(adopted)

        return await self._db.write(write) if anonymous != owner else 0

    async def history(self, session_id: str) -> Sequence[AttemptRecord]:
        values = {"id": session_id}
        rows = await self._db.read_aside(lambda c: c.execute(self._sql["history"], values).fetchall())
        return [self._db.rows.attempt(row) for row in rows]
