"""Applies migrations to a PostgreSQL database."""

import hashlib
from collections.abc import Sequence

from outlast.backends.postgres.connection import Connection
from outlast.backends.schema import (
    Applied,
    Migration,
    migrations,
    missing,
    require_nothing_missing,
    unsigned,
)
from outlast.domain.errors import SchemaDiffers

PACKAGE = "outlast.backends.postgres"
"""The package of `migrations/` and `queries/`."""
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(7308895118469)"
KNOWN = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version integer NOT NULL PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL
)
"""
RECORD = """
ALTER TABLE schema_migrations
ADD COLUMN IF NOT EXISTS checksum text, -- NULL: applied before checksums were kept
ADD COLUMN IF NOT EXISTS lowest integer -- processes that know the schema up to this number may still run
"""
COLUMNS = "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass('schema_migrations') AND attnum > 0"
SHAPE = """
WITH home AS (SELECT relnamespace AS id FROM pg_class WHERE oid = to_regclass('schema_migrations'))
SELECT c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull AS line
FROM home
INNER JOIN pg_class AS c ON c.relnamespace = home.id
INNER JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relname = ANY(%(tables)s) AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT p.proname || ' ' || md5(p.prosrc) FROM home INNER JOIN pg_proc AS p ON p.pronamespace = home.id
WHERE p.proname IN ('start_session', 'refuse_to_leave_completed', 'refuse_when_shut')
"""
TABLES = (
    "analysis_sessions", "session_progress", "attempts", "kept_steps", "step_results", "results",
    "step_statistics", "workers", "uploads", "upload_chunks", "facts", "enrolled_keys", "pulse", "door",
)  # fmt: skip
FROZEN = {
    1: "ce481618ec9909c80ec6ce43cae0f55d8d312df227b16c47a7ec2706f09ec1dc",
    2: "ea22b7fbbc9c09c433d9b8e34c08315f7a4ba1fbac2db2646770daae11a81b25",
    3: "c1ddc1adc867352c85d6e48b12273b30b410912acaeff290df18a39f384a3cde",
    4: "77a589b3f670b91def7689d9133be3999617826ad7a2ee4bbe31f2f7706381bc",
    5: "ff5028dfce52406eebce059ee710ca9cb15eb0e08f2bd04c4045dc9ccde120a2",
    6: "b6d820e69eb1a3a2f19150411bc6989c6951c420eeef972a1cfc5904352923e8",
}
"""A hash of the result of `SHAPE` after each migration that was applied before checksums were recorded."""


async def migrate(connection: Connection) -> Sequence[str]:
    """Apply all missing migrations in one transaction and return their names.

    A second process waits until the first has applied them. Raises `SchemaDiffers` and `SchemaOutdated`.
    """
    async with connection.transaction():
        await connection.execute(ONE_AT_A_TIME)
        known = migrations(PACKAGE)
        applied = await _applied(connection)
        pending, old = missing(known, applied), unsigned(known, applied)
        await _require_made_by(connection, old)
        if pending or old:
            await connection.execute(KNOWN)
            await connection.execute(RECORD)
        for m in old:
            await connection.execute(
                "UPDATE schema_migrations SET checksum = %s, lowest = %s WHERE version = %s",
                (m.checksum, m.lowest, m.version),
            )
        for m in pending:
            await connection.execute(m.statements.encode())
            await connection.execute(
                "INSERT INTO schema_migrations (version, name, applied_at, checksum, lowest) "
                "VALUES (%s, %s, clock_timestamp(), %s, %s)",
                (m.version, m.name, m.checksum, m.lowest),
            )
    return [m.name for m in pending]


async def is_empty(connection: Connection) -> bool:
    """Return whether no migration has been applied."""
    return not await _applied(connection)


async def require_current(connection: Connection) -> None:
    """Raise `SchemaOutdated` unless every migration of this version has been applied, in the same form."""
    applied = await _applied(connection)
    await _require_made_by(connection, unsigned(migrations(PACKAGE), applied))
    require_nothing_missing(migrations(PACKAGE), applied)


async def shape(connection: Connection) -> str:
    """Return a hash of the columns and functions that the migrations before the freeze have created."""
    rows = await (await connection.execute(SHAPE, {"tables": list(TABLES)})).fetchall()
    return hashlib.sha256("\n".join(sorted(row["line"] for row in rows)).encode()).hexdigest()


async def _require_made_by(connection: Connection, applied: Sequence[Migration]) -> None:
    """Raise `SchemaDiffers` unless the tables are those that these migrations create."""
    if applied and await shape(connection) != FROZEN.get(applied[-1].version):
        raise SchemaDiffers(f"its tables are not those that {applied[-1].name} and those before it make")


async def _applied(connection: Connection) -> dict[int, Applied]:
    columns_found = {row["attname"] for row in await (await connection.execute(COLUMNS)).fetchall()}
    if not columns_found:
        return {}
    columns = "checksum, lowest" if "checksum" in columns_found else "NULL AS checksum, NULL AS lowest"
    rows = await (
        await connection.execute(f"SELECT version, name, {columns} FROM schema_migrations".encode())  # noqa: S608 - of two constants
    ).fetchall()
    return {row.pop("version"): Applied(**row) for row in rows}
