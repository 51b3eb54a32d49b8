"""Views of watched sessions: the latest version, queue position, stalled sessions and the end."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest

from outlast.backends.memory.notifier import MemoryNotifier
from outlast.backends.memory.store import MemoryStore
from outlast.core import watch as watch_module
from outlast.core.watch import POLL_EVERY, SessionView, Watch
from outlast.domain.plan import Expected
from outlast.domain.progress import Progress
from outlast.domain.status import Status
from outlast.ports.notifier import Topic
from outlast.testing.acts import (
    STEPS,
    WORKER,
    claim_of,
    claim_session,
    completed,
    read,
    register_worker,
    start,
    started_and_claimed,
    update,
)
from outlast.testing.clock import FakeClock
from outlast.testing.contract.sharing import join
from waiting import until


class Harness:
    def __init__(self):
        self.clock = FakeClock()
        self.store = MemoryStore(self.clock)
        self.notifier = MemoryNotifier()
        self.watch = Watch(self.store, self.notifier, self.clock)

    @asynccontextmanager
    async def following(self, session):
        async with self.watch.follow(session) as watched:
            yield watched

    async def has_looked(self):
        """Return after the read that every new watcher triggers."""
        await until(lambda: not self.watch._stale)

    async def change(self, session, percentage, *, hint=True):
        await self.store.report([update(session, percentage)])
        if hint:
            self.notifier.publish(Topic.CHANGED, [session.id])


@pytest.fixture
async def harness(monkeypatch):
    monkeypatch.setattr(watch_module, "HINT_DELAY", 0.0)
    harness = Harness()
    await harness.watch.open()
    yield harness
    await harness.watch.close()


async def shown(watched, condition):
    """Return the first view that meets the condition."""
    async with asyncio.timeout(10):
        while not condition(watched.view):
            await watched.wait_for_change()
        return watched.view


@pytest.mark.parametrize(
    ("queues", "analyses", "stalled"),
    [
        (("analysis",), ("site",), False),
        (("analysis", "other"), ("other", "site"), False),
        (("other",), ("site",), True),
        (("analysis",), ("other",), True),
        (None, None, True),
    ],
)
async def test_a_session_is_stalled_unless_a_living_worker_serves_its_queue_and_analysis(
    harness, queues, analyses, stalled
):
    if queues is not None:
        register_worker(harness.store, WORKER, queues=queues, analyses=analyses)
    view = await harness.watch.view(await start(harness.store))
    assert view.stalled is stalled


async def test_queue_and_analysis_must_be_served_by_the_same_worker(harness):
    register_worker(harness.store, "one", queues=("other",), analyses=("site",))
    register_worker(harness.store, "two", queues=("analysis",), analyses=("other",))
    assert (await harness.watch.view(await start(harness.store))).stalled


async def test_a_dead_worker_serves_nothing(harness):
    register_worker(harness.store, WORKER)
    harness.clock.advance(60)
    assert (await harness.watch.view(await start(harness.store))).stalled


async def test_only_pending_sessions_have_a_position_and_can_be_stalled(harness):
    first, second = [await start(harness.store) for _ in range(2)]
    assert [(await harness.watch.view(s)).queue_position for s in (first, second)] == [1, 2]
    register_worker(harness.store)
    view = await harness.watch.view(await claim_session(harness.store, first.id))
    assert (view.queue_position, view.stalled) == (None, False)


async def test_a_hint_shows_the_latest_progress_and_wakes_the_watcher(harness):
    session = await started_and_claimed(harness.store)
    async with harness.following(session) as watched:
        assert watched.view.session.progress.percentage == 0
        await harness.change(session, 10.0)
        await harness.change(session, 30.0)
        view = await shown(watched, lambda v: v.session.progress.percentage == 30.0)
        assert view.session.version == (await read(harness.store, session.id)).version


async def test_without_a_hint_every_watched_session_is_read_every_two_seconds(harness, monkeypatch):
    monkeypatch.setattr(watch_module, "POLL_EVERY", 0.01)
    session = await started_and_claimed(harness.store)
    async with harness.following(session) as watched:
        await harness.has_looked()
        await harness.change(session, 10.0, hint=False)
        harness.clock.advance(watch_module.REFRESH_EVERY - 0.1)
        assert not await watched.wait_for_change(0.1)
        harness.clock.advance(0.1)
        await shown(watched, lambda v: v.session.progress.percentage == 10.0)


async def test_an_older_version_never_replaces_a_newer_one(harness):
    session = await started_and_claimed(harness.store)
    async with harness.following(session) as watched:
        await harness.change(session, 10.0)
        newer = await shown(watched, lambda v: v.session.progress.percentage == 10.0)
        assert await harness.watch.view(session) is newer
        assert (await harness.watch.enter(session)).view is newer


async def test_watchers_share_one_view_until_the_last_one_leaves(harness):
    session = await started_and_claimed(harness.store)
    async with harness.following(session) as one:
        async with harness.following(session) as two:
            assert one.view is two.view
        assert session.id in harness.watch._watched
    assert not harness.watch._watched


async def test_the_final_view_has_the_total_elapsed_time(harness):
    session = await started_and_claimed(harness.store)
    async with harness.following(session) as watched:
        harness.clock.advance(3)
        await harness.store.finish(claim_of(session), completed())
        harness.notifier.publish(Topic.CHANGED, [session.id])
        view = await shown(watched, lambda v: v.session.status.final)
        harness.clock.advance(100)
        assert view.elapsed_ms(harness.clock.monotonic()) == 3_000


async def test_the_elapsed_time_advances_between_versions(harness):
    view = await harness.watch.view(await started_and_claimed(harness.store))
    harness.clock.advance(2.5)
    assert view.elapsed_ms(harness.clock.monotonic()) == 2_500
    assert view.elapsed_ms(0.0) == 0, "never negative"


async def test_a_session_that_was_cleaned_up_is_marked_pruned(harness, monkeypatch):
    monkeypatch.setattr(watch_module, "POLL_EVERY", 0.01)
    session = await started_and_claimed(harness.store)
    async with harness.following(session) as watched:
        assert not watched.pruned
        with harness.store._tables.lock:
            del harness.store._tables.sessions[session.id]
        harness.clock.advance(watch_module.REFRESH_EVERY)
        async with asyncio.timeout(10):
            while not watched.pruned:
                await watched.wait_for_change()


async def test_the_queue_position_changes_without_a_change_of_the_session(harness, monkeypatch):
    monkeypatch.setattr(watch_module, "POLL_EVERY", 0.01)
    register_worker(harness.store)
    first, second = [await start(harness.store) for _ in range(2)]
    async with harness.following(second) as watched:
        await shown(watched, lambda v: v.queue_position == 2 and not v.stalled)
        await claim_session(harness.store, first.id)
        harness.clock.advance(POLL_EVERY)
        await shown(watched, lambda v: v.queue_position == 1)


async def test_queue_positions_are_read_in_turn(harness, monkeypatch):
    monkeypatch.setattr(watch_module, "POLL_EVERY", 0.01)
    monkeypatch.setattr(watch_module, "POSITIONS_PER_REFRESH", 1)
    asked = []
    real = harness.store.queue_position

    async def queue_position(session_id):
        asked.append(session_id)
        return await real(session_id)

    sessions = [await start(harness.store) for _ in range(3)]
    async with harness.following(sessions[0]), harness.following(sessions[1]), harness.following(sessions[2]):
        harness.store.queue_position = queue_position
        async with asyncio.timeout(10):
            while len(asked) < 6:
                harness.clock.advance(POLL_EVERY)
                await asyncio.sleep(0.01)
    assert set(asked[:3]) == {s.id for s in sessions}
    assert asked[3:6] == asked[:3]


async def test_waiting_for_a_change_ends_at_its_timeout_or_wake_up(harness):
    session = await started_and_claimed(harness.store)
    async with harness.following(session) as watched:
        await harness.has_looked()
        assert not await watched.wait_for_change(0.01)
        waiting = asyncio.create_task(watched.wait_for_change())
        await asyncio.sleep(0)
        harness.watch.wake_all()
        assert await waiting
        assert await watched.wait_for_change(0.0), "it has not been read since"
        assert watched.view
        assert not await watched.wait_for_change(0.0)


async def test_the_living_workers_are_at_most_a_second_old(harness):
    assert not await harness.watch.living_workers()
    register_worker(harness.store)
    assert not await harness.watch.living_workers()
    harness.clock.advance(POLL_EVERY)
    assert [worker.id for worker in await harness.watch.living_workers()] == [WORKER]


async def test_the_tag_depends_only_on_version_position_and_stalled(harness):
    session = await start(harness.store)
    view = SessionView(session, 2, stalled=False)
    tags = {
        view.tag,
        replace(view, queue_position=1).tag,
        replace(view, queue_position=None).tag,
        replace(view, stalled=True).tag,
        replace(view, session=replace(session, version=session.version + 1)).tag,
    }
    assert len(tags) == 5
    assert replace(view, began=5.0).tag == view.tag


async def test_the_time_left_is_shown_only_while_processing(harness):
    steps = tuple(replace(step, expected=Expected(1_000, 2_000, 4_000)) for step in STEPS)
    waiting = await start(harness.store, steps=steps)
    assert SessionView(waiting).time_left is None
    register_worker(harness.store)
    running = await claim_session(harness.store, waiting.id)
    half = replace(steps[0], progress_percentage=50.0)
    left = SessionView(replace(running, progress=Progress(steps=(half, steps[1])))).time_left
    assert (left.low, left.middle, left.high) == (1.5, 3.0, 6.0)


async def test_a_run_is_read_once_for_all_who_follow_it(harness, monkeypatch):
    added = [await join(harness.store, f"owner {n}") for n in range(50)]
    register_worker(harness.store)
    run = await claim_session(harness.store, added[0].run.id)
    async with AsyncExitStack() as opened:
        watchers = [await opened.enter_async_context(harness.following(one.session)) for one in added]
        for watched in watchers:
            await shown(watched, lambda view: view.session.status is Status.PROCESSING)
        await harness.has_looked()
        asked = []
        changed = harness.store.changed

        async def counting(seen):
            asked.append(set(seen))
            return await changed(seen)

        monkeypatch.setattr(harness.store, "changed", counting)
        harness.clock.advance(1)
        await harness.change(run, 40.0)
        for watched, one in zip(watchers, added, strict=True):
            view = await shown(watched, lambda view: view.session.progress.percentage == 40.0)
            assert (view.session.id, view.session.owner) == (one.session.id, one.session.owner)
        assert asked == [{run.id}]
        await harness.store.cancel(added[0].session.id, owner=None)
        harness.notifier.publish(Topic.CHANGED, [added[0].session.id])
        await shown(watchers[0], lambda view: view.session.status is Status.CANCELLED)
        await harness.store.finish(claim_of(run), completed())
        harness.notifier.publish(Topic.CHANGED, [run.id])
        for watched in watchers[1:]:
            view = await shown(watched, lambda view: view.session.status.final)
            assert view.session.status is Status.COMPLETED
            assert view.session == await read(harness.store, view.session.id)
        assert harness.watch._following == {}
    assert harness.watch._watched == {}
