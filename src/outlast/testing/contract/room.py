"""What every part of the store's contract is given."""

import pytest

from outlast.testing.acts import WholeStore
from outlast.testing.clock import FakeClock


class StoreRoom:
    """Fixtures of the suites; a backend's test class provides `store`, opened on `clock`, and closes it.

    A store measures leases on the machine's monotonic clock. One that many machines share has only its server's
    wall clock for that: its test class gives a clock whose `jump_wall` moves the server's too, and says here how
    the clock of a single machine goes wrong.
    """

    def jump_the_machines_wall_clock(self, clock: FakeClock, seconds: float) -> None:
        """What must not touch a lease."""
        clock.jump_wall(seconds)

    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    def store(self, clock: FakeClock) -> WholeStore:
        raise NotImplementedError(f"{type(self).__name__} must provide a fixture `store`, opened on {clock}.")
