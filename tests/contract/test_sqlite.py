"""The SQLite backend keeps the contract."""

from itertools import count

import pytest

from outlast.backends.sqlite.notifier import UnixSocketNotifier
from outlast.backends.sqlite.store import SQLiteStore
from outlast.testing.notifier_contract import NotifierContract
from outlast.testing.random_histories import check_random_histories
from outlast.testing.store_contract import SessionStoreContract
from sqlite_template import put_store


class TestSQLiteStore(SessionStoreContract):
    async def delete_worker_row(self, store, worker_id):
        await store._db.write(lambda c: c.execute("DELETE FROM workers WHERE id = ?", (worker_id,)))

    @pytest.fixture
    async def store(self, clock, tmp_path):
        store = SQLiteStore(put_store(tmp_path), clock)
        await store.open(migrate=True)
        yield store
        await store.close()


class TestUnixSocketNotifier(NotifierContract):
    @pytest.fixture
    async def notifiers(self, tmp_path):
        folder, database = tmp_path / "sockets", tmp_path / "outlast.db"
        one, other = UnixSocketNotifier(folder, database), UnixSocketNotifier(folder, database)
        await one.open()
        await other.open()
        yield one, other
        await one.close()
        await other.close()


@pytest.mark.slow
def test_many_random_lives_of_a_store_agree_with_the_model(tmp_path):
    numbers = count()

    async def open_store(clock):
        store = SQLiteStore(put_store(tmp_path, f"{next(numbers)}.db"), clock)
        await store.open(migrate=True)
        return store

    check_random_histories(open_store)
