"""What a worker does with the requests of operators, and what it tells the store and its supervisor."""

import asyncio
import math
import random

import pytest

from outlast import Outlast
from outlast.app import runtime_of
from outlast.backends.clock import SystemClock
from outlast.backends.memory.notifier import MemoryNotifier
from outlast.backends.memory.store import MemoryStore
from outlast.core.metric_definitions import SESSIONS
from outlast.domain.status import Status
from outlast.domain.worker_control import FOLLOWED_BY, WHY_NOT, WorkerCommand, WorkerKind, WorkerState
from outlast.ports.notifier import Topic
from outlast.running import lease, recycling
from outlast.running.recycling import MIB, RecyclingLimits
from outlast.running.worker import Worker
from outlast.running.worker_options import WorkerEnd, WorkerOptions
from outlast.testing.acts import read, start

PATIENCE = 20.0


class Fleet:
    """One worker on a store in memory."""

    def __init__(self, **options):
        self.store, self.notifier = MemoryStore(SystemClock()), MemoryNotifier()
        outlast = Outlast()
        self.go = asyncio.Event()

        @outlast.analysis("site")
        async def site(url: str) -> str:
            await self.go.wait()
            return url

        @outlast.analysis("fails", max_attempts=1)
        async def fails(url: str) -> None:
            raise ValueError(url)

        @outlast.analysis("strict", timeout=100, max_attempts=2)
        async def strict(url: str) -> str:
            await self.go.wait()
            return url

        self.states = []
        self.worker = Worker(
            self.store,
            self.notifier,
            runtime_of(outlast).catalogue,
            SystemClock(),
            random.Random(1),
            WorkerOptions(
                **{"sleep": 0.01, "kind": WorkerKind.SUPERVISED, "on_state": self.states.append, **options}
            ),
            worker_id="w",
        )

    async def __aenter__(self):
        self.running = asyncio.create_task(self.worker.run())
        await self.until(lambda: self.states)
        return self

    async def __aexit__(self, *_):
        self.worker.stop()
        self.worker.stop()
        await self.running

    async def until(self, condition):
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.005)

    async def ask(self, command):
        await self.store.request(["w"], command)
        self.notifier.publish(Topic.CONTROL, ["w"])

    async def status_is(self, session, status):
        async with asyncio.timeout(PATIENCE):
            while (row := await read(self.store, session.id)).status is not status:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.005)
        return row

    async def row(self):
        (row,) = await self.store.workers()
        return row


@pytest.fixture(autouse=True)
def quick_checks(monkeypatch):
    monkeypatch.setattr(lease, "CHECK_EVERY", 0.01)


async def start_one(fleet, analysis="site", **changes):
    return await start(fleet.store, analysis=analysis, input='{"url":"u"}', **changes)


async def test_a_paused_worker_claims_nothing_until_it_is_resumed_and_reports_both():
    async with Fleet() as fleet:
        await fleet.ask(WorkerCommand.PAUSE)
        await fleet.until(lambda: fleet.states[-1] is WorkerState.PAUSED)
        session = await start_one(fleet)
        fleet.notifier.publish(Topic.WAITING, [""])
        while (row := await fleet.row()).state is not WorkerState.PAUSED:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.005)
        assert not row.takes_sessions
        assert row.followed == 1
        assert (await read(fleet.store, session.id)).status is Status.PENDING
        await fleet.ask(WorkerCommand.RESUME)
        await fleet.status_is(session, Status.PROCESSING)
        fleet.go.set()
        await fleet.status_is(session, Status.COMPLETED)
    assert fleet.states == [WorkerState.RUNNING, WorkerState.PAUSED, WorkerState.RUNNING, WorkerState.STOPPING]


async def test_a_worker_that_replaces_a_paused_one_starts_paused():
    async with Fleet(paused=True) as fleet:
        assert fleet.states == [WorkerState.PAUSED]
        assert (await fleet.row()).state is WorkerState.PAUSED


async def test_a_draining_worker_finishes_what_it_has_and_claims_no_more():
    async with Fleet(grace=0.0) as fleet:
        first = await start_one(fleet)
        await fleet.status_is(first, Status.PROCESSING)
        await fleet.ask(WorkerCommand.DRAIN)
        await fleet.until(lambda: fleet.states[-1] is WorkerState.DRAINING)
        second = await start_one(fleet)
        fleet.go.set()
        assert await fleet.running is WorkerEnd.STOPPED
        assert (await read(fleet.store, first.id)).status is Status.COMPLETED
        assert (await read(fleet.store, second.id)).attempt == 0


@pytest.mark.parametrize("command", [WorkerCommand.STOP, WorkerCommand.STOP_NOW])
async def test_a_stop_releases_what_does_not_finish_in_time_unspent(command):
    async with Fleet(grace=0.0 if command is WorkerCommand.STOP else PATIENCE) as fleet:
        session = await start_one(fleet)
        await fleet.status_is(session, Status.PROCESSING)
        await fleet.ask(command)
        async with asyncio.timeout(PATIENCE / 2):
            assert await fleet.running is WorkerEnd.STOPPED
        row = await read(fleet.store, session.id)
        assert (row.status, row.attempt, row.crashes) == (Status.PENDING, 0, 0)


async def test_a_restart_asks_for_a_replacement_and_goes_on_until_there_is_one():
    asked = []
    async with Fleet(on_replacement_due=asked.append) as fleet:
        await fleet.ask(WorkerCommand.RESTART)
        await fleet.until(lambda: asked)
        fleet.go.set()
        await fleet.status_is(await start_one(fleet), Status.COMPLETED)
        (retire,) = asked
        retire()
        assert await fleet.running is WorkerEnd.REPLACED


async def test_a_request_is_followed_once_and_one_for_another_kind_of_worker_never():
    asked = []
    async with Fleet(on_replacement_due=asked.append, kind=WorkerKind.EMBEDDED) as fleet:
        await fleet.ask(WorkerCommand.RESTART)
        while (await fleet.row()).followed < 1:
            fleet.notifier.publish(Topic.CONTROL, ["w"])
            await asyncio.sleep(0.005)
        assert not asked
        assert fleet.worker.state is WorkerState.RUNNING


async def test_a_worker_that_lost_its_lease_follows_the_requests_to_its_new_id():
    async with Fleet() as fleet:
        await fleet.ask(WorkerCommand.PAUSE)
        await fleet.until(lambda: fleet.states[-1] is WorkerState.PAUSED)
        await fleet.ask(WorkerCommand.RESUME)
        await fleet.until(lambda: fleet.states[-1] is WorkerState.RUNNING)
        await fleet.store.release_worker("w")
        fleet.notifier.publish(Topic.CONTROL, ["w"])
        await fleet.until(lambda: fleet.worker.id != "w" and not fleet.worker._lost)
        await fleet.store.request([fleet.worker.id], WorkerCommand.PAUSE)
        fleet.notifier.publish(Topic.CONTROL, [fleet.worker.id])
        await fleet.until(lambda: fleet.states[-1] is WorkerState.PAUSED)


@pytest.mark.slow
async def test_a_worker_reports_what_completed_and_failed_and_its_memory():
    async with Fleet() as fleet:
        fleet.go.set()
        for analysis in ("site", "site", "fails"):
            session = await start_one(fleet, analysis)
            await fleet.status_is(session, Status.FAILED if analysis == "fails" else Status.COMPLETED)
        while (row := await fleet.row()).completed + row.failed < 3:
            fleet.notifier.publish(Topic.CONTROL, ["w"])
            await asyncio.sleep(0.005)
        assert (row.completed, row.failed) == (2, 1)
        assert row.memory is not None
        assert row.memory > 10 * MIB


async def test_the_attempts_that_a_stuck_worker_gave_up_are_counted(monkeypatch):
    async with Fleet() as fleet:
        await fleet.status_is(await start_one(fleet, max_attempts=1), Status.PROCESSING)
        await fleet.until(lambda: all(attempt.began < math.inf for attempt in fleet.worker._attempts.values()))
        monkeypatch.setattr(fleet.worker, "_overdue", lambda: list(fleet.worker._attempts.values()))
        fleet.worker.on_stuck()
        counts = fleet.worker._metric_counts._take()
        assert counts[SESSIONS.name, ("site", "failed")] == 1


async def test_a_worker_above_its_memory_limit_asks_for_a_replacement_and_far_above_it_claims_nothing(monkeypatch):
    asked, used = [], [100 * MIB]
    monkeypatch.setattr("outlast.running.worker.resident_bytes", lambda: used[0])
    async with Fleet(on_replacement_due=asked.append, limits=RecyclingLimits(memory=200 * MIB)) as fleet:
        fleet.go.set()
        await fleet.status_is(await start_one(fleet), Status.COMPLETED)
        assert not asked
        used[0] = 201 * MIB
        await fleet.until(lambda: asked)
        await fleet.status_is(await start_one(fleet), Status.COMPLETED)
        used[0] = round(200 * recycling.FULL + 1) * MIB
        await fleet.until(lambda: fleet.worker._recycling.full)
        session = await start_one(fleet)
        asked[0]()
        assert await fleet.running is WorkerEnd.REPLACED
        assert (await read(fleet.store, session.id)).status is Status.PENDING


@pytest.mark.parametrize("waiting", [0, 2])
async def test_once_ends_after_one_session_or_at_once(waiting):
    fleet = Fleet(once=True)
    fleet.go.set()
    sessions = [await start_one(fleet) for _ in range(waiting)]
    async with fleet:
        assert await fleet.running is WorkerEnd.STOPPED
    assert sorted([(await read(fleet.store, s.id)).attempt for s in sessions]) == [0, 1][:waiting]
    assert WorkerState.DRAINING in fleet.states, "its supervisor does not replace it"


async def test_tries_and_timeout_hold_for_analyses_that_declare_none():
    async with Fleet(attempts=5, usual_attempts=3, timeout=7.0) as fleet:
        plain, retried, strict = (
            await start_one(fleet),
            await start_one(fleet, max_attempts=4),
            await start_one(fleet, "strict", max_attempts=2, timeout=100.0),
        )
        await fleet.until(lambda: len(fleet.worker._attempts) == 3)
        while (await read(fleet.store, plain.id)).max_attempts != 5:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.005)
        limits = {
            a.session.id: (a.session.max_attempts, a.session.timeout) for a in fleet.worker._attempts.values()
        }
        assert limits == {plain.id: (5, 7.0), retried.id: (4, 7.0), strict.id: (2, 100.0)}


def test_every_kind_of_worker_follows_every_command_or_says_why_not():
    for kind, followed in FOLLOWED_BY.items():
        assert followed == set(WorkerCommand) or kind in WHY_NOT or kind is WorkerKind.SUPERVISOR
