"""Contract: reads of sessions, and who may make them."""

# ruff: noqa: S101 - a contract suite consists of assertions

from datetime import timedelta

import pytest

from outlast.domain.crash_policy import SUSPECT_CRASHES
from outlast.domain.status import Status
from outlast.ports.failures import Cursor
from outlast.ports.store import Selection, Store
from outlast.testing.acts import (
    OWNER,
    claim_next,
    claim_of,
    claim_session,
    completed,
    crash,
    failed,
    postponed,
    read,
    register_worker,
    start,
    started_and_claimed,
    update,
)
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures
from outlast.testing.states import AT_WORK, FINAL, STATES


class ReadingContract(StoreFixtures):
    """`get`, `version`, `changed`, `find_missing`, `select`, `count`."""

    async def test_a_session_is_shown_to_its_owner_and_to_operators_alone(self, store: Store) -> None:
        session = await start(store)
        assert await store.get(session.id, owner=OWNER) == session
        assert await store.get(session.id, owner=None) == session
        assert await store.get(session.id, owner="somebody else") is None
        assert await store.get(session.id, owner="") is None
        assert await store.get("a" * 26, owner=None) is None

    async def test_the_version_is_that_of_the_session_and_told_to_its_owner_alone(self, store: Store) -> None:
        session = await start(store)
        assert await store.version(session.id, owner=OWNER) == session.version
        await store.cancel(session.id, owner=None)
        assert await store.version(session.id, owner=OWNER) == (await read(store, session.id)).version
        assert await store.version(session.id, owner="somebody else") is None
        assert await store.version(session.id, owner="") is None
        assert await store.version("a" * 26, owner=OWNER) is None

    async def test_changed_answers_only_the_watched_rows_with_another_version(self, store: Store) -> None:
        same, other, unwatched = [await start(store) for _ in range(3)]
        await store.cancel(other.id, owner=None)
        await store.cancel(unwatched.id, owner=None)
        seen = {same.id: same.version, other.id: other.version, "a" * 26: 1}
        assert await store.changed(seen) == [await read(store, other.id)]

    async def test_changed_also_sees_a_version_that_is_lower_than_the_one_seen(self, store: Store) -> None:
        session = await start(store)
        assert await store.changed({session.id: session.version + 10}) == [session]

    async def test_changed_and_gone_of_nothing_are_empty(self, store: Store) -> None:
        assert await store.changed({}) == []
        assert await store.find_missing([]) == set()

    async def test_hundreds_are_watched_at_once(self, store: Store) -> None:
        session = await start(store)
        seen = {f"{number:026}": 1 for number in range(1_500)} | {session.id: 0}
        assert await store.changed(seen) == [session]
        assert await store.find_missing(list(seen)) == seen.keys() - {session.id}

    async def test_sessions_are_listed_newest_first_up_to_the_limit(self, store: Store, clock: FakeClock) -> None:
        started: list[str] = []
        for _ in range(4):
            started.append((await start(store)).id)
            clock.advance(1)
        listed = await store.select(Selection(limit=3))
        assert [session.id for session in listed] == started[:0:-1]

    @pytest.mark.parametrize("state", ["queued", "running", "completed", "failed", "cancelled while waiting"])
    async def test_of_every_status_the_newest_are_listed_and_of_the_same_time_the_last(
        self, store: Store, clock: FakeClock, state: str
    ) -> None:
        reached = [(await STATES[state](store)).id for _ in range(2)]
        clock.advance(1)
        reached += [(await STATES[state](store)).id for _ in range(2)]
        assert [session.id for session in await store.select(Selection(limit=3))] == reached[:0:-1]

    async def test_the_newest_of_all_are_listed_whatever_their_status(
        self, store: Store, clock: FakeClock
    ) -> None:
        reached: list[str] = []
        for state in ("queued", "running", "completed", "queued", "failed", "running"):
            reached.append((await STATES[state](store)).id)
            clock.advance(1)
        assert [session.id for session in await store.select(Selection(limit=4))] == reached[:1:-1]

    async def test_the_newest_of_an_owner_are_listed_up_to_the_limit(self, store: Store, clock: FakeClock) -> None:
        started: list[str] = []
        for _ in range(4):
            started.append((await start(store)).id)
            clock.advance(1)
        await start(store, owner="somebody else")
        listed = await store.select(Selection(owner=OWNER, limit=2))
        assert [session.id for session in listed] == started[:1:-1]

    async def test_a_list_of_one_owner_continues_after_any_session(self, store: Store, clock: FakeClock) -> None:
        started = [await start(store) for _ in range(3)]  # two or more at the same time
        clock.advance(1)
        started += [await start(store) for _ in range(2)]
        await start(store, owner="somebody else")
        newest_first = [session.id for session in await store.select(Selection(owner=OWNER))]
        assert set(newest_first) == {session.id for session in started}
        walked: list[str] = []
        after = None
        while page := await store.select(Selection(owner=OWNER, limit=1, after=after)):
            walked += [session.id for session in page]
            after = Cursor(page[-1].created_at, page[-1].id)
        assert walked == newest_first
        # the session of the cursor may have left the list or the store
        last = started[3]
        await store.cancel(last.id, owner=OWNER)
        selection = Selection(owner=OWNER, status=Status.PENDING, after=Cursor(last.created_at, last.id))
        remaining = newest_first[newest_first.index(last.id) + 1 :]
        assert [session.id for session in await store.select(selection)] == remaining
        await store.delete(last.id, owner=OWNER)
        assert set(remaining) - {started[4].id} <= {session.id for session in await store.select(selection)}

    async def test_the_version_alone_is_the_one_that_is_read(self, store: Store) -> None:
        quiet, reported = [await started_and_claimed(store) for _ in range(2)]
        await store.report([update(reported, 40)])
        for session in (quiet, reported):
            assert await store.version(session.id, owner=OWNER) == (await read(store, session.id)).version
            assert await store.version(session.id, owner="somebody else") is None

    async def test_a_list_is_restricted_by_owner_status_and_analysis_together(self, store: Store) -> None:
        wanted = await start(store, owner="a", analysis="x")
        await start(store, owner="b", analysis="x")
        await start(store, owner="a", analysis="y")
        ended = await start(store, owner="a", analysis="x")
        await store.cancel(ended.id, owner=None)
        selection = Selection(owner="a", status=Status.PENDING, analysis="x")
        assert await store.select(selection) == [wanted]
        assert len(await store.select(Selection(owner="a"))) == 3
        assert len(await store.select(Selection(analysis="x"))) == 3
        assert len(await store.select(Selection(status=Status.CANCELLED))) == 1

    async def test_every_status_is_counted_also_those_that_nobody_has(self, store: Store) -> None:
        assert await store.count() == dict.fromkeys(Status, 0)
        await start(store)
        await started_and_claimed(store)
        await store.finish(claim_of(await started_and_claimed(store)), completed())
        await store.finish(claim_of(await started_and_claimed(store)), failed())
        assert await store.count() == dict.fromkeys(Status, 1) | {Status.CANCELLED: 0}


class QueuePositionContract(StoreFixtures):
    """`queue_position`."""

    async def test_the_next_one_is_first_and_priority_overtakes(self, store: Store, clock: FakeClock) -> None:
        early = await start(store)
        clock.advance(1)
        late = await start(store)
        clock.advance(1)
        urgent = await start(store, priority=1)
        positions = [await store.queue_position(session.id) for session in (urgent, early, late)]
        assert positions == [1, 2, 3]

    async def test_only_its_own_queue_and_claimable_sessions_go_before_it(
        self, store: Store, clock: FakeClock
    ) -> None:
        await start(store, queue="another")
        postponed_one = await started_and_claimed(store)
        await store.finish(claim_of(postponed_one), postponed(60))
        await STATES["running"](store)
        await STATES["cancelled while waiting"](store)
        clock.advance(1)
        session = await start(store)
        assert await store.queue_position(session.id) == 1
        assert await store.queue_position(postponed_one.id) is None

    @pytest.mark.parametrize("state", [*AT_WORK, *FINAL])
    async def test_a_session_that_is_not_pending_has_no_position(self, store: Store, state: str) -> None:
        session = await STATES[state](store)
        assert await store.queue_position(session.id) is None
        assert await store.queue_position("a" * 26) is None

    async def test_the_position_shrinks_as_others_are_claimed(self, store: Store, clock: FakeClock) -> None:
        first = await start(store)
        clock.advance(1)
        second = await start(store)
        register_worker(store)
        await claim_session(store, first.id)
        assert await store.queue_position(second.id) == 1

    async def test_the_newest_suspect_is_first_and_is_claimed_first(self, store: Store, clock: FakeClock) -> None:
        suspects = [await start(store, subject=f"suspect {n}", priority=int(n == 0)) for n in range(3)]
        for session in suspects:
            await crash(store, session.id, times=SUSPECT_CRASHES)
            clock.advance(1)
        suspects.reverse()
        assert [await store.queue_position(session.id) for session in suspects] == [1, 2, 3]
        for session in suspects:
            register_worker(store)
            assert [s.id for s in await claim_next(store)] == [session.id]
            await store.finish(claim_of(await read(store, session.id)), failed())

    async def test_a_postponed_session_has_a_position_once_its_time_has_come(
        self, store: Store, clock: FakeClock
    ) -> None:
        session = await started_and_claimed(store)
        await store.finish(claim_of(session), postponed(60))
        assert (await read(store, session.id)).available_at == clock.now() + timedelta(seconds=60)
        assert await store.queue_position(session.id) is None
        clock.advance(60)
        assert await store.queue_position(session.id) == 1

    async def test_a_due_suspect_is_not_counted_before_itself(self, store: Store, clock: FakeClock) -> None:
        suspect = await start(store)
        await crash(store, suspect.id, times=SUSPECT_CRASHES)
        register_worker(store)
        await store.finish(claim_of(await claim_session(store, suspect.id)), postponed(5))
        clock.advance(5)
        assert await store.queue_position(suspect.id) == 1
