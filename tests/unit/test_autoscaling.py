"""How many workers a supervisor keeps: more at once, fewer slowly, never beyond the bounds."""

import pytest

from outlast.backends.memory.store import MemoryStore
from outlast.domain.autoscaling import OLD, SHRINK_AFTER, Autoscaler, Load
from outlast.domain.limits import KeyLimit, dump_limits
from outlast.domain.pauses import Pause
from outlast.running.supervisor_control import load_of
from outlast.testing.acts import claim_next, register_worker, start
from outlast.testing.clock import FakeClock

IDLE = Load(0, 0.0, 0)


@pytest.mark.parametrize(
    ("load", "wanted"),
    [
        (IDLE, 1),
        (Load(10, 0.0, 0), 1),
        (Load(11, 0.0, 0), 2),
        (Load(25, 0.0, 10), 4),
        (Load(1_000_000, 0.0, 0), 4),
        (Load(1, OLD, 0), 2),
        (Load(0, OLD, 10), 1),
    ],
)
def test_there_are_at_once_as_many_as_have_room_and_one_more_if_somebody_waits_long(load, wanted):
    assert Autoscaler(1, 4, 10).wanted(1, load, 0.0) == wanted


def test_one_at_a_time_ends_after_a_while_in_which_it_was_not_needed():
    scaler = Autoscaler(1, 4, 10)
    assert scaler.wanted(1, Load(40, 0.0, 0), 0.0) == 4
    assert scaler.wanted(4, IDLE, 1.0) == 4
    assert scaler.wanted(4, IDLE, 1.0 + SHRINK_AFTER - 0.1) == 4
    assert scaler.wanted(4, IDLE, 1.0 + SHRINK_AFTER) == 3
    assert scaler.wanted(3, IDLE, 1.1 + SHRINK_AFTER) == 3
    assert scaler.wanted(3, IDLE, 1.0 + 2 * SHRINK_AFTER) == 2


def test_a_need_in_between_starts_the_wait_anew():
    scaler = Autoscaler(1, 4, 10)
    assert scaler.wanted(2, IDLE, 0.0) == 2
    assert scaler.wanted(2, Load(11, 0.0, 0), 5.0) == 2
    assert scaler.wanted(2, IDLE, 6.0) == 2
    assert scaler.wanted(2, IDLE, SHRINK_AFTER + 1.0) == 2
    assert scaler.wanted(2, IDLE, SHRINK_AFTER + 6.0) == 1


def test_it_never_goes_below_the_least():
    scaler = Autoscaler(2, 4, 10)
    assert [scaler.wanted(2, IDLE, n * SHRINK_AFTER) for n in range(4)] == [2, 2, 2, 2]


async def test_sessions_that_are_paused_or_wait_for_a_limit_need_no_more_workers():
    clock = FakeClock()
    store = MemoryStore(clock)
    register_worker(store)
    limits = dump_limits([KeyLimit("vendor", 1, None)])
    for owner in ("a", "b", "c"):
        await start(store, owner=owner, limits=limits)
    await claim_next(store, limit=3)
    clock.advance(OLD)

    async def load():
        return await load_of(store, clock, ["analysis", "slow"], ["site"], in_flight=1)

    assert await load() == Load(0, 0.0, 1)
    await start(store, owner="d", queue="slow")
    clock.advance(1)
    assert await load() == Load(1, 1.0, 1)
    await store.pause(Pause("queue", "slow"))
    assert await load() == Load(0, 0.0, 1)
