"""Copies the rows of a file with the tables of another version into a new database."""

from pathlib import Path

from outlast.backends.sqlite.connection import DatabaseFile, rows_by_name, unavailable
from outlast.backends.sqlite.driver import Connection

TABLES = (
    "enrolled_keys", "analysis_sessions", "large_inputs", "attempts", "step_results", "results", "step_statistics",
    "uploads", "upload_chunks", "facts",
)  # fmt: skip
"""The tables to copy, each after those that it references."""


def carry(old: Path, new: Path) -> None:
    """Copy the rows of `old` to the empty database `new`, for all tables and columns that both have.

    Raises `StoreUnavailable` if another process writes to `old`.
    """
    with unavailable():
        connection = DatabaseFile(new).connect(busy_timeout=5.0)
        try:
            connection.execute("ATTACH ? AS old", (str(old),))
            connection.execute("BEGIN IMMEDIATE")
            for table in TABLES:
                existing = _columns(connection, "old", table)
                columns = ", ".join(name for name in _columns(connection, "main", table) if name in existing)
                order = "ORDER BY rowid" if table == "analysis_sessions" else ""
                if columns:
                    connection.execute(
                        f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM old.{table} {order}"  # noqa: S608 - constant names
                    )
            connection.execute("COMMIT")
        finally:
            connection.close()


def _columns(connection: Connection, schema: str, table: str) -> list[str]:
    cursor = connection.execute("SELECT name FROM pragma_table_info(?, ?)", (table, schema))
    return [row["name"] for row in rows_by_name(cursor)]
