"""What operators ask about failed sessions, and the retry of many."""

from collections.abc import Mapping, Sequence

from outlast.backends.rows import as_json
from outlast.backends.sqlite.database import SQLitePart
from outlast.backends.sqlite.driver import Connection, Values
from outlast.backends.sqlite.ends import write_retry
from outlast.backends.sqlite.sessions import selected_values
from outlast.domain.session import AnalysisSession, AttemptRecord
from outlast.ports.failures import SEARCHED, FailureReason, RetryAnswer, Selection

BEYOND = "\U0010ffff"
"""The last character: a text with it appended is beyond all texts that begin with that text."""


class SQLiteFailures(SQLitePart):
    """`Failures`."""

    async def failed(self, selection: Selection) -> list[AnalysisSession]:
        return await self._sessions("select_failed", selected_values(selection))

    async def failure_reasons(self, selection: Selection) -> Sequence[FailureReason]:
        values = selected_values(selection)
        rows = await self._db.read_in_thread(lambda c: self._db.rows_of(c, "failure_reasons", values))
        return [FailureReason(**self._db.rows.with_times(row)) for row in rows]

    async def last_attempts(self, session_ids: Sequence[str]) -> Mapping[str, AttemptRecord]:
        values = {"ids": as_json(list(session_ids))}
        rows = await self._db.read_in_thread(lambda c: self._db.rows_of(c, "last_attempts", values))
        return {row.pop("session_id"): self._db.rows.attempt(row) for row in rows}

    async def find_sessions(self, text: str, *, limit: int) -> list[AnalysisSession]:
        values = {"text": text, "beyond": text + BEYOND, "limit": limit}
        return await self._sessions("find_sessions", values) if text else []

    async def search_sessions(self, text: str, *, limit: int) -> list[AnalysisSession]:
        values = {"text": text.lower(), "deepest": SEARCHED, "limit": limit}
        return await self._sessions("search_sessions", values) if text else []

    async def retry_each(self, attempts: Mapping[str, int]) -> Mapping[str, RetryAnswer]:
        def write(connection: Connection) -> dict[str, RetryAnswer]:
            answers = {
                session_id: write_retry(connection, self._db, session_id, None, more)
                for session_id, more in attempts.items()
            }
            return {session_id: answer for session_id, answer in answers.items() if answer is not None}

        return await self._db.write(write)

    async def _sessions(self, name: str, values: Values) -> list[AnalysisSession]:
        return await self._db.read_in_thread(lambda c: self._db.sessions(c, name, values))
