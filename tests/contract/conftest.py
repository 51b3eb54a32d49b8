"""Failed assertions of the shipped suites are shown with their values; their many tests share a database."""

from collections.abc import Callable, Generator

import pytest

from servers import fresh_database, remembered_rows

pytest.register_assert_rewrite("outlast.testing.contract")


@pytest.fixture(scope="session")
def shared_database(postgres_server: str, migrated_database: str) -> Generator[tuple[str, Callable[[], None]]]:
    """The address of a database that many tests share, and what empties it."""
    with fresh_database(postgres_server, migrated_database) as url, remembered_rows(url) as restore:
        yield url, restore


@pytest.fixture
def postgres_url(shared_database: tuple[str, Callable[[], None]]) -> Generator[str]:
    """The address of a database with the current schema and nothing in it, the same for many tests."""
    url, restore = shared_database
    yield url
    restore()
