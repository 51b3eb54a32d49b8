"""A clock under a test's control, for a store that uses the time of its database."""

from types import TracebackType
from typing import Self

import psycopg

from outlast.testing.clock import FakeClock

SHADOW = """
CREATE SCHEMA fake;
CREATE TABLE fake.clock (at timestamptz NOT NULL);
CREATE FUNCTION fake.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT at FROM fake.clock';
DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET search_path = fake, public, pg_catalog', current_database());
END $$
"""
"""In this database `clock_timestamp()` answers what the test says, to every connection made from now on."""
LIGHT = """
DROP SCHEMA fake CASCADE;
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET search_path', current_database()); END $$
"""


class DatabaseClock(FakeClock):
    """The database's wall clock is this one's; the statements of the store do not know of it."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute(SHADOW)
        self._connection.execute("INSERT INTO fake.clock VALUES (%s)", (self.now(),))

    def jump_wall(self, seconds: float) -> None:
        super().jump_wall(seconds)
        self._connection.execute("UPDATE fake.clock SET at = at + make_interval(secs => %s)", (seconds,))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._connection as connection:
            connection.execute(LIGHT)
