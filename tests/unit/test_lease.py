"""The lease thread: renewal, loss of the lease, and blocked event loops."""

import asyncio
import threading
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from outlast.backends.memory.store import MemoryStore
from outlast.domain.errors import StoreUnavailable
from outlast.ports.workers import FIRST_REPORT, LEASE, RENEW_EVERY, Renewal, WorkerInfo
from outlast.running import lease as lease_module
from outlast.running.lease import BLOCKED_AFTER, MARGIN, LeaseKeeper
from outlast.testing.acts import claim_of, failed, read, started_and_claimed
from outlast.testing.clock import NOON, FakeClock
from waiting import until

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

    def __init__(self, harness):
        self._harness = harness
        self._real = harness.store.lease()

    def register(self, worker, previous_id=None):
        self._harness.previous_id = previous_id
        if self._harness.away:
            raise StoreUnavailable("away")
        self._real.register(worker, previous_id)

    def renew(self, worker_id, report=FIRST_REPORT):
        harness = self._harness
        harness.asked.append(harness.clock.monotonic())
        harness.looked.set()
        if harness.away:
            raise StoreUnavailable("away")
        return None if harness.forgotten else self._real.renew(worker_id, report)

    def finish(self, ends):
        if self._harness.away:
            raise StoreUnavailable("away")
        self._real.finish(ends)

    def release(self, worker_id):
        return self._real.release(worker_id)

    def close(self):
        self._harness.closed.set()
        self._real.close()


class Harness:
    """The holder of the claims, which records its callbacks."""

    def __init__(self):
        self.clock = FakeClock()
        self.store = MemoryStore(self.clock)
        self.asked, self.beats, self.late = [], [], []
        self.away = self.forgotten = False
        self.previous_id = None
        self.checks = 0
        self.looked, self.lost, self.stuck, self.closed = (threading.Event() for _ in range(4))

    def lease(self):
        return Lease(self)

    def on_renewal(self, beat):
        self.beats.append(beat)

    def on_lost(self):
        self.lost.set()

    def overdue(self):
        return self.late

    def on_check(self):
        self.checks += 1

    def report(self):
        return replace(FIRST_REPORT, completed=len(self.asked))

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
def harness(monkeypatch):
    monkeypatch.setattr(lease_module, "CHECK_EVERY", 0.01)
    return Harness()


@pytest.mark.slow
async def test_a_lease_is_renewed_every_five_seconds(harness):
    begin = harness.clock.monotonic()
    async with harness.kept():
        for _ in range(12):
            harness.looked.clear()
            harness.clock.advance(RENEW_EVERY / 4)
            if (harness.clock.monotonic() - begin) % RENEW_EVERY == 0:
                await hear(harness.looked)
            else:
                assert not harness.looked.wait(0.05)
    assert harness.asked == [begin + RENEW_EVERY * n for n in (1, 2, 3)]


async def test_a_renewal_passes_its_beat_to_the_listener(harness):
    session = await started_and_claimed(harness.store, "w")
    await harness.store.cancel(session.id, owner=None)
    async with harness.kept():
        await harness.check(RENEW_EVERY)
        await hear(harness.looked)
        while not harness.beats:
            await hear(harness.looked)
    assert harness.beats[0] == Renewal(frozenset({claim_of(session)}), frozenset({session.id}))


async def test_a_worker_unknown_to_the_store_loses_its_lease_at_once(harness, caplog):
    async with harness.kept():
        harness.forgotten = True
        await harness.check(RENEW_EVERY)
        await hear(harness.lost)
    assert "lost its lease" in caplog.text


async def test_while_the_store_is_unavailable_the_lease_holds_until_its_margin(harness):
    async with harness.kept() as keeper:
        harness.away = True
        await harness.check(LEASE - MARGIN)
        await hear(harness.looked)
        assert not harness.lost.wait(0.1)
        assert not keeper.has_lapsed()
        await harness.check(0.1)
        await hear(harness.lost)


async def test_a_renewal_counts_from_the_time_of_its_request(harness):
    async with harness.kept() as keeper:
        harness.away = True
        await harness.check(LEASE - MARGIN - 1)
        await hear(harness.looked)
        harness.away = False
        await until(lambda: harness.beats)
        await harness.check(RENEW_EVERY - 1)
        assert not harness.lost.is_set()
        assert not keeper.has_lapsed()


async def test_a_lease_counts_as_lapsed_after_its_whole_duration(harness):
    async with harness.kept() as keeper:
        harness.away = True
        harness.clock.advance(LEASE)
        assert not keeper.has_lapsed()
        harness.clock.advance(0.1)
        assert keeper.has_lapsed()


async def test_start_raises_if_the_store_is_unavailable(harness):
    harness.away = True
    with pytest.raises(StoreUnavailable):
        async with harness.kept():
            pass
    await hear(harness.closed)


async def test_the_previous_id_is_registered_with_the_new_one(harness):
    async with harness.kept(previous_id="before"):
        assert harness.previous_id == "before"


async def test_a_stop_ends_the_thread_without_calling_the_listener(harness):
    async with harness.kept():
        pass
    assert not harness.lost.is_set()


async def block(harness, seconds, until):
    """Block the event loop while this much time passes."""
    for _ in range(int(seconds * 2)):
        harness.clock.advance(0.5)
        until.wait(0.03)
    return until.wait(0.2)


@pytest.mark.slow
async def test_a_blocked_loop_with_an_overdue_attempt_is_stuck_and_releases_everything(harness, caplog):
    late = await started_and_claimed(harness.store, "w")
    other = await started_and_claimed(harness.store, "w")
    async with harness.kept():
        harness.late = [(claim_of(late), failed("It took too long."))]
        assert await block(harness, BLOCKED_AFTER + 2, harness.stuck)
        harness.closed.wait(WITHIN)
    assert (await read(harness.store, late.id)).error == "It took too long."
    seen = await read(harness.store, other.id)
    assert (seen.status, seen.attempt, seen.crashes) == ("pending", 0, 0)
    assert "released 1 other session(s)" in caplog.text


@pytest.mark.slow
async def test_a_blocked_loop_without_an_overdue_attempt_is_only_logged(harness, caplog):
    async with harness.kept():
        assert not await block(harness, BLOCKED_AFTER + 2, harness.stuck)
    assert caplog.text.count("has been blocked") == 1
    assert "in block" in caplog.text, "the line that blocks is shown"


@pytest.mark.slow
async def test_an_overdue_attempt_is_left_to_a_responsive_loop(harness):
    session = await started_and_claimed(harness.store, "w")
    async with harness.kept():
        harness.late = [(claim_of(session), failed())]
        for _ in range(2 * int(BLOCKED_AFTER + 2)):
            harness.clock.advance(0.5)
            await asyncio.sleep(0.03)
    assert not harness.stuck.is_set()


async def test_a_renewal_that_is_wanted_soon_comes_at_once_and_carries_the_current_report(harness):
    async with harness.kept() as keeper:
        await harness.check(0)
        keeper.renew_soon()
        await hear(harness.looked)
        while not harness.beats:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0)
        (worker,) = await harness.store.workers()
        assert worker.completed == 0
        harness.looked.clear()
        keeper.renew_soon()
        await hear(harness.looked)
        while len(harness.beats) < 2:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0)
        (worker,) = await harness.store.workers()
        assert worker.completed == 1
    assert harness.checks > 0
