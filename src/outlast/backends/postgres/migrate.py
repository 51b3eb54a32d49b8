"""Brings a database's schema up to date."""

from outlast.backends.postgres.connection import Connection
from outlast.backends.schema import migrations, missing, require_nothing_missing

PACKAGE = "outlast.backends.postgres"
"""Whose `migrations/` and `queries/` these are."""
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(7308895118469)"
KNOWN = """
CREATE TABLE schema_migrations (
    version integer NOT NULL PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL
)
"""


async def migrate(connection: Connection) -> None:
    """Apply what is missing, all of it or nothing. Whoever comes second waits, and finds it done."""
    async with connection.transaction():
        await connection.execute(ONE_AT_A_TIME)
        applied = await _applied(connection)
        if applied is None:
            await connection.execute(KNOWN)
        for migration in missing(migrations(PACKAGE), applied or {}):
            await connection.execute(migration.statements.encode())
            await connection.execute(
                "INSERT INTO schema_migrations (version, name, applied_at) VALUES (%s, %s, clock_timestamp())",
                (migration.version, migration.name),
            )


async def require_current(connection: Connection) -> None:
    """Raise `SchemaOutdated` unless every migration known here has been applied, and no other."""
    require_nothing_missing(migrations(PACKAGE), await _applied(connection) or {})


async def _applied(connection: Connection) -> dict[int, str] | None:
    there = await (await connection.execute("SELECT to_regclass('schema_migrations') IS NOT NULL")).fetchone()
    if there is None or not there[0]:
        return None
    return dict(await (await connection.execute("SELECT version, name FROM schema_migrations")).fetchall())
