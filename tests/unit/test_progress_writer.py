"""Progress is written in batches, per session at most four times a second; outcomes carry the last of it."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from outlast.backends.memory.notifier import MemoryNotifier
from outlast.backends.memory.store import MemoryStore
from outlast.domain.errors import StoreUnavailable
from outlast.domain.progress import Progress
from outlast.domain.session import Claim
from outlast.ports.notifier import Topic
from outlast.ports.results import StepSample
from outlast.running import progress_writer as reporter_module
from outlast.running.progress_writer import MIN_INTERVAL, ProgressWriter
from outlast.testing.clock import FakeClock
from waiting import until


class Tracked:
    """The part of an attempt that the writer uses: the latest progress, and a count of extrapolations."""

    def __init__(self):
        self.tracker = self
        self.percentage = 0.0
        self.quiet_looks = 0
        self._dirty = True

    def take(self):
        dirty, self._dirty = self._dirty, False
        return Progress(self.percentage) if dirty else None

    def extrapolate(self):
        self.quiet_looks += 1

    def report(self, percentage):
        self.percentage = percentage
        self._dirty = True


class RecordingStore(MemoryStore):
    def __init__(self, clock):
        super().__init__(clock)
        self.reports = []
        self.learnt = []
        self.lost = set()
        self.away = False

    async def report(self, updates):
        if self.away:
            self.away = False
            raise StoreUnavailable("away")
        self.reports.append([(u.claim.session_id, u.progress.percentage) for u in updates])
        return self.lost

    async def learn(self, samples):
        self.learnt += samples


class House:
    def __init__(self):
        self.clock = FakeClock()
        self.store = RecordingStore(self.clock)
        self.notifier = MemoryNotifier()
        self.writer = ProgressWriter(self.store, self.notifier, self.clock)
        self.attempts = {Claim(f"s{n}", 1): Tracked() for n in range(7)}
        self.claims = list(self.attempts)
        self.lost = []
        self.published = []

    @asynccontextmanager
    async def running(self):
        listening = await self.notifier.subscribe([Topic.CHANGED], lambda _, key: self.published.append(key))
        task = asyncio.create_task(self.writer.run(self.attempts, self.lost.append))
        await asyncio.sleep(0)  # it begins
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            await listening.close()

    def report(self, number, percentage):
        claim = self.claims[number]
        self.attempts[claim].report(percentage)
        self.writer.mark(claim)


@pytest.fixture
async def house():
    return House()


async def test_changes_that_come_together_are_one_write_of_the_latest(house):
    async with house.running():
        for percentage in (1.0, 2.0, 3.0):
            house.report(0, percentage)
        house.report(1, 9.0)
        await until(lambda: house.store.reports)
        assert house.store.reports == [[("s0", 3.0), ("s1", 9.0)]]
        await until(lambda: house.published)
        assert house.published == ["s0", "s1"]


async def test_a_session_waits_a_quarter_of_a_second_for_its_next_write_and_others_do_not(house):
    async with house.running():
        house.report(0, 1.0)
        await until(lambda: house.store.reports)
        house.report(0, 2.0)
        house.report(1, 5.0)
        await until(lambda: len(house.store.reports) == 2)
        assert house.store.reports[1] == [("s1", 5.0)]
        house.clock.advance(MIN_INTERVAL - 0.01)
        house.report(2, 5.0)
        await until(lambda: len(house.store.reports) == 3)
        assert house.store.reports[2] == [("s2", 5.0)]
        house.clock.advance(0.01)
        await until(lambda: len(house.store.reports) == 4)
        assert house.store.reports[3] == [("s0", 2.0)]


async def test_a_write_has_its_limit_and_the_rest_follows(house, monkeypatch):
    monkeypatch.setattr(reporter_module, "BATCH", 3)
    async with house.running():
        for number in range(7):
            house.report(number, 1.0)
        await until(lambda: sum(map(len, house.store.reports)) == 7)
    assert [len(report) for report in house.store.reports] == [3, 3, 1]


async def test_of_an_attempt_that_has_ended_nothing_more_is_written(house):
    async with house.running():
        house.report(0, 1.0)
        house.writer.forget(house.claims[0])
        house.report(1, 1.0)
        await until(lambda: house.store.reports)
    assert house.store.reports == [[("s1", 1.0)]]


async def test_a_new_attempt_of_the_same_claim_does_not_wait_for_the_former_ones_turn(house):
    async with house.running():
        house.report(0, 1.0)
        await until(lambda: house.store.reports)
        house.writer.forget(house.claims[0])
        house.report(0, 2.0)
        await until(lambda: len(house.store.reports) == 2)


async def test_what_has_no_new_progress_is_not_written(house):
    async with house.running():
        house.report(0, 1.0)
        await until(lambda: house.store.reports)
        house.clock.advance(1)
        house.writer.mark(house.claims[0])
        house.report(1, 1.0)
        await until(lambda: len(house.store.reports) == 2)
    assert house.store.reports[1] == [("s1", 1.0)]


async def test_claims_that_the_store_says_are_lost_are_handed_on(house):
    house.store.lost = {house.claims[0]}
    async with house.running():
        house.report(0, 1.0)
        await until(lambda: house.lost)
    assert house.lost[0] == {house.claims[0]}


async def test_who_asks_to_be_told_returns_after_the_write_and_before_its_turn(house):
    async with house.running():
        house.report(0, 1.0)
        await until(lambda: house.store.reports)
        house.report(0, 2.0)
        await house.writer.flush(house.claims[0])
        assert house.store.reports[-1] == [("s0", 2.0)]


async def test_who_asks_without_a_change_returns_at_once_and_writes_nothing(house):
    async with house.running():
        await house.writer.flush(house.claims[0])
    assert not house.store.reports


async def test_quiet_steps_are_looked_at_once_a_second(house):
    quiet = house.attempts[house.claims[0]]
    async with house.running():
        house.clock.advance(0.99)
        house.report(1, 1.0)
        await until(lambda: house.store.reports)
        assert quiet.quiet_looks == 0
        house.clock.advance(0.01)
        house.report(2, 1.0)
        await until(lambda: quiet.quiet_looks)
        house.report(3, 1.0)
        await until(lambda: len(house.store.reports) == 3)
    assert quiet.quiet_looks == 1


async def test_durations_are_learnt_in_batches(house, monkeypatch):
    monkeypatch.setattr(reporter_module, "BATCH", 2)
    samples = [StepSample("site", "read", ms) for ms in range(5)]
    async with house.running():
        house.writer.learn(samples)
        await until(lambda: len(house.store.learnt) == 2)
        house.writer.learn([])
        await until(lambda: len(house.store.learnt) == 4)
    assert house.store.learnt == samples[:4]


async def test_it_goes_on_after_the_store_was_away(house, monkeypatch, caplog):
    monkeypatch.setattr("outlast.core.service_loop.RETRY_DELAY", 0.01)
    house.store.away = True
    async with house.running():
        house.report(0, 1.0)
        await until(lambda: "waits for the store" in caplog.text)
        house.clock.advance(1)
        house.report(0, 2.0)
        await until(lambda: house.store.reports)
    assert house.store.reports == [[("s0", 2.0)]]


async def test_a_mark_from_a_thread_arrives(house):
    async with house.running():
        house.attempts[house.claims[0]].report(4.0)
        await asyncio.to_thread(house.writer.mark, house.claims[0])
        await until(lambda: house.store.reports)
    assert house.store.reports == [[("s0", 4.0)]]
