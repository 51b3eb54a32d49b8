"""Brings a database's schema up to date."""

from outlast.backends.schema import migrations, missing, require_nothing_missing
from outlast.backends.sqlite.driver import Connection

PACKAGE = "outlast.backends.sqlite"
"""Whose `migrations/` and `queries/` these are. In its statements `LIMIT :limit + 0`, and in sorted ones
`(SELECT :id)`: SQLite prepares a statement anew whenever a value is bound that its plan may depend on, which takes
ten times as long as most of them run.
"""
KNOWN = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    applied_at TEXT NOT NULL
) STRICT
"""


def migrate(connection: Connection, now: str) -> None:
    """Apply what is missing, all of it or nothing. Whoever comes second waits, and finds it done."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(KNOWN)
        for migration in missing(migrations(PACKAGE), _applied(connection)):
            connection.execute(migration.statements, can_cache=False)
            connection.execute(
                "INSERT INTO schema_migrations (version, name, applied_at) VALUES (?, ?, ?)",
                (migration.version, migration.name, now),
            )
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def require_current(connection: Connection) -> None:
    """Raise `SchemaOutdated` unless every migration known here has been applied, and no other."""
    require_nothing_missing(migrations(PACKAGE), _applied(connection))


def _applied(connection: Connection) -> dict[int, str]:
    if connection.table_exists("main", "schema_migrations"):
        rows: list[tuple[int, str]] = connection.execute("SELECT version, name FROM schema_migrations").fetchall()
        return dict(rows)
    return {}
