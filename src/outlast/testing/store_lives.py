"""Runs many random histories of a store and compares each step with the model."""

from collections.abc import Callable

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from outlast.testing.clock import FakeClock
from outlast.testing.store_life import OpenStore
from outlast.testing.store_machine import StoreMachine


def live_many_lives(
    open_store: OpenStore,
    *,
    lives: int = 40,
    steps: int = 40,
    shortest: bool = False,
    make_clock: Callable[[], FakeClock] = FakeClock,
) -> None:
    """Run the machine so many times on stores that `open_store` makes afresh, on clocks of `make_clock`.

    A failure prints the life that fails, step by step, and the blob that replays it; with `shortest` the
    shortest such life, which may take minutes to find.
    """

    class Life(StoreMachine):
        def __init__(self) -> None:
            super().__init__(open_store, make_clock())

    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=lives,
            stateful_step_count=steps,
            phases=[phase for phase in Phase if shortest or phase not in {Phase.shrink, Phase.explain}],
            deadline=None,
            print_blob=True,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
