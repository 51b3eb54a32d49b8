"""Brings a database's schema up to date, by numbered `.sql` files, each of them once."""

from dataclasses import dataclass
from importlib.resources import files

from outlast.backends.sqlite.driver import Connection
from outlast.domain.errors import SchemaOutdated

KNOWN = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    applied_at TEXT NOT NULL
) STRICT
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of `migrations/`: its number, its name, its statements."""

    version: int
    name: str
    statements: str


def migrations() -> list[Migration]:
    """All that this version knows, in order."""
    folder = files("outlast.backends.sqlite") / "migrations"
    found = [
        Migration(int(file.name.split("_")[0]), file.name.removesuffix(".sql"), file.read_text(encoding="utf-8"))
        for file in folder.iterdir()
        if file.name.endswith(".sql")
    ]
    return sorted(found, key=lambda migration: migration.version)


def migrate(connection: Connection, now: str) -> None:
    """Apply what is missing, all of it or nothing. Whoever comes second waits, and finds it done."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(KNOWN)
        applied = _applied(connection)
        _refuse_newer(applied)
        for migration in migrations():
            if migration.version not in applied:
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
    applied = _applied(connection)
    _refuse_newer(applied)
    missing = [m.name for m in migrations() if m.version not in applied]
    if missing:
        raise SchemaOutdated(
            f"The database lacks {', '.join(missing)}. Run `outlast migrate` to bring its schema up to date."
        )


def _applied(connection: Connection) -> dict[int, str]:
    if connection.table_exists("main", "schema_migrations"):
        rows: list[tuple[int, str]] = connection.execute("SELECT version, name FROM schema_migrations").fetchall()
        return dict(rows)
    return {}


def _refuse_newer(applied: dict[int, str]) -> None:
    newest = max(m.version for m in migrations())
    unknown = [name for version, name in sorted(applied.items()) if version > newest]
    if unknown:
        raise SchemaOutdated(
            f"The database was changed by a newer version of Outlast ({', '.join(unknown)}), "
            f"and this version knows its schema up to number {newest}. Use the newer version with it."
        )
