"""Applies migrations to a SQLite database."""

import re
from collections.abc import Sequence
from typing import cast

import apsw

from outlast.backends.schema import (
    Applied,
    Migration,
    migrations,
    missing,
    require_nothing_missing,
    unsigned,
)
from outlast.backends.sqlite.connection import rows_by_name
from outlast.backends.sqlite.driver import Connection
from outlast.domain.errors import SchemaDiffers

PACKAGE = "outlast.backends.sqlite"
"""Whose `migrations/` and `queries/` these are. In its statements `LIMIT :limit + 0`, and in sorted ones
`(SELECT :id)`: SQLite prepares a statement anew whenever a value is bound that its plan may depend on, which takes
ten times as long as most of them run.
"""
KNOWN = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    applied_at TEXT NOT NULL,
    checksum TEXT, -- NULL: applied before checksums were kept
    lowest INTEGER -- processes that know the schema up to this number may still run
) STRICT
"""
RECORDED = "SELECT count(*) FROM pragma_table_info('schema_migrations') WHERE name = 'checksum'"
NOT_CODE = re.compile(r"--[^\n]*|[\s\"]")


def migrate(connection: Connection, now: str) -> Sequence[str]:
    """Apply what is missing, all of it or nothing; answers the names of what was applied.

    Whoever comes second waits, and finds it done. Raises `SchemaDiffers`, `SchemaOutdated`.
    """
    # recreating a table must not delete rows that reference it; a transaction cannot change this pragma
    connection.pragma("foreign_keys", 0)
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            names = _migrate(connection, now)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    finally:
        connection.pragma("foreign_keys", 1)
    return names


def _migrate(connection: Connection, now: str) -> Sequence[str]:
    known = migrations(PACKAGE)
    applied = _applied(connection)
    lacking = missing(known, applied)
    old = unsigned(known, applied)
    _require_made_by(connection, old)
    connection.execute(KNOWN)
    if not connection.execute(RECORDED).get:
        connection.execute("ALTER TABLE schema_migrations ADD COLUMN checksum TEXT")
        connection.execute("ALTER TABLE schema_migrations ADD COLUMN lowest INTEGER")
    for m in old:
        connection.execute(
            "UPDATE schema_migrations SET checksum = ?, lowest = ? WHERE version = ?",
            (m.checksum, m.lowest, m.version),
        )
    for m in lacking:
        connection.execute(m.statements, can_cache=False)
        connection.execute(
            "INSERT INTO schema_migrations (version, name, applied_at, checksum, lowest) VALUES (?, ?, ?, ?, ?)",
            (m.version, m.name, now, m.checksum, m.lowest),
        )
    return [m.name for m in lacking]


def require_current(connection: Connection) -> None:
    """Raise `SchemaOutdated` unless every migration of this version has been applied, in the same form."""
    applied = _applied(connection)
    _require_made_by(connection, unsigned(migrations(PACKAGE), applied))
    require_nothing_missing(migrations(PACKAGE), applied)


def _applied(connection: Connection) -> dict[int, Applied]:
    # read from the file, because the connection's cached schema may be older
    if not connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'schema_migrations'").get:
        return {}
    columns = "checksum, lowest" if connection.execute(RECORDED).get else "NULL AS checksum, NULL AS lowest"
    cursor = connection.execute(f"SELECT version, name, {columns} FROM schema_migrations")  # noqa: S608 - of two constants
    rows = rows_by_name(cursor)
    return {row.pop("version"): Applied(**row) for row in rows}


def _require_made_by(connection: Connection, applied: Sequence[Migration]) -> None:
    """Raise `SchemaDiffers` unless the tables are those that these migrations create."""
    if not applied:
        return
    made = cast("Connection", apsw.Connection(":memory:"))
    for migration in applied:
        made.execute(migration.statements)
    expected, found = _schema(made), _schema(connection)
    made.close()
    different = sorted(name for name, text in expected.items() if found.get(name) != text)
    if different:
        raise SchemaDiffers(f"{', '.join(different[:5])} differ from what it says was applied")


def _schema(connection: Connection) -> dict[str, str]:
    """Return the normalized definitions by name."""
    cursor = connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
    rows = rows_by_name(cursor)
    return {row["name"]: NOT_CODE.sub("", row["sql"]).lower() for row in rows}
