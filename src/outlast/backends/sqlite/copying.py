"""The tables of a SQLite file as a copy reads and writes them."""

from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from outlast.backends.copying import CONDITIONS, Row
from outlast.backends.sqlite.connection import DatabaseFile, rows_by_name, unavailable
from outlast.backends.sqlite.database import SQLiteDatabase
from outlast.backends.sqlite.driver import Connection
from outlast.backends.sqlite.sessions import SMALL_INPUT
from outlast.ports.clock import Clock

INPUT = "coalesce(input, (SELECT l.input FROM large_inputs AS l WHERE l.session_id = analysis_sessions.id))"
TIMED_FROM = """
iif(timed_from IS NULL, NULL, strftime(
    '%Y-%m-%d %H:%M:%f000',
    iif(
        timed_boot = :boot_id,
        unixepoch(:now, 'subsec') - (:monotonic - timed_from),
        unixepoch(created_at, 'subsec') + (waited_ms + worked_ms) / 1000.0
    ),
    'unixepoch'
))
"""
"""As a wall time, exact to a millisecond."""


@contextmanager
def locked_tables(path: Path, clock: Clock) -> Generator["SQLiteTables"]:
    """Lock the file for writing; roll back what is not committed. Raises `StoreUnavailable`."""
    database = SQLiteDatabase(DatabaseFile(path), clock)
    with unavailable():
        connection = database.file.connect()
        try:
            connection.pragma("synchronous", "full")
            connection.execute("BEGIN IMMEDIATE")
            yield SQLiteTables(connection, database)
        finally:
            connection.close()


class SQLiteTables:
    """`LockedTables`."""

    def __init__(self, connection: Connection, database: SQLiteDatabase) -> None:
        self._connection = connection
        self._sql = database.sql
        self._now = database.stamp()
        """One time for all rows, so that a duration is converted back to itself."""

    def closed_because(self) -> str | None:
        if not self.readable("door"):
            return None
        return self._connection.execute(self._sql["shut_because"]).get

    def close_because(self, reason: str | None) -> None:
        self._connection.execute(self._sql["shut"], {"reason": reason})

    def release(self) -> int:
        released = 0
        for row in rows_by_name(self._connection.execute(self._sql["at_work"])):
            values = row | self._now
            self._connection.execute(self._sql["record_releases"], values)
            released += len(self._connection.execute(self._sql["release_held"], values).fetchall())
        return released

    def readable(self, table: str) -> Collection[str]:
        return [name for name, _ in self._columns(table)]

    def writable(self, table: str) -> Collection[str]:
        return [name for name, generated in self._columns(table) if not generated]

    def count(self, table: str) -> int:
        statement = f"SELECT count(*) FROM {table} {CONDITIONS.get(table, '')}"  # noqa: S608 - constant names
        return self._connection.execute(statement).get

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[Row]:
        values = {"timed_from": TIMED_FROM} | ({"input": INPUT} if self.readable("large_inputs") else {})
        selected = ", ".join(values.get(column, column) for column in columns)
        order = "ORDER BY rowid" if table == "analysis_sessions" else ""
        statement = f"SELECT {selected} FROM {table} {CONDITIONS.get(table, '')} {order}"  # noqa: S608 - constant names
        yield from self._connection.execute(statement, self._now)

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        values = {column: f":{column}" for column in columns}
        if "timed_from" in values:
            values |= {
                "timed_from": ":monotonic - (unixepoch(:now, 'subsec') - unixepoch(:timed_from, 'subsec'))",
                "timed_boot": "iif(:timed_from IS NULL, NULL, :boot_id)",
            }
        if "input" in values:
            values["input"] = f"iif(length(:input) > {SMALL_INPUT}, NULL, :input)"
        statement = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(values.values())})"  # noqa: S608 - constant names
        for row in rows:
            bound: dict[str, Any] = self._now | dict(zip(columns, row, strict=True))
            self._connection.execute(statement, bound)
            if len(bound.get("input", "")) > SMALL_INPUT:
                self._connection.execute(self._sql["add_large_input"], bound)

    def commit(self) -> None:
        self._connection.execute("COMMIT")

    def _columns(self, table: str) -> list[Row]:
        """Return the name of each column, and whether it is generated."""
        return self._connection.execute(
            "SELECT name, hidden > 0 FROM pragma_table_xinfo(?) WHERE name <> 'timed_boot'", (table,)
        ).fetchall()
