"""What a file with the tables of another version holds, carried into one that can be copied from."""

from pathlib import Path

from outlast.backends.sqlite.connection import DatabaseFile, unavailable
from outlast.backends.sqlite.driver import Connection

TABLES = (
    "enrolled_keys", "analysis_sessions", "large_inputs", "attempts", "step_results", "results", "step_statistics",
    "uploads", "upload_chunks", "facts",
)  # fmt: skip
"""Those with content, each after what it refers to."""


def carry(old: Path, new: Path) -> None:
    """Fill the new and empty database `new` with what `old` holds in tables and columns that both have.

    Raises `StoreUnavailable` where another process writes to `old`.
    """
    with unavailable():
        connection = DatabaseFile(new).connect(patience=5.0)
        try:
            connection.execute("ATTACH ? AS old", (str(old),))
            connection.execute("BEGIN IMMEDIATE")
            for table in TABLES:
                there = _columns(connection, "old", table)
                columns = ", ".join(name for name in _columns(connection, "main", table) if name in there)
                order = "ORDER BY rowid" if table == "analysis_sessions" else ""
                if columns:
                    connection.execute(
                        f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM old.{table} {order}"  # noqa: S608 - our own names
                    )
            connection.execute("COMMIT")
        finally:
            connection.close()


def _columns(connection: Connection, schema: str, table: str) -> list[str]:
    rows = connection.execute("SELECT name FROM pragma_table_info(?, ?)", (table, schema)).fetchall()
    return [name for (name,) in rows]
