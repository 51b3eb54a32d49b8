"""The one thing that all parts of the SQLite store share."""

from outlast.backends.sqlite.database import SQLiteDatabase


class SQLitePart:
    """A part of the store: verbs over the same database."""

    def __init__(self, database: SQLiteDatabase) -> None:
        self._db = database
        self._sql = database.sql
