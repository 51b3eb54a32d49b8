"""The PostgreSQL backend keeps the contract."""

import pytest

from outlast.backends.postgres.store import PostgresStore
from outlast.testing.store_contract import SessionStoreContract
from postgres_clock import DatabaseClock


class TestPostgresStore(SessionStoreContract):
    @pytest.fixture
    def clock(self, postgres_url):
        with DatabaseClock(postgres_url) as clock:
            yield clock

    @pytest.fixture
    async def store(self, clock, postgres_url):
        store = PostgresStore(postgres_url, clock)
        await store.open(migrate=True)
        yield store
        await store.close()
