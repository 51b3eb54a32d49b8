"""The ends of attempts, and the owner's operations: cancel, retry, adopt on login."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from outlast.backends.end_records import EndRecord, end_record
from outlast.backends.rows import fields_of
from outlast.backends.sqlite.database import SQLiteDatabase, SQLitePart
from outlast.backends.sqlite.driver import Connection
from outlast.backends.sqlite.sessions import SMALL_INPUT
from outlast.backends.sqlite.shared_runs import leave_run, retry_shared
from outlast.backends.sqlite.times import as_text
from outlast.domain.outcome import End
from outlast.domain.session import AttemptRecord, Claim
from outlast.domain.status import Status
from outlast.ports.failures import Answered, RetryAnswer
from outlast.ports.store import CancelAnswer


class SQLiteEnds(SQLitePart):
    """The part of `SessionStore` that ends, cancels and retries sessions."""

    async def finish(self, claim: Claim, end: End, *, worked: float | None = None) -> bool:  # noqa: ARG002 - it shares the worker's clock
        wanted = end_record(claim, end)
        return await self._db.write(lambda c: write_end(c, self._db, claim, wanted))

    async def cancel(self, session_id: str, *, owner: str | None) -> CancelAnswer | None:
        def write(connection: Connection) -> CancelAnswer | None:
            values = {"id": session_id, "owner": owner} | self._db.stamp()
            cancelled = connection.execute(self._sql["cancel"], values).get
            status = cancelled or connection.execute(self._sql["status"], values).get
            if status is None:
                return None
            match Status(status):
                case Status.CANCELLED:
                    return CancelAnswer.CANCELLED
                case Status.PENDING:  # it follows a run
                    leave_run(connection, self._db, values)
                    return CancelAnswer.CANCELLED
                case Status.PROCESSING:
                    return CancelAnswer.CANCELLING
                case Status.COMPLETED | Status.FAILED:
                    return CancelAnswer.FINAL

        return await self._db.write(write)

    async def retry(
        self, session_id: str, *, owner: str | None, attempts: int, answered: Answered | None = None
    ) -> RetryAnswer | None:
        return await self._db.write(lambda c: write_retry(c, self._db, session_id, owner, attempts, answered))

    async def adopt(self, anonymous: str, owner: str) -> int:
        def write(connection: Connection) -> int:
            values = {"anonymous": anonymous, "owner": owner} | self._db.stamp()
            adopted = self._db.rows_of(connection, "adopt_sessions", values)
            connection.execute(self._sql["adopt_results"], values)
            connection.execute(self._sql["adopt_uploads"], values)
            return len(adopted)

        return await self._db.write(write) if anonymous != owner else 0

    async def history(self, session_id: str) -> Sequence[AttemptRecord]:
        values = {"id": session_id}
        rows = await self._db.read_in_thread(lambda c: self._db.rows_of(c, "history", values))
        return [self._db.rows.attempt(row) for row in rows]


def write_end(connection: Connection, database: SQLiteDatabase, claim: Claim, end: EndRecord) -> bool:
    """`SessionStore.finish`, within a transaction."""
    sql = database.sql
    values = fields_of(end) | {"id": claim.session_id, "claim": claim.number} | database.stamp()
    delay = end.delay
    values["available_at"] = None if delay is None else as_text(database.clock.now() + timedelta(seconds=delay))
    if database.row_of(connection, "record_end", values) is None:
        return connection.execute(sql["end_digest"], values).get == end.digest
    if end.ended == "completed":
        connection.execute(sql["add_result"], values)
        connection.execute(sql["forget_kept_steps"], values)
    connection.execute(sql["finish_session"], values)
    return True


def write_retry(
    connection: Connection,
    database: SQLiteDatabase,
    session_id: str,
    owner: str | None,
    attempts: int,
    answered: Answered | None = None,
) -> RetryAnswer | None:
    """`SessionStore.retry`, within a transaction."""
    subject, text = (answered.subject, answered.input) if answered else (None, None)
    small = text if text is not None and len(text) <= SMALL_INPUT else None
    values = {"id": session_id, "owner": owner, "attempts": attempts, "subject": subject, "input": small}
    values |= database.stamp() | {"alone": False}
    answer = _retried(connection, database, values, answered=answered is not None)
    if answer is RetryAnswer.RETRIED and text is not None and small is None:
        connection.execute(database.sql["replace_large_input"], {"id": session_id, "input": text})
    if answer is not None:
        return answer
    status = connection.execute(database.sql["status"], values).get
    if status is None:
        return None
    match Status(status):
        case Status.PENDING | Status.PROCESSING:
            return RetryAnswer.NOT_FINAL
        case Status.COMPLETED:
            return RetryAnswer.COMPLETED
        case Status.FAILED | Status.CANCELLED:
            asks = answered is None or connection.execute(database.sql["asks"], values).get
            return RetryAnswer.ANOTHER_IN_FLIGHT if asks else RetryAnswer.NOTHING_ASKED


def _retried(
    connection: Connection, database: SQLiteDatabase, values: dict[str, Any], *, answered: bool
) -> RetryAnswer | None:
    """Retry the session if it can be retried."""
    if database.row_of(connection, "retry", values) is not None:
        connection.execute(database.sql["renew_callbacks"], values)
        return RetryAnswer.RETRIED
    row = database.row_of(connection, "retryable_session", values)
    if row is None or (row["run_id"] is None and not row["is_run"]) or (answered and not row["asks"]):
        return None
    return retry_shared(connection, database, row, values, answered=answered)
