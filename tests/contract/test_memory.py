"""The memory backend keeps the contract."""

import pytest

from outlast.backends.memory.store import MemoryStore
from outlast.testing.store_contract import SessionStoreContract


class TestMemoryStore(SessionStoreContract):
    @pytest.fixture
    def store(self, clock):
        return MemoryStore(clock)
