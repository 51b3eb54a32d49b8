"""The base class of the parts of the PostgreSQL store."""

from outlast.backends.postgres.database import PostgresDatabase


class PostgresPart:
    """A part of the store, on a database that it shares with the others."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._db = database
