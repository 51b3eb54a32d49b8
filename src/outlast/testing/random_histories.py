"""Runs many random histories of a store and compares each step with the model."""

from collections.abc import Callable

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from outlast.testing.clock import FakeClock
from outlast.testing.store_machine import StoreMachine
from outlast.testing.store_machine_base import OpenStore


def check_random_histories(
    open_store: OpenStore,
    *,
    histories: int = 40,
    steps: int = 40,
    shortest: bool = False,
    make_clock: Callable[[], FakeClock] = FakeClock,
) -> None:
    """Run the state machine `histories` times for `steps` steps, each on a new store and a new clock.

    A failure prints the steps of the history and the blob that replays it. With `shortest`, hypothesis shrinks the
    history first, which may take minutes.
    """

    class History(StoreMachine):
        def __init__(self) -> None:
            super().__init__(open_store, make_clock())

    run_state_machine_as_test(
        History,
        settings=settings(
            max_examples=histories,
            stateful_step_count=steps,
            phases=[phase for phase in Phase if shortest or phase not in {Phase.shrink, Phase.explain}],
            deadline=None,
            print_blob=True,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
