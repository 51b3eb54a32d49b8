"""The one thing that all parts of the PostgreSQL store share."""

from outlast.backends.postgres.database import Database


class Room:
    """A part of the store: verbs over the same database."""

    def __init__(self, database: Database) -> None:
        self._db = database
