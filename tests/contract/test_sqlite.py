"""The SQLite backend keeps the contract."""

import pytest

from outlast.backends.sqlite.notifier import DoorbellNotifier
from outlast.backends.sqlite.store import SQLiteStore
from outlast.testing.notifier_contract import NotifierContract
from outlast.testing.store_contract import SessionStoreContract


class TestSQLiteStore(SessionStoreContract):
    @pytest.fixture
    async def store(self, clock, tmp_path):
        store = SQLiteStore(tmp_path / "outlast.db", clock)
        await store.open(migrate=True)
        yield store
        await store.close()


class TestDoorbellNotifier(NotifierContract):
    @pytest.fixture
    def notifiers(self, tmp_path):
        folder, database = tmp_path / "doorbell", tmp_path / "outlast.db"
        return DoorbellNotifier(folder, database), DoorbellNotifier(folder, database)
