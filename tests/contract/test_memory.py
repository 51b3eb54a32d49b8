"""The memory backend keeps the contract."""

import pytest

from outlast.backends.memory.notifier import MemoryNotifier
from outlast.backends.memory.store import MemoryStore
from outlast.testing.notifier_contract import NotifierContract
from outlast.testing.random_histories import check_random_histories
from outlast.testing.store_contract import SessionStoreContract


class TestMemoryStore(SessionStoreContract):
    async def delete_worker_row(self, store, worker_id):
        del store._tables.workers[worker_id]

    @pytest.fixture
    def store(self, clock):
        return MemoryStore(clock)


class TestMemoryNotifier(NotifierContract):
    @pytest.fixture
    def notifiers(self):
        notifier = MemoryNotifier()
        return notifier, notifier


@pytest.mark.slow
def test_many_random_lives_of_a_store_agree_with_the_model():
    async def open_store(clock):
        return MemoryStore(clock)

    check_random_histories(open_store)
