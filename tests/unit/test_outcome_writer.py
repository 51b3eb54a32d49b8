"""Outcomes: what is written, published and recorded, and retries while the store is unavailable."""

import asyncio
import random
from types import SimpleNamespace

import pytest

from outlast.backends.memory.notifier import MemoryNotifier
from outlast.backends.memory.store import MemoryStore
from outlast.core.metric_counts import MetricCounts
from outlast.domain.errors import StoreUnavailable
from outlast.domain.outcome import Lost
from outlast.domain.status import Status
from outlast.ports.dispatcher import WaitingSession
from outlast.ports.notifier import Topic
from outlast.ports.results import StepSample
from outlast.running.outcome_writer import OutcomeWriter
from outlast.testing.acts import (
    cancelled,
    claim_of,
    completed,
    failed,
    postponed,
    read,
    released,
    started_and_claimed,
)
from outlast.testing.clock import FakeClock


class AwayStore(MemoryStore):
    """A store that is unavailable for the next outcomes and records how long each attempt worked."""

    away = 0

    def __init__(self, clock):
        super().__init__(clock)
        self.worked = []

    async def finish(self, claim, end, *, worked=None):
        if self.away:
            self.away -= 1
            raise StoreUnavailable("away")
        self.worked.append(worked)
        return await super().finish(claim, end, worked=worked)


class EagerClock(FakeClock):
    """A clock whose `sleep` advances the time."""

    async def sleep(self, seconds):
        self.advance(seconds)


class Harness:
    def __init__(self):
        self.clock = EagerClock()
        self.store = AwayStore(self.clock)
        self.notifier = MemoryNotifier()
        self.dispatched, self.learnt, self.published = [], [], []

    async def write(self, outcome):
        """The session after the end of its only attempt."""
        session = await started_and_claimed(self.store, queue="quick")
        topics = [Topic.CHANGED, Topic.WAITING]
        listening = await self.notifier.subscribe(topics, lambda topic, key: self.published.append((topic, key)))
        attempt = SimpleNamespace(
            session=session,
            claim=claim_of(session),
            began=self.clock.monotonic(),
            step_durations={"read": 12},
            unexpected=None,
        )
        self.clock.advance(2.5)
        writer = OutcomeWriter(
            self.store,
            self.notifier,
            SimpleNamespace(record_durations=self.learnt.extend),
            SimpleNamespace(dispatch=self.dispatched.extend),
            self.clock,
            random.Random(1),
            MetricCounts(),
        )
        await writer.write(attempt, outcome)
        for _ in range(3):
            await self._turn()
        await listening.close()
        return await read(self.store, session.id)

    async def _turn(self):

        await asyncio.sleep(0)


@pytest.fixture
async def harness():
    return Harness()


@pytest.mark.parametrize(
    ("outcome", "status", "waits"),
    [
        (completed(), Status.COMPLETED, False),
        (failed(), Status.FAILED, False),
        (cancelled(), Status.CANCELLED, False),
        (postponed(5.0), Status.PENDING, True),
        (released(), Status.PENDING, True),
    ],
)
async def test_every_end_notifies_watchers_and_pending_ones_notify_workers(harness, outcome, status, waits):
    session = await harness.write(outcome)
    assert session.status is status
    expected = {(Topic.CHANGED, session.id)} | ({(Topic.WAITING, "quick")} if waits else set())
    assert set(harness.published) == expected


async def test_only_completed_sessions_record_durations(harness):
    await harness.write(failed())
    await harness.write(postponed())
    assert not harness.learnt
    await harness.write(completed())
    assert harness.learnt == [StepSample("site", "read", 12)]


async def test_only_released_sessions_are_dispatched_to_the_fleet(harness):
    await harness.write(postponed())
    await harness.write(completed())
    assert not harness.dispatched
    session = await harness.write(released())
    assert harness.dispatched == [WaitingSession.of(session)]


async def test_a_lost_claim_writes_and_publishes_nothing(harness):
    session = await harness.write(Lost())
    assert session.status is Status.PROCESSING
    assert not harness.published
    assert not harness.store.worked


async def test_writing_an_end_retries_until_the_store_is_available(harness):
    harness.store.away = 50
    session = await harness.write(completed())
    assert session.status is Status.COMPLETED
    assert session.result_bytes == len('{"grade":"A"}')


async def test_the_time_worked_is_the_workers_own(harness):
    await harness.write(completed())
    assert harness.store.worked == [2.5]
