"""The memory backend keeps the contract."""

import pytest

from outlast.backends.memory.notifier import MemoryNotifier
from outlast.backends.memory.store import MemoryStore
from outlast.testing.notifier_contract import NotifierContract
from outlast.testing.store_contract import SessionStoreContract


class TestMemoryStore(SessionStoreContract):
    @pytest.fixture
    def store(self, clock):
        return MemoryStore(clock)


class TestMemoryNotifier(NotifierContract):
    @pytest.fixture
    def notifiers(self):
        notifier = MemoryNotifier()
        return notifier, notifier
