"""Contract: durations do not depend on jumps of the wall clock, and no session ends before it starts."""

# ruff: noqa: S101 - a contract suite consists of assertions

import pytest

from outlast.domain.outcome import End
from outlast.ports.store import Store
from outlast.testing.acts import (
    WORKER,
    cancelled,
    claim_of,
    claim_session,
    completed,
    death_of,
    failed,
    lapse,
    postponed,
    read,
    register_worker,
    released,
    start,
    started_and_claimed,
)
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures

JUMPS = [7_200, -7_200, 86_400 * 400, -86_400 * 400]


class TimingContract(StoreFixtures):
    """`waited_ms`, `worked_ms`, and the order of the times."""

    async def test_waiting_and_working_times_add_up_over_attempts(self, store: Store, clock: FakeClock) -> None:
        session = await start(store)
        clock.advance(2)
        assert (await read(store, session.id)).waited_ms == 2_000
        for worker, end in (("one", released()), ("two", postponed()), ("three", completed())):
            register_worker(store, worker)
            taken = await claim_session(store, session.id, worker)
            clock.advance(3)
            row = await read(store, session.id)
            assert row.worked_ms == taken.worked_ms + 3_000
            await store.finish(claim_of(taken), end, worked=3.0)
            clock.advance(1)
        row = await read(store, session.id)
        assert (row.waited_ms, row.worked_ms, row.elapsed_ms) == (4_000, 9_000, 13_000)

    @pytest.mark.parametrize("jump", JUMPS)
    @pytest.mark.parametrize("end", [completed(), failed(), cancelled(), postponed(), released()])
    async def test_a_clock_jump_during_an_attempt_changes_no_duration_and_no_order_of_times(
        self, store: Store, clock: FakeClock, jump: float, end: End
    ) -> None:
        waiting = await start(store)
        clock.advance(2)
        register_worker(store)
        session = await claim_session(store, waiting.id)
        clock.advance(0.5)
        clock.jump_wall(jump)
        assert await store.finish(claim_of(session), end, worked=0.5)
        row = await read(store, session.id)
        assert row.worked_ms == 500
        if row.status.final:
            clock.advance(60)
            assert (await read(store, session.id)).elapsed_ms == 2_500
        assert row.started_at is not None
        assert row.created_at <= row.started_at <= (row.completed_at or row.started_at)

    @pytest.mark.parametrize("jump", [-7_200, -86_400 * 400])
    async def test_a_clock_jump_backwards_during_a_wait_makes_no_negative_duration(
        self, store: Store, clock: FakeClock, jump: float
    ) -> None:
        session = await start(store)
        other = await start(store)
        clock.jump_wall(jump)
        assert (await read(store, session.id)).elapsed_ms == 0
        register_worker(store)
        row = await claim_session(store, session.id)
        assert row.started_at is not None
        assert row.started_at >= row.created_at
        assert row.elapsed_ms == 0
        await store.cancel(other.id, owner=None)
        row = await read(store, other.id)
        assert row.completed_at is not None
        assert row.completed_at >= row.created_at

    async def test_sessions_of_dead_workers_count_as_in_flight(self, store: Store, clock: FakeClock) -> None:
        session = await started_and_claimed(store)
        clock.advance(3)
        await store.rescue_worker(WORKER, death_of())
        assert (await read(store, session.id)).worked_ms == 3_000
        register_worker(store)
        await claim_session(store, session.id)
        clock.advance(2)
        await lapse(store)
        row = await read(store, session.id)
        assert (row.waited_ms, row.worked_ms) == (0, 5_000)

    async def test_a_cancelled_pending_session_has_its_waiting_time(self, store: Store, clock: FakeClock) -> None:
        session = await start(store)
        clock.advance(7)
        await store.cancel(session.id, owner=None)
        clock.advance(7)
        assert (await read(store, session.id)).elapsed_ms == 7_000
