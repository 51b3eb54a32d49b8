"""Copies the tables of another version into a temporary schema of this version."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from outlast.backends.postgres.connection import Connection, address, unavailable
from outlast.backends.postgres.migrate import migrate

SCHEMA = "outlast_carried"
TABLES = (
    "enrolled_keys", "analysis_sessions", "session_progress", "attempts", "step_results", "results",
    "step_statistics", "uploads", "upload_chunks", "facts",
)  # fmt: skip
"""The tables to copy, each after those that it references."""
FIND_SCHEMA = """
SELECT n.nspname FROM pg_class AS c INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = to_regclass('schema_migrations')
"""
COLUMNS = """
SELECT attname FROM pg_attribute
WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
ORDER BY attnum
"""


@asynccontextmanager
async def carried(url: str) -> AsyncGenerator[str]:
    """Yield the address of a current schema in the same database with a copy of its rows; drop it at the end.

    No other process may use the database meanwhile. Raises `StoreUnavailable`.
    """
    with unavailable():
        connection = await Connection.connect(
            address(url), autocommit=True, prepare_threshold=None, row_factory=dict_row
        )
        try:
            async with connection.transaction():
                await _fill(connection)
            yield make_conninfo(url, options=f"-c search_path={SCHEMA}")
        finally:
            await connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE".encode())
            await connection.close()


async def _fill(connection: Connection) -> None:
    row = await (await connection.execute(FIND_SCHEMA)).fetchone()
    source = row["nspname"] if row else "public"
    await connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE".encode())
    await connection.execute(f"CREATE SCHEMA {SCHEMA}".encode())
    await connection.execute(f"SET LOCAL search_path = {SCHEMA}".encode())
    await migrate(connection)
    for table in TABLES:
        existing = await _columns(connection, f'"{source}".{table}')
        columns = ", ".join(name for name in await _columns(connection, table) if name in existing)
        if columns:
            await connection.execute(
                f"INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE "  # noqa: S608 - constant names
                f'SELECT {columns} FROM "{source}".{table}'.encode()
            )


async def _columns(connection: Connection, table: str) -> list[str]:
    rows = await (await connection.execute(COLUMNS, (table,))).fetchall()
    return [row["attname"] for row in rows]
