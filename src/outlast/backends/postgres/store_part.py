"""The one thing that all parts of the PostgreSQL store share."""

from outlast.backends.postgres.database import PostgresDatabase


class PostgresPart:
    """A part of the store: verbs over the same database."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._db = database
