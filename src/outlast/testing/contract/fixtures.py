"""Fixtures of all suites of the store's contract."""

import pytest

from outlast.ports.store import Store
from outlast.testing.clock import FakeClock


class StoreFixtures:
    """Fixtures of the suites; a backend's test class provides `store`, opened on `clock`, and closes it.

    A store that takes its times from a server has a test class that gives a clock whose `jump_wall` moves the
    server's too.
    """

    async def delete_worker_row(self, store: Store, worker_id: str) -> None:
        """Delete only a worker's row, as no operation does."""
        pytest.skip(f"{type(self).__name__} does not define how to delete {worker_id} in {type(store).__name__}.")

    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    def store(self, clock: FakeClock) -> Store:
        raise NotImplementedError(f"{type(self).__name__} must provide a fixture `store`, opened on {clock}.")
