"""Starts that reuse a fresh result."""

from typing import Any

from outlast.backends.rows import Row, fields_of
from outlast.backends.sqlite.database import SQLitePart
from outlast.backends.sqlite.driver import Connection
from outlast.backends.sqlite.sessions import SMALL_INPUT
from outlast.backends.sqlite.times import as_datetime
from outlast.domain.progress import dump_steps, skipped_steps
from outlast.domain.session import NewSession
from outlast.ports.store import Added


class SQLiteReuse(SQLitePart):
    """The part of `SessionStore` that answers starts with earlier results."""

    async def reuse(self, new: NewSession, *, fresh_for: float) -> Added | None:
        small = len(new.input) <= SMALL_INPUT
        values = fields_of(new) | {
            "input": new.input if small else None,
            "steps": dump_steps(skipped_steps(new.steps)),
        }

        def write(connection: Connection) -> Added | None:
            made = self._newest_reusable(connection, values)
            if made is None or self._age(made) >= fresh_for:
                return None
            if self._db.row_of(connection, "find_in_flight", values) is not None:
                return None
            values["result_of"] = made["session_id"]
            known = self._db.row_of(connection, "find_reusing", values)
            if known is None:
                stamped = values | self._db.stamp()
                connection.execute(self._sql["add_reusing"], stamped)
                if not small:
                    connection.execute(self._sql["add_large_input"], {"id": new.id, "input": new.input})
                connection.execute(self._sql["copy_result"], stamped)
            row = known or self._db.row_of(connection, "get", values)
            return None if row is None else Added(self._db.rows.one(row), existing=known is not None)

        age = await self.result_age(new)
        return None if age is None or age >= fresh_for else await self._db.write(write)

    async def result_age(self, new: NewSession) -> float | None:
        values = {"reuse_key": new.reuse_key, "analysis": new.analysis, "subject": new.subject}
        made = self._db.read(lambda c: self._newest_reusable(c, values))
        return None if made is None else self._age(made)

    def _newest_reusable(self, connection: Connection, values: dict[str, Any]) -> Row | None:
        return self._db.row_of(connection, "newest_reusable", values)

    def _age(self, made: Row) -> float:
        return (self._db.clock.now() - as_datetime(made["completed_at"])).total_seconds()
