"""A clock under a test's control, for a store that uses the time of its database."""

from collections.abc import Generator
from contextlib import contextmanager

import psycopg

from outlast.testing.clock import FakeClock

SHADOW = """
CREATE SCHEMA fake;
CREATE TABLE fake.clock (at timestamptz NOT NULL);
INSERT INTO fake.clock VALUES (now());
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

    def __init__(self, shadowed: psycopg.Connection) -> None:
        """`shadowed` is what `shadowed_clock` yields; of several clocks on it, the latest counts."""
        super().__init__()
        self._connection = shadowed
        self._connection.execute("UPDATE fake.clock SET at = %s", (self.now(),))

    def jump_wall(self, seconds: float) -> None:
        super().jump_wall(seconds)
        self._connection.execute("UPDATE fake.clock SET at = at + make_interval(secs => %s)", (seconds,))


@contextmanager
def shadowed_clock(url: str) -> Generator[psycopg.Connection]:
    """Yield a connection on which to make a `DatabaseClock`; the database has its own clock again at the end."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SHADOW)
        yield connection
        connection.execute(LIGHT)
