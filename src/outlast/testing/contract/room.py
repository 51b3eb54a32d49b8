"""What every part of the store's contract is given."""

import pytest

from outlast.testing.acts import WholeStore
from outlast.testing.clock import FakeClock


class StoreRoom:
    """Fixtures of the suites; a backend's test class provides `store`, opened on `clock`, and closes it."""

    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    def store(self, clock: FakeClock) -> WholeStore:
        raise NotImplementedError(f"{type(self).__name__} must provide a fixture `store`, opened on {clock}.")
