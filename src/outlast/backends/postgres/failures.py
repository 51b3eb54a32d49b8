"""What operators ask about failed sessions, and the retry of many."""

from collections.abc import Mapping, Sequence

from psycopg import errors

from outlast.backends.postgres.connection import Connection
from outlast.backends.postgres.database import PostgresPart
from outlast.backends.postgres.ends import retry_one
from outlast.backends.postgres.sessions import selected_values
from outlast.backends.rows import as_json
from outlast.domain.session import AnalysisSession, AttemptRecord
from outlast.domain.status import Status
from outlast.domain.storable_text import storable_text
from outlast.ports.failures import SEARCHED, FailureReason, RetryAnswer, Selection

ANSWERS = {
    Status.PENDING: RetryAnswer.NOT_FINAL,
    Status.PROCESSING: RetryAnswer.NOT_FINAL,
    Status.COMPLETED: RetryAnswer.COMPLETED,
    Status.FAILED: RetryAnswer.ANOTHER_IN_FLIGHT,
    Status.CANCELLED: RetryAnswer.ANOTHER_IN_FLIGHT,
}
"""Why a session was not retried, by its status."""


class PostgresFailures(PostgresPart):
    """`Failures`."""

    async def failed(self, selection: Selection) -> list[AnalysisSession]:
        return await self._db.sessions("select_failed", selected_values(selection))

    async def failure_reasons(self, selection: Selection) -> Sequence[FailureReason]:
        rows = await self._db.all("failure_reasons", selected_values(selection))
        return [FailureReason(**self._db.rows.with_times(row)) for row in rows]

    async def last_attempts(self, session_ids: Sequence[str]) -> Mapping[str, AttemptRecord]:
        rows = await self._db.all("last_attempts", {"ids": list(session_ids)})
        return {row.pop("session_id"): self._db.rows.attempt(row) for row in rows}

    async def find_sessions(self, text: str, *, limit: int) -> list[AnalysisSession]:
        values = {"text": storable_text(text), "limit": limit}
        return await self._db.sessions("find_sessions", values) if text else []

    async def search_sessions(self, text: str, *, limit: int) -> list[AnalysisSession]:
        statuses = [status.value for status in Status]
        values = {"text": storable_text(text).lower(), "statuses": statuses, "deepest": SEARCHED, "limit": limit}
        return await self._db.sessions("search_sessions", values) if text else []

    async def retry_each(self, attempts: Mapping[str, int]) -> Mapping[str, RetryAnswer]:
        ids = sorted(attempts)
        shared: set[str] = set()

        async def write(connection: Connection) -> dict[str, RetryAnswer]:
            await self._db.rows_of(connection, "lock_sessions", {"ids": ids})
            before = await self._db.rows_of(connection, "statuses", {"ids": ids})
            shared.update(row["id"] for row in before if row["shared"])
            retries = [{"id": one, "attempts": attempts[one]} for one in ids if one not in shared]
            retried = await self._db.rows_of(connection, "retry_each", {"retries": as_json(retries)})
            await self._db.rows_of(connection, "renew_callbacks", {"ids": [row["id"] for row in retried]})
            answers = {row["id"]: ANSWERS[Status(row["status"])] for row in before if row["id"] not in shared}
            return answers | {row["id"]: RetryAnswer.RETRIED for row in retried}

        try:
            answers = await self._db.transact(write)
            singly = sorted(shared)
        except errors.UniqueViolation:  # a start of one of the subjects came first: each by itself
            answers, singly = {}, ids
        for one in singly:
            if (answer := await retry_one(self._db, one, None, attempts[one])) is not None:
                answers[one] = answer
        return answers
