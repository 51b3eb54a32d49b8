"""The tables of a SQLite file as a copy reads and writes them."""

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from outlast.backends.copying import TABLES, CopiedRow, LockedTables
from outlast.backends.rows import Row
from outlast.backends.sqlite.backup import open_backup
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


@contextmanager
def tables_of_backup(path: Path, clock: Clock) -> Generator["SQLiteTables"]:
    """Read the tables of a file that nothing writes, without any change to it. Raises `StoreUnavailable`."""
    with unavailable():
        connection = open_backup(path)
        try:
            connection.execute("BEGIN")
            yield SQLiteTables(connection, SQLiteDatabase(DatabaseFile(path), clock))
        finally:
            connection.close()


class SQLiteTables(LockedTables):
    """`LockedTables` of SQLite."""

    _order = "rowid"

    def __init__(self, connection: Connection, database: SQLiteDatabase) -> None:
        super().__init__(database.sql)
        self._connection = connection
        self._now = database.stamp()

    def close_because(self, reason: str | None) -> None:
        self._run(self._sql["set_closed_reason"], {"reason": reason})

    def readable(self, table: str) -> Mapping[str, str]:
        values = {name: name for name in self._columns(table)}
        if "timed_from" in values:
            values["timed_from"] = TIMED_FROM
        if "input" in values and self._columns("large_inputs"):
            values["input"] = INPUT
        return values

    def writable(self, table: str) -> Collection[str]:
        return [name for name, generated in self._columns(table).items() if not generated]

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[CopiedRow]:
        yield from self._connection.execute(self._selected(table, columns), self._now)

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[CopiedRow]) -> None:
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

    def clear(self) -> None:
        for table in ("large_inputs", *reversed(TABLES)):
            if self._columns(table):
                self._run(f"DELETE FROM {table}")  # noqa: S608 - constant names

    def commit(self) -> None:
        self._connection.execute("COMMIT")

    def _run(self, statement: str, values: Mapping[str, Any] | None = None) -> list[Row]:
        return rows_by_name(self._connection.execute(statement, values))

    def _release(self, worker_id: str) -> int:
        values = {"worker_id": worker_id} | self._now
        self._run(self._sql["record_releases"], values)
        return len(self._run(self._sql["release_held"], values))

    def _columns(self, table: str) -> Mapping[str, bool]:
        """Return whether each column is generated."""
        statement = (
            "SELECT name, hidden > 0 AS generated FROM pragma_table_xinfo(:table) WHERE name <> 'timed_boot'"
        )
        return {row["name"]: bool(row["generated"]) for row in self._run(statement, {"table": table})}
