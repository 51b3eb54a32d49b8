"""The PostgreSQL backend keeps the contract."""

from contextlib import ExitStack

import pytest

from outlast.backends.postgres.claims import _flat, as_json
from outlast.backends.postgres.store import PostgresStore
from outlast.testing.acts import claim_of, read, started_and_claimed
from outlast.testing.store_contract import SessionStoreContract
from outlast.testing.store_lives import live_many_lives
from postgres_clock import DatabaseClock
from servers import fresh_database


class TestPostgresStore(SessionStoreContract):
    async def delete_worker_row(self, store, worker_id):
        await store._db.all("forget_workers", {"ids": [worker_id]})

    async def test_a_report_that_comes_first_beside_another_makes_the_version_grow_too(self, store):
        session = await started_and_claimed(store)
        updates = as_json([_flat(claim_of(session), session.progress)])
        versions = []
        for _ in range(3):
            await store._db.all("report_first", {"updates": updates})
            versions.append((await read(store, session.id)).version)
        assert versions == sorted({session.version, *versions})[1:]

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


@pytest.mark.slow
def test_many_random_lives_of_a_store_agree_with_the_model(postgres_server, migrated_database):
    with ExitStack() as databases:
        urls = []

        def make_clock():
            urls.append(databases.enter_context(fresh_database(postgres_server, migrated_database)))
            return databases.enter_context(DatabaseClock(urls[-1]))

        async def open_store(clock):
            store = PostgresStore(urls[-1], clock)
            await store.open(migrate=True)
            return store

        live_many_lives(open_store, lives=15, make_clock=make_clock)
