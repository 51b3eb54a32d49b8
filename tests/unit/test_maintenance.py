"""Sessions are rescued from silent workers, not from workers that the observer could not check."""

import random
from datetime import time

import pytest

from outlast.backends.memory.notifier import MemoryNotifier
from outlast.backends.memory.store import MemoryStore
from outlast.domain.errors import StoreUnavailable
from outlast.domain.status import Status
from outlast.ports.workers import LEASE
from outlast.running.cleanup_time import RETRY_AFTER
from outlast.running.maintenance import UNSEEN_DEATH, Maintenance, Retention
from outlast.testing.acts import WORKER, read, register_worker, started_and_claimed, worker_ids
from outlast.testing.clock import FakeClock

GONE = "boot/1/2/4711/5"


class FlakyStore(MemoryStore):
    """A store that is readable and writable only when the test allows it."""

    readable = True
    writable = True
    tried = 0
    pruned = 0

    async def heartbeats(self):
        if not self.readable:
            raise StoreUnavailable("away")
        return await super().heartbeats()

    async def rescue(self, lapsed):
        if not self.writable:
            raise StoreUnavailable("full")
        return await super().rescue(lapsed)

    async def prune(self, **given):
        self.tried += 1
        if not self.writable:
            raise StoreUnavailable("full")
        self.pruned += 1
        return await super().prune(**given)

    async def rescue_worker(self, worker_id, death):
        if not self.writable:
            raise StoreUnavailable("full")
        return await super().rescue_worker(worker_id, death)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def store(clock):
    return FlakyStore(clock)


@pytest.fixture
def ended():
    """Identities of ended processes."""
    return set()


@pytest.fixture
def look_for(store, clock, ended):
    """Check once a second for `seconds`; with `beating` the worker renews every five seconds."""
    maintenance = Maintenance(
        store, MemoryNotifier(), clock, random.Random(1), Retention(1, 1, 1), has_ended=ended.__contains__
    )
    lease = store.lease()

    async def look(seconds, *, beating=False):
        for second in range(seconds):
            clock.advance(1)
            if beating and second % 5 == 4:
                assert lease.renew(WORKER) is not None
            try:
                await maintenance._rescue()
            except StoreUnavailable:
                assert not (store.readable and store.writable)

    return look


async def test_sessions_of_a_silent_worker_are_rescued_after_one_lease(store, look_for):
    session = await started_and_claimed(store)
    await look_for(int(LEASE))
    assert await worker_ids(store) == {WORKER}
    await look_for(1)
    assert await worker_ids(store) == set()
    row = await read(store, session.id)
    assert (row.status, row.crashes, row.lapses) == (Status.PENDING, 0, 1)


async def test_a_worker_whose_process_has_ended_is_dead_at_once(store, look_for, ended):
    session, beside = [await started_and_claimed(store, name) for name in (WORKER, "beside")]
    register_worker(store, process=GONE)
    register_worker(store, "beside", process="boot/1/2/4712/6")
    await look_for(2)
    assert await read(store, session.id) == session
    ended.add(GONE)
    store.writable = False
    await look_for(1)
    store.writable = True
    await look_for(1)
    row = await read(store, session.id)
    assert (row.status, row.crashes, row.lapses) == (Status.PENDING, 1, 0)
    (line,) = await store.history(session.id)
    assert (line.ended, line.cause) == ("crashed", UNSEEN_DEATH)
    assert "(pid 4711) is gone" in line.error
    assert await read(store, beside.id) == beside
    assert await worker_ids(store) == {"beside"}


@pytest.mark.parametrize("at", [None, time(2)])
async def test_a_prune_that_fails_is_repeated_after_a_minute_and_holds_up_no_delivery(store, clock, at):
    delivered = 0

    async def deliver():
        nonlocal delivered
        delivered += 1

    maintenance = Maintenance(
        store, MemoryNotifier(), clock, random.Random(1), Retention(1, 1, 1, prune_at=at), deliver=deliver
    )
    clock.advance(86_400)
    store.writable = False
    for tried in (1, 1, 1, 2):
        await maintenance._do_what_is_due()
        assert store.tried == tried
        clock.advance(RETRY_AFTER / 2 - 1 if tried == 1 else RETRY_AFTER)
    store.writable = True
    for _ in range(3):
        await maintenance._do_what_is_due()
    assert (store.tried, store.pruned, delivered) == (3, 1, 7)


async def test_three_database_outages_lapse_no_worker(store, look_for):
    session = await started_and_claimed(store)
    for _ in range(3):
        await look_for(10, beating=True)
        store.readable = False
        await look_for(22)
        store.readable = True
        await look_for(int(LEASE) - 6)
    assert await read(store, session.id) == session


async def test_three_suspensions_of_the_observer_lapse_no_worker(store, clock, look_for):
    session = await started_and_claimed(store)
    for _ in range(3):
        clock.advance(17)
        await look_for(10, beating=True)
    assert await read(store, session.id) == session


async def test_twelve_seconds_of_a_full_disk_lapse_no_worker(store, look_for):
    session = await started_and_claimed(store)
    await look_for(5, beating=True)
    store.writable = False
    await look_for(17)
    store.writable = True
    await look_for(10)
    assert await read(store, session.id) == session


@pytest.mark.parametrize("jump", [30, 90_000, -90_000])
async def test_wall_clock_steps_lapse_no_worker(store, clock, look_for, jump):
    session = await started_and_claimed(store)
    for _ in range(4):
        clock.jump_wall(jump)
        await look_for(10, beating=True)
    assert await read(store, session.id) == session
