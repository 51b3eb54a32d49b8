"""How attempts end, and what the owner may still do to a session: cancel, retry, take it along on login."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, assert_never

from outlast.backends.sqlite.driver import Connection
from outlast.backends.sqlite.room import Room
from outlast.backends.sqlite.rows import as_text, attempt_record, digest
from outlast.domain.outcome import Cancelled, Completed, End, Failed, Postponed, Released
from outlast.domain.progress import dump_steps
from outlast.domain.session import AttemptEnd, AttemptRecord, Claim
from outlast.domain.status import Status
from outlast.ports.store import CancelAnswer, RetryAnswer


class Ends(Room):
    """The side of `SessionStore` that ends things and begins them anew."""

    async def finish(self, claim: Claim, end: End) -> bool:
        verb, ended, values = _written(claim, end)

        def write(connection: Connection) -> bool:
            stamped = values | self._db.stamp()
            if isinstance(end, Postponed):
                stamped["available_at"] = as_text(self._db.clock.now() + timedelta(seconds=end.delay))
            if connection.execute(self._sql["record_end"], stamped | {"ended": ended}).fetchone() is None:
                written = connection.execute(self._sql["written_end"], stamped).fetchone()
                return written is not None and written[0] == values["digest"]
            if isinstance(end, Completed):
                connection.execute(self._sql["keep_result"], stamped)
                connection.execute(self._sql["forget_kept_steps"], stamped)
            connection.execute(self._sql[verb], stamped)
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
        return [attempt_record(row) for row in rows]


def _written(claim: Claim, end: End) -> tuple[str, AttemptEnd, dict[str, Any]]:
    """The statement that writes an end, its word in the history, and the values of both."""
    values: dict[str, Any] = {"id": claim.session_id, "claim": claim.number, "error": None, "reference": None}
    match end:
        case Released():
            verb, ended, parts = "release", "released", []
        case Cancelled():
            values["steps"] = dump_steps(end.steps)
            verb, ended, parts = "end_cancelled", "cancelled", []
        case Completed():
            data = end.result.encode()
            values |= {"steps": dump_steps(end.steps), "result": end.result, "result_bytes": len(data)}
            values["redirect_url"] = end.redirect_url
            verb, ended, parts = "complete", "completed", [end.result, repr(end.redirect_url)]
        case Failed():
            values |= {"steps": dump_steps(end.steps), "error": end.error, "reference": end.reference}
            values["error_code"] = end.code
            verb, ended, parts = "fail", "failed", [end.error, end.code, repr(end.reference)]
        case Postponed():
            values |= {"steps": dump_steps(end.steps), "error": end.error, "reference": end.reference}
            values["error_code"] = end.code
            parts = [end.error, end.code, repr(end.reference), repr(end.delay)]
            verb, ended = "postpone", "postponed"
        case _:
            assert_never(end)
    values["digest"] = digest(claim, [verb, values.get("steps", ""), *parts])
    return verb, ended, values
