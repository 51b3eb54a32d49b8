"""Starts that reuse a fresh result."""

from typing import Any

from outlast.backends.postgres.connection import Connection
from outlast.backends.postgres.database import PostgresPart
from outlast.backends.rows import Row, fields_of
from outlast.domain.progress import dump_steps, skipped_steps
from outlast.domain.session import NewSession
from outlast.domain.storable_text import storable_text
from outlast.ports.store import Added


class PostgresReuse(PostgresPart):
    """The part of `SessionStore` that answers starts with earlier results."""

    async def reuse(self, new: NewSession, *, fresh_for: float) -> Added | None:
        values = fields_of(new) | {
            "subject": storable_text(new.subject),
            "steps": storable_text(dump_steps(skipped_steps(new.steps))),
            "total_steps": len(new.steps),
        }

        async def write(connection: Connection) -> Added | None:
            await self._db.rows_of(connection, "lock_owner", values)
            if await self._db.rows_of(connection, "in_flight_of_subject", values):
                return None
            for made in await self._db.rows_of(connection, "newest_reusable", values):
                if made["age"] < fresh_for:
                    return await self._reused(connection, values | {"result_of": made["session_id"]})
            return None

        age = await self.result_age(new)
        return None if age is None or age >= fresh_for else await self._db.transact(write, again=True)

    async def result_age(self, new: NewSession) -> float | None:
        values = {
            "reuse_key": new.reuse_key,
            "analysis": new.analysis,
            "subject": storable_text(new.subject),
        }
        made = await self._db.one("newest_reusable", values)
        return None if made is None else made["age"]

    async def _reused(self, connection: Connection, values: dict[str, Any]) -> Added | None:
        row = await self._one(connection, "find_reusing", values)
        # its own id: the answer to an earlier try of this transaction was lost
        existing = row is not None and row["id"] != values["id"]
        if row is None and await self._one(connection, "add_reusing", values) is not None:
            row = await self._one(connection, "get", values)
        return None if row is None else Added(self._db.rows.one(row), existing=existing)

    async def _one(self, connection: Connection, name: str, values: dict[str, Any]) -> Row | None:
        rows = await self._db.rows_of(connection, name, values)
        return rows[0] if rows else None
