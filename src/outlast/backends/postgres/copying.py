"""The tables of a PostgreSQL database as a copy reads and writes them."""

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row

from outlast.backends.copying import TABLES, CopiedRow, LockedTables
from outlast.backends.postgres.connection import ROLLED_BACK, address, unavailable
from outlast.backends.postgres.database import MAX_TRIES
from outlast.backends.postgres.migrate import PACKAGE
from outlast.backends.rows import Row
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
WHERE a.attrelid = to_regclass(%(table)s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
AS_TEXT = "to_char({}, 'YYYY-MM-DD HH24:MI:SS.{}')"


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
            with suppress(psycopg.Error):
                connection.rollback()  # so that the locks are free when this returns: a close does not wait
            connection.close()


@contextmanager
def snapshot_tables(url: str) -> Generator["PostgresTables"]:
    """Read one snapshot of the tables, while others write. Raises `StoreUnavailable`."""
    with unavailable():
        connection = psycopg.Connection[DictRow].connect(
            address(url), prepare_threshold=None, row_factory=dict_row
        )
        try:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            connection.execute(SETTINGS)
            yield PostgresTables(connection)
        finally:
            connection.close()


def _lock(connection: psycopg.Connection[DictRow]) -> None:
    for attempt in range(MAX_TRIES):
        try:
            connection.execute(SETTINGS)
            found = [table for table in TABLES if connection.execute(COLUMNS, {"table": table}).fetchone()]
            connection.execute(statements(PACKAGE)["lock_starts"].encode())
            connection.execute(f"LOCK TABLE {', '.join(found)} IN EXCLUSIVE MODE".encode())
        except ROLLED_BACK:
            if attempt == MAX_TRIES - 1:
                raise
            connection.rollback()
        else:
            return


class PostgresTables(LockedTables):
    """`LockedTables` of PostgreSQL."""

    _order = "number"

    def __init__(self, connection: psycopg.Connection[DictRow]) -> None:
        super().__init__(statements(PACKAGE))
        self._connection = connection

    def close_because(self, reason: str | None) -> None:
        for name in (
            ("allow_session_changes", "allow_link_changes")
            if reason is None
            else ("refuse_session_changes", "refuse_link_changes")
        ):
            self._run(self._sql[name])
        self._run(self._sql["set_closed_reason"], {"reason": reason})

    def readable(self, table: str) -> Mapping[str, str]:
        values = {name: name for name in self._columns(table)}
        for name, (kind, _) in self._columns(table).items():
            if kind == "timestamptz":
                values[name] = AS_TEXT.format(name, 'MS"000"' if name == "timed_from" else "US")
        return values | ({"bytes": "octet_length(result)"} if table == "results" else {})

    def writable(self, table: str) -> Collection[str]:
        return list(self._columns(table))

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[CopiedRow]:
        types = {name: kind.replace("timestamptz", "text") for name, (kind, _) in self._columns(table).items()}
        statement = f"COPY ({self._selected(table, columns)}) TO STDOUT"
        with self._connection.cursor().copy(statement.encode()) as copy:
            copy.set_types([types.get(column, "int8") for column in columns])
            yield from copy.rows()

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[CopiedRow]) -> None:
        statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
        with self._connection.cursor().copy(statement.encode()) as copy:
            for row in rows:
                copy.write_row(row)
        for column, (_, numbered) in self._columns(table).items():
            if numbered:
                self._run(
                    f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), max({column})) FROM {table}"  # noqa: S608 - constant names
                )

    def clear(self) -> None:
        self._run(f"TRUNCATE {', '.join(table for table in TABLES if self._columns(table))} CASCADE")

    def commit(self) -> None:
        self._connection.commit()

    def _run(self, statement: str, values: Mapping[str, Any] | None = None) -> list[Row]:
        cursor = self._connection.execute(statement.encode(), values)
        return cursor.fetchall() if cursor.description else []

    def _release(self, worker_id: str) -> int:
        values = {"worker_id": worker_id}
        held = self._run(self._sql["lock_held"], values)
        self._run(self._sql["merge_progress"], {"ids": [row["session_id"] for row in held]})
        self._run(self._sql["record_releases"], values)
        self._run(self._sql["release_held"], values)
        return len(held)

    def _columns(self, table: str) -> Mapping[str, tuple[str, bool]]:
        """Return the type of each column, and whether the database numbers its rows by it."""
        rows = self._run(COLUMNS, {"table": table})
        return {row["name"]: (row["type"], row["numbered"]) for row in rows}
