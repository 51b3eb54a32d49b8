"""The lease thread: when it renews, when the lease is lost, and what it does about a blocked loop."""

import asyncio
import threading
from contextlib import asynccontextmanager

import pytest

from outlast.backends.memory.store import MemoryStore
from outlast.domain.errors import StoreUnavailable
from outlast.ports.workers import LEASE, RENEW_EVERY, Beat, WorkerInfo
from outlast.running import lease as lease_module
from outlast.running.lease import BLOCKED_AFTER, MARGIN, LeaseKeeper
from outlast.testing.acts import failed, read, right, started_and_claimed
from outlast.testing.clock import NOON, FakeClock

WORKER = WorkerInfo(
    id="w",
    host="host",
    pid=4711,
    queues=("analysis",),
    analyses=("site",),
    concurrency=8,
    started_at=NOON,
    beat_at=NOON,
)
WITHIN = 20.0
"""Timeout in seconds of a test that waits for another thread."""


class Lease:
    """The store's lease with responses set by the test; counts the checks."""

    def __init__(self, house):
        self._house = house
        self._real = house.store.lease()

    def register(self, worker, formerly=None):
        self._house.formerly = formerly
        if self._house.away:
            raise StoreUnavailable("away")
        self._real.register(worker, formerly)

    def renew(self, worker_id):
        house = self._house
        house.asked.append(house.clock.monotonic())
        house.looked.set()
        if house.away:
            raise StoreUnavailable("away")
        return None if house.forgotten else self._real.renew(worker_id)

    def finish(self, ends):
        if self._house.away:
            raise StoreUnavailable("away")
        self._real.finish(ends)

    def release(self, worker_id):
        return self._real.release(worker_id)

    def close(self):
        self._house.closed.set()
        self._real.close()


class House:
    """The holder of the claims, which records its callbacks."""

    def __init__(self):
        self.clock = FakeClock()
        self.store = MemoryStore(self.clock)
        self.asked, self.beats, self.late = [], [], []
        self.away = self.forgotten = False
        self.formerly = None
        self.looked, self.lost, self.stuck, self.closed = (threading.Event() for _ in range(4))

    def lease(self):
        return Lease(self)

    def on_beat(self, beat):
        self.beats.append(beat)

    def on_lost(self):
        self.lost.set()

    def overdue(self):
        return self.late

    def on_stuck(self):
        self.stuck.set()

    @asynccontextmanager
    async def kept(self, **options):
        keeper = LeaseKeeper(self, WORKER, self, self.clock, **options)
        await keeper.start()
        try:
            yield keeper
        finally:
            keeper.stop()
            await hear(self.closed)

    async def check(self, seconds):
        """Advance the clock; return once the thread has called the store, or has had time to."""
        self.looked.clear()
        self.clock.advance(seconds)


async def hear(event):
    assert await asyncio.to_thread(event.wait, WITHIN)


@pytest.fixture
def house(monkeypatch):
    monkeypatch.setattr(lease_module, "CHECK_EVERY", 0.01)
    return House()


async def test_a_lease_is_renewed_every_five_seconds(house):
    begin = house.clock.monotonic()
    async with house.kept():
        for _ in range(12):
            house.looked.clear()
            house.clock.advance(RENEW_EVERY / 4)
            if (house.clock.monotonic() - begin) % RENEW_EVERY == 0:
                await hear(house.looked)
            else:
                assert not house.looked.wait(0.05)
    assert house.asked == [begin + RENEW_EVERY * n for n in (1, 2, 3)]


async def test_what_a_renewal_learnt_reaches_the_listener(house):
    session = await started_and_claimed(house.store, "w")
    await house.store.cancel(session.id, owner=None)
    async with house.kept():
        await house.check(RENEW_EVERY)
        await hear(house.looked)
        while not house.beats:
            await hear(house.looked)
    assert house.beats[0] == Beat(frozenset({right(session)}), frozenset({session.id}))


async def test_a_worker_that_the_store_has_forgotten_loses_its_lease_at_once(house, caplog):
    async with house.kept():
        house.forgotten = True
        await house.check(RENEW_EVERY)
        await hear(house.lost)
    assert "lost its lease" in caplog.text


async def test_while_the_store_is_away_the_lease_counts_until_shortly_before_its_end(house):
    async with house.kept() as keeper:
        house.away = True
        await house.check(LEASE - MARGIN)
        await hear(house.looked)
        assert not house.lost.wait(0.1)
        assert not keeper.lapsed()
        await house.check(0.1)
        await hear(house.lost)


async def test_a_renewal_after_an_outage_counts_from_when_it_was_asked(house):
    async with house.kept() as keeper:
        house.away = True
        await house.check(LEASE - MARGIN - 1)
        await hear(house.looked)
        house.away = False
        while not house.beats:
            await house.check(0.01)
            await hear(house.looked)
        await house.check(RENEW_EVERY - 1)
        assert not house.lost.is_set()
        assert not keeper.lapsed()


async def test_others_may_have_taken_the_sessions_once_a_whole_lease_has_passed(house):
    async with house.kept() as keeper:
        house.away = True
        house.clock.advance(LEASE)
        assert not keeper.lapsed()
        house.clock.advance(0.1)
        assert keeper.lapsed()


async def test_a_store_that_is_away_at_the_start_is_told_to_whoever_starts(house):
    house.away = True
    with pytest.raises(StoreUnavailable):
        async with house.kept():
            pass
    await hear(house.closed)


async def test_the_former_name_is_registered_with_the_new_one(house):
    async with house.kept(previous_id="before"):
        assert house.formerly == "before"


async def test_a_stop_ends_the_thread_and_tells_nobody(house):
    async with house.kept():
        pass
    assert not house.lost.is_set()


async def block(house, seconds, until):
    """Block the event loop while this much time passes."""
    for _ in range(int(seconds * 2)):
        house.clock.advance(0.5)
        until.wait(0.03)
    return until.wait(0.2)


async def test_a_blocked_loop_with_an_overdue_attempt_is_stuck_and_gives_everything_back(house, caplog):
    late = await started_and_claimed(house.store, "w")
    other = await started_and_claimed(house.store, "w")
    async with house.kept():
        house.late = [(right(late), failed("It took too long."))]
        assert await block(house, BLOCKED_AFTER + 2, house.stuck)
        house.closed.wait(WITHIN)
    assert (await read(house.store, late.id)).error == "It took too long."
    seen = await read(house.store, other.id)
    assert (seen.status, seen.attempt, seen.crashes) == ("pending", 0, 0)
    assert "released 1 other session(s)" in caplog.text


async def test_a_blocked_loop_without_an_overdue_attempt_is_only_named(house, caplog):
    async with house.kept():
        assert not await block(house, BLOCKED_AFTER + 2, house.stuck)
    assert caplog.text.count("has been blocked") == 1
    assert "in block" in caplog.text, "the line that blocks is shown"


async def test_an_overdue_attempt_whose_loop_answers_is_left_to_the_loop(house):
    session = await started_and_claimed(house.store, "w")
    async with house.kept():
        house.late = [(right(session), failed())]
        for _ in range(2 * int(BLOCKED_AFTER + 2)):
            house.clock.advance(0.5)
            await asyncio.sleep(0.03)
    assert not house.stuck.is_set()
