"""When an event loop counts as blocked: from a probe to its acknowledgement, if the thread was not delayed."""

import asyncio
import threading

from outlast.domain.errors import StoreUnavailable
from outlast.domain.session import Claim
from outlast.ports.workers import FIRST_REPORT, Renewal, WorkerInfo
from outlast.running.lease import BLOCKED_AFTER, LeaseKeeper, LoopWatch
from outlast.testing.acts import failed
from outlast.testing.clock import NOON, FakeClock

PATIENCE = 20.0
INFO = WorkerInfo("w", "host", 1, ("analysis",), ("site",), 1, NOON, NOON)


def test_a_loop_that_answers_is_never_blocked():
    watch = LoopWatch()
    for at in range(20):
        watch.acknowledge(watch.probe(at / 2))
        assert watch.blocked_for(at / 2 + 0.4) == 0


def test_a_loop_counts_as_blocked_from_a_probe_until_its_acknowledgement():
    watch = LoopWatch()
    number = watch.probe(0.0)
    assert [watch.probe(n / 2) for n in range(1, 12)] == [None] * 11
    assert watch.blocked_for(5.5) == 5.5
    watch.acknowledge(number)
    assert watch.responsive
    assert watch.blocked_for(6.0) == 0


def test_a_delayed_thread_restarts_its_measurement():
    watch = LoopWatch()
    old = watch.probe(0.0)
    new = watch.probe(17.0)
    assert new not in {None, old}
    assert watch.blocked_for(17.5) == 0.5
    watch.acknowledge(old)
    assert not watch.responsive
    watch.acknowledge(new)
    assert watch.responsive


class Listener:
    def __init__(self, *ends):
        self.ends = ends
        self.stuck = asyncio.Event()
        self.lost = asyncio.Event()
        self.beats = 0
        self.beaten = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def on_renewal(self, beat):
        self.beats += 1
        if self.beats == 5:
            self.beaten.set()

    def on_lost(self):
        self.lost.set()

    def overdue(self):
        return self.ends

    def on_check(self):
        """It has no limits."""

    def report(self):
        return FIRST_REPORT

    def on_stuck(self):
        self._loop.call_soon_threadsafe(self.stuck.set)


class SlowLease:
    """A lease whose renewals take this long by the test's clock, and whose first `away` writes fail."""

    def __init__(self, clock, takes=0.0, away=0):
        self.clock, self.takes, self.away = clock, takes, away
        self.written = []

    def lease(self):
        return self

    def register(self, worker, previous_id=None): ...

    def renew(self, worker_id, report):
        self.clock.advance(self.takes)
        return Renewal(frozenset(), frozenset())

    def finish(self, ends):
        if self.away:
            self.away -= 1
            raise StoreUnavailable("away")
        self.written += ends

    def release(self, worker_id):
        self.written.append(worker_id)
        return 0

    def close(self): ...


class Ticking(threading.Event):
    """An event whose `wait` advances the test's clock instead."""

    def __init__(self, clock):
        super().__init__()
        self.clock = clock

    def wait(self, timeout=None):
        self.clock.advance(timeout)
        return super().wait(0.0001)


async def test_a_slow_renewal_is_not_reported_as_a_blocked_loop(caplog):
    clock = FakeClock()
    listener = Listener((Claim("innocent", 1), failed()))
    store = SlowLease(clock, takes=BLOCKED_AFTER + 1)
    keeper = LeaseKeeper(store, INFO, listener, clock)
    keeper._stop = Ticking(clock)
    await keeper.start()
    async with asyncio.timeout(PATIENCE):
        await listener.beaten.wait()
    keeper.stop()
    assert not [r for r in caplog.records if "blocked" in r.getMessage()]
    assert store.written == []
    assert not listener.stuck.is_set()


async def _blocked(clock, store, listener):
    """A keeper whose loop acknowledges no probe, as if analysis code blocked it."""
    keeper = LeaseKeeper(store, INFO, listener, clock)
    keeper._stop = Ticking(clock)
    call = keeper._call

    def all_but_acknowledgements(function, *arguments):
        if function.__name__ != "acknowledge":
            call(function, *arguments)

    keeper._call = all_but_acknowledgements
    return await keeper.start()


async def test_a_blocked_loop_is_logged_with_its_stack_and_overdue_attempts_end(caplog):
    clock = FakeClock()
    late = (Claim("late", 3), failed("Too long."))
    listener, store = Listener(late), SlowLease(clock, away=2)
    async with asyncio.timeout(PATIENCE):
        await _blocked(clock, store, listener)
        await listener.stuck.wait()
    assert store.written == [late, "w"]
    assert [r for r in caplog.records if "has been blocked for" in r.getMessage()]
    async with asyncio.timeout(PATIENCE):
        await listener.lost.wait()


async def test_a_blocked_loop_without_anything_overdue_keeps_its_lease():
    clock = FakeClock()
    listener, store = Listener(), SlowLease(clock)
    keeper = await _blocked(clock, store, listener)
    async with asyncio.timeout(PATIENCE):
        await listener.beaten.wait()
    assert store.written == []
    keeper.stop()


async def test_a_loop_that_is_blocked_when_its_lease_is_lost_is_still_seen_to():
    clock = FakeClock()
    late = (Claim("late", 3), failed("Too long."))
    listener, store = Listener(late), SlowLease(clock)
    store.renew = lambda *_: None
    await _blocked(clock, store, listener)
    async with asyncio.timeout(PATIENCE):
        await listener.stuck.wait()
    assert store.written == [late, "w"]
