"""Contract: durations do not depend on jumps of the wall clock, and no session ends before it starts."""

# ruff: noqa: S101 - a contract suite consists of assertions

import pytest

from outlast.domain.outcome import End
from outlast.testing.acts import (
    WORKER,
    WholeStore,
    cancelled,
    completed,
    death_of,
    enter,
    failed,
    lapse,
    postponed,
    read,
    released,
    right,
    start,
    started_and_claimed,
    take_one,
)
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures

JUMPS = [7_200, -7_200, 86_400 * 400, -86_400 * 400]


class TimingContract(StoreFixtures):
    """`waited_ms`, `worked_ms`, and the order of the times."""

    async def test_waits_and_work_add_up_over_attempts(self, store: WholeStore, clock: FakeClock) -> None:
        session = await start(store)
        clock.advance(2)
        assert (await read(store, session.id)).waited_ms == 2_000
        for worker, end in (("one", released()), ("two", postponed()), ("three", completed())):
            enter(store, worker)
            taken = await take_one(store, session.id, worker)
            clock.advance(3)
            row = await read(store, session.id)
            assert row.worked_ms == taken.worked_ms + 3_000
            await store.finish(right(taken), end, worked=3.0)
            clock.advance(1)
        row = await read(store, session.id)
        assert (row.waited_ms, row.worked_ms, row.elapsed_ms) == (4_000, 9_000, 13_000)

    @pytest.mark.parametrize("jump", JUMPS)
    @pytest.mark.parametrize("end", [completed(), failed(), cancelled(), postponed(), released()])
    async def test_a_jump_while_it_is_worked_on_makes_no_session_longer_and_none_end_before_it_began(
        self, store: WholeStore, clock: FakeClock, jump: float, end: End
    ) -> None:
        waiting = await start(store)
        clock.advance(2)
        enter(store)
        session = await take_one(store, waiting.id)
        clock.advance(0.5)
        clock.jump_wall(jump)
        assert await store.finish(right(session), end, worked=0.5)
        row = await read(store, session.id)
        assert row.worked_ms == 500
        if row.status.final:
            clock.advance(60)
            assert (await read(store, session.id)).elapsed_ms == 2_500
        assert row.started_at is not None
        assert row.created_at <= row.started_at <= (row.completed_at or row.started_at)

    @pytest.mark.parametrize("jump", [-7_200, -86_400 * 400])
    async def test_a_jump_back_while_it_waits_is_no_negative_wait(
        self, store: WholeStore, clock: FakeClock, jump: float
    ) -> None:
        session = await start(store)
        other = await start(store)
        clock.jump_wall(jump)
        assert (await read(store, session.id)).elapsed_ms == 0
        enter(store)
        row = await take_one(store, session.id)
        assert row.started_at is not None
        assert row.started_at >= row.created_at
        assert row.elapsed_ms == 0
        await store.cancel(other.id, owner=None)
        row = await read(store, other.id)
        assert row.completed_at is not None
        assert row.completed_at >= row.created_at

    async def test_what_a_dead_or_silent_worker_held_is_counted_too(
        self, store: WholeStore, clock: FakeClock
    ) -> None:
        session = await started_and_claimed(store)
        clock.advance(3)
        await store.rescue_worker(WORKER, death_of())
        assert (await read(store, session.id)).worked_ms == 3_000
        enter(store)
        await take_one(store, session.id)
        clock.advance(2)
        await lapse(store)
        row = await read(store, session.id)
        assert (row.waited_ms, row.worked_ms) == (0, 5_000)

    async def test_what_is_cancelled_while_it_waits_has_waited(self, store: WholeStore, clock: FakeClock) -> None:
        session = await start(store)
        clock.advance(7)
        await store.cancel(session.id, owner=None)
        clock.advance(7)
        assert (await read(store, session.id)).elapsed_ms == 7_000
