"""The base class of the parts of the SQLite store."""

from outlast.backends.sqlite.database import SQLiteDatabase


class SQLitePart:
    """A part of the store, on a database that it shares with the others."""

    def __init__(self, database: SQLiteDatabase) -> None:
        self._db = database
        self._sql = database.sql
