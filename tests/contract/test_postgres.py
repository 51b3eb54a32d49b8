"""The PostgreSQL backend keeps the contract."""

import pytest
import pytest_asyncio

from outlast.backends.postgres.claims import _flat, as_json
from outlast.backends.postgres.store import PostgresStore
from outlast.testing.acts import claim_of, read, started_and_claimed
from outlast.testing.random_histories import check_random_histories
from outlast.testing.store_contract import SessionStoreContract
from postgres_clock import DatabaseClock, shadowed_clock


@pytest.fixture(scope="module")
def shadowed(shared_database):
    url, _ = shared_database
    with shadowed_clock(url) as connection:
        yield connection


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_store(shared_database, shadowed):
    """A store whose connections the others use: most of what a test costs the server are its first statements."""
    url, _ = shared_database
    store = PostgresStore(url, DatabaseClock(shadowed))
    await store.open(migrate=True)
    yield store
    await store.close()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.filterwarnings("ignore:.*it is not an async function")
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
    def clock(self, shadowed, postgres_url):
        return DatabaseClock(shadowed)

    @pytest_asyncio.fixture(loop_scope="module")
    async def store(self, clock, postgres_url, open_store):
        store = PostgresStore(postgres_url, clock)
        store._db._pools = open_store._db._pools
        yield store
        pool = open_store._db.loop_pool()
        for batches in pool._batches.values():
            await batches.drain()
        pool._batches.clear()  # they write by the store that made them


@pytest.mark.slow
def test_many_random_lives_of_a_store_agree_with_the_model(shared_database, shadowed):
    url, restore = shared_database

    def make_clock():
        restore()
        return DatabaseClock(shadowed)

    async def open_store(clock):
        store = PostgresStore(url, clock)
        await store.open(migrate=True)
        return store

    check_random_histories(open_store, histories=15, make_clock=make_clock)
    restore()
