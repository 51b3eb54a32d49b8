"""The tables of a PostgreSQL database as a copy reads and writes them."""

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row, scalar_row

from outlast.backends.copying import CONDITIONS, TABLES, Row
from outlast.backends.postgres.connection import ROLLED_BACK, address, unavailable
from outlast.backends.postgres.database import MAX_TRIES
from outlast.backends.postgres.migrate import PACKAGE
from outlast.backends.statements import statements

SETTINGS = """
SELECT
    set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO', true),
    set_config('lock_timeout', '30s', true),
    set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true),
    set_config('tcp_keepalives_idle', '10', true), set_config('tcp_keepalives_interval', '3', true),
    set_config('tcp_keepalives_count', '3', true)
"""
"""A lock must not outlive the machine that holds it."""
COLUMNS = """
SELECT a.attname AS name, t.typname AS type, a.attidentity <> '' AS numbered
FROM pg_attribute AS a INNER JOIN pg_type AS t ON t.oid = a.atttypid
WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
AS_TEXT = "to_char({}, 'YYYY-MM-DD HH24:MI:SS.{}')"


@dataclass(frozen=True, slots=True)
class Value:
    """How a column is selected."""

    expression: str
    type: str


@contextmanager
def locked_tables(url: str) -> Generator["PostgresTables"]:
    """Lock the tables for writing; roll back what is not committed. Raises `StoreUnavailable`."""
    with unavailable():
        connection = psycopg.Connection[DictRow].connect(
            address(url), prepare_threshold=None, row_factory=dict_row
        )
        try:
            _lock(connection)
            yield PostgresTables(connection)
        finally:
            connection.close()


def _lock(connection: psycopg.Connection[DictRow]) -> None:
    for attempt in range(MAX_TRIES):
        try:
            connection.execute(SETTINGS)
            found = [table for table in TABLES if connection.execute(COLUMNS, (table,)).fetchone()]
            connection.execute(statements(PACKAGE)["lock_starts"].encode())
            connection.execute(f"LOCK TABLE {', '.join(found)} IN EXCLUSIVE MODE".encode())
        except ROLLED_BACK:
            if attempt == MAX_TRIES - 1:
                raise
            connection.rollback()
        else:
            return


class PostgresTables:
    """`LockedTables`."""

    def __init__(self, connection: psycopg.Connection[DictRow]) -> None:
        self._connection = connection
        self._sql = statements(PACKAGE)

    def closed_because(self) -> str | None:
        return self._all("shut_because").pop()["shut_because"] if self._columns("door") else None

    def close_because(self, reason: str | None) -> None:
        for statement in ("unbar_door", "unbar_links") if reason is None else ("bar_door", "bar_links"):
            self._all(statement)
        self._all("shut", {"reason": reason})

    def release(self) -> int:
        released = 0
        for values in self._all("at_work"):
            held = self._all("lock_held", values)
            self._all("fold", {"ids": [row["session_id"] for row in held]})
            self._all("record_releases", values)
            self._all("release_held", values)
            released += len(held)
        return released

    def readable(self, table: str) -> Collection[str]:
        return list(self._values(table))

    def writable(self, table: str) -> Collection[str]:
        return list(self._columns(table))

    def count(self, table: str) -> int:
        return self._one(f"SELECT count(*) FROM {table} {CONDITIONS.get(table, '')}")  # noqa: S608 - constant names

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[Row]:
        values = self._values(table)
        selected = ", ".join(values[column].expression for column in columns)
        order = "ORDER BY number" if table == "analysis_sessions" else ""
        statement = f"COPY (SELECT {selected} FROM {table} {CONDITIONS.get(table, '')} {order}) TO STDOUT"  # noqa: S608 - constant names
        with self._connection.cursor().copy(statement.encode()) as copy:
            copy.set_types([values[column].type for column in columns])
            yield from copy.rows()

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
        with self._connection.cursor().copy(statement.encode()) as copy:
            for row in rows:
                copy.write_row(row)
        for column, (_, numbered) in self._columns(table).items():
            if numbered:
                self._one(
                    f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), max({column})) FROM {table}"  # noqa: S608 - constant names
                )

    def commit(self) -> None:
        self._connection.commit()

    def _all(self, name: str, values: Mapping[str, Any] | None = None) -> list[DictRow]:
        cursor = self._connection.execute(self._sql[name].encode(), values)
        return cursor.fetchall() if cursor.description else []

    def _one(self, statement: str) -> Any:
        return self._connection.cursor(row_factory=scalar_row).execute(statement.encode()).fetchone()

    def _values(self, table: str) -> dict[str, Value]:
        """Return the expression and the type of each column, and of those that only SQLite stores."""
        values = {name: Value(name, kind) for name, (kind, _) in self._columns(table).items()}
        for name, value in values.items():
            if value.type == "timestamptz":
                values[name] = Value(AS_TEXT.format(name, 'MS"000"' if name == "timed_from" else "US"), "text")
        if table == "results":
            values["bytes"] = Value("octet_length(result)", "int8")
        return values

    def _columns(self, table: str) -> dict[str, tuple[str, bool]]:
        """Return the type of each column, and whether the database numbers its rows by it."""
        rows = self._connection.execute(COLUMNS, (table,)).fetchall()
        return {row["name"]: (row["type"], row["numbered"]) for row in rows}
