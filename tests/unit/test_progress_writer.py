"""Progress is written in batches, at most four times a second per session."""

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

    async def record_durations(self, samples):
        self.learnt += samples


class Harness:
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
async def harness():
    return Harness()


async def test_concurrent_changes_are_one_write_of_the_latest_progress(harness):
    async with harness.running():
        for percentage in (1.0, 2.0, 3.0):
            harness.report(0, percentage)
        harness.report(1, 9.0)
        await until(lambda: harness.store.reports)
        assert harness.store.reports == [[("s0", 3.0), ("s1", 9.0)]]
        await until(lambda: harness.published)
        assert harness.published == ["s0", "s1"]


async def test_a_session_waits_a_quarter_of_a_second_for_its_next_write_and_others_do_not(harness):
    async with harness.running():
        harness.report(0, 1.0)
        await until(lambda: harness.store.reports)
        harness.report(0, 2.0)
        harness.report(1, 5.0)
        await until(lambda: len(harness.store.reports) == 2)
        assert harness.store.reports[1] == [("s1", 5.0)]
        harness.clock.advance(MIN_INTERVAL - 0.01)
        harness.report(2, 5.0)
        await until(lambda: len(harness.store.reports) == 3)
        assert harness.store.reports[2] == [("s2", 5.0)]
        harness.clock.advance(0.01)
        await until(lambda: len(harness.store.reports) == 4)
        assert harness.store.reports[3] == [("s0", 2.0)]


async def test_a_write_has_its_limit_and_the_rest_follows(harness, monkeypatch):
    monkeypatch.setattr(reporter_module, "BATCH", 3)
    async with harness.running():
        for number in range(7):
            harness.report(number, 1.0)
        await until(lambda: sum(map(len, harness.store.reports)) == 7)
    assert [len(report) for report in harness.store.reports] == [3, 3, 1]


async def test_progress_of_an_ended_attempt_is_not_written(harness):
    async with harness.running():
        harness.report(0, 1.0)
        harness.writer.forget(harness.claims[0])
        harness.report(1, 1.0)
        await until(lambda: harness.store.reports)
    assert harness.store.reports == [[("s1", 1.0)]]


async def test_a_new_attempt_of_the_same_claim_does_not_wait_for_the_former_ones_turn(harness):
    async with harness.running():
        harness.report(0, 1.0)
        await until(lambda: harness.store.reports)
        harness.writer.forget(harness.claims[0])
        harness.report(0, 2.0)
        await until(lambda: len(harness.store.reports) == 2)


async def test_unchanged_progress_is_not_written(harness):
    async with harness.running():
        harness.report(0, 1.0)
        await until(lambda: harness.store.reports)
        harness.clock.advance(1)
        harness.writer.mark(harness.claims[0])
        harness.report(1, 1.0)
        await until(lambda: len(harness.store.reports) == 2)
    assert harness.store.reports[1] == [("s1", 1.0)]


async def test_lost_claims_are_passed_to_on_lost(harness):
    harness.store.lost = {harness.claims[0]}
    async with harness.running():
        harness.report(0, 1.0)
        await until(lambda: harness.lost)
    assert harness.lost[0] == {harness.claims[0]}


async def test_a_flush_writes_ahead_of_the_interval_and_returns_after_the_write(harness):
    async with harness.running():
        harness.report(0, 1.0)
        await until(lambda: harness.store.reports)
        harness.report(0, 2.0)
        await harness.writer.flush(harness.claims[0])
        assert harness.store.reports[-1] == [("s0", 2.0)]


async def test_a_flush_without_a_change_returns_at_once(harness):
    async with harness.running():
        await harness.writer.flush(harness.claims[0])
    assert not harness.store.reports


async def test_steps_without_reports_are_extrapolated_once_a_second(harness):
    quiet = harness.attempts[harness.claims[0]]
    async with harness.running():
        harness.clock.advance(0.99)
        harness.report(1, 1.0)
        await until(lambda: harness.store.reports)
        assert quiet.quiet_looks == 0
        harness.clock.advance(0.01)
        harness.report(2, 1.0)
        await until(lambda: quiet.quiet_looks)
        harness.report(3, 1.0)
        await until(lambda: len(harness.store.reports) == 3)
    assert quiet.quiet_looks == 1


@pytest.mark.slow
async def test_durations_are_learnt_in_batches(harness, monkeypatch):
    monkeypatch.setattr(reporter_module, "BATCH", 2)
    samples = [StepSample("site", "read", ms) for ms in range(5)]
    async with harness.running():
        harness.writer.record_durations(samples)
        await until(lambda: len(harness.store.learnt) == 2)
        harness.writer.record_durations([])
        await until(lambda: len(harness.store.learnt) == 4)
    assert harness.store.learnt == samples[:4]


async def test_writing_continues_after_the_store_was_unavailable(harness, monkeypatch, caplog):
    monkeypatch.setattr("outlast.core.service_loop.RETRY_DELAY", 0.01)
    harness.store.away = True
    async with harness.running():
        harness.report(0, 1.0)
        await until(lambda: "is waiting for the store" in caplog.text)
        harness.clock.advance(1)
        harness.report(0, 2.0)
        await until(lambda: harness.store.reports)
    assert harness.store.reports == [[("s0", 2.0)]]


async def test_a_mark_from_a_thread_arrives(harness):
    async with harness.running():
        harness.attempts[harness.claims[0]].report(4.0)
        await asyncio.to_thread(harness.writer.mark, harness.claims[0])
        await until(lambda: harness.store.reports)
    assert harness.store.reports == [[("s0", 4.0)]]
