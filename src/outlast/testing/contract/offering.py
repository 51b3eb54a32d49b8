"""Contract: which sessions are offered to a fleet behind a broker."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio

from outlast.ports.dispatcher import WaitingSession
from outlast.ports.store import Store
from outlast.testing.acts import (
    claim_next,
    claim_of,
    claim_session,
    completed,
    crash,
    failed,
    postponed,
    read,
    register_worker,
    released,
    start,
    started_and_claimed,
)
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures

AGAIN = 60.0


async def offered(store: Store, limit: int = 100) -> list[str]:
    return [waiting.session_id for waiting in await store.offer(again_after=AGAIN, limit=limit)]


class OfferContract(StoreFixtures):
    """`offer`."""

    async def test_a_start_counts_as_an_offer_and_what_waits_too_long_is_offered_again(
        self, store: Store, clock: FakeClock
    ) -> None:
        session = await start(store)
        assert await offered(store) == []
        clock.advance(AGAIN - 0.5)
        assert await offered(store) == []
        clock.advance(0.5)
        assert await offered(store) == [session.id]
        assert await offered(store) == []
        clock.advance(AGAIN)
        assert await offered(store) == [session.id]

    async def test_an_offer_says_what_a_broker_needs_to_route_it(self, store: Store, clock: FakeClock) -> None:
        session = await start(store, queue="slow", priority=7, analysis="another")
        clock.advance(AGAIN)
        assert await store.offer(again_after=AGAIN, limit=1) == [WaitingSession(session.id, "slow", 7, "another")]

    async def test_an_offer_is_no_change_of_the_session(self, store: Store, clock: FakeClock) -> None:
        session = await start(store)
        clock.advance(AGAIN)
        assert await offered(store) == [session.id]
        assert await read(store, session.id) == session
        register_worker(store)
        assert [s.id for s in await claim_next(store)] == [session.id]

    async def test_a_session_that_became_available_again_is_offered_at_once_and_once(self, store: Store) -> None:
        returned, put_off, crashed, suspect, ended = [await started_and_claimed(store) for _ in range(5)]
        await store.finish(claim_of(returned), released())
        await store.finish(claim_of(put_off), postponed(0))
        await store.finish(claim_of(ended), failed())
        for session in (crashed, suspect):
            await store.finish(claim_of(session), released())
        assert len(await offered(store)) == 4
        await crash(store, crashed.id)
        await crash(store, suspect.id, times=2)
        assert await store.retry(ended.id, owner=None, attempts=1) is not None
        assert set(await offered(store)) == {crashed.id, suspect.id, ended.id}
        assert await offered(store) == []

    async def test_a_released_session_is_offered(self, store: Store) -> None:
        session = await started_and_claimed(store, "leaver")
        await store.release_worker("leaver")
        assert await offered(store) == [session.id]

    async def test_postponed_processing_and_final_sessions_are_not_offered(
        self, store: Store, clock: FakeClock
    ) -> None:
        later, held, done, cancelled = [await started_and_claimed(store) for _ in range(4)]
        await store.finish(claim_of(later), postponed(2 * AGAIN))
        await store.finish(claim_of(done), completed())
        await store.cancel(cancelled.id, owner=None)
        await store.finish(claim_of(cancelled), released())
        assert await offered(store) == []
        clock.advance(2 * AGAIN)
        assert await offered(store) == [later.id]
        register_worker(store)
        await claim_session(store, later.id)
        clock.advance(AGAIN)
        assert await offered(store) == []
        assert (await read(store, held.id)).claim == held.claim

    async def test_no_more_are_offered_than_asked_for_and_larger_priority_goes_first(
        self, store: Store, clock: FakeClock
    ) -> None:
        plain = [(await start(store)).id for _ in range(3)]
        urgent = (await start(store, priority=5)).id
        clock.advance(AGAIN)
        assert await offered(store, limit=0) == []
        first = await offered(store, limit=2)
        rest = await offered(store)
        assert sorted(first + rest) == sorted([*plain, urgent])
        assert len(first) == 2
        clock.advance(AGAIN)
        assert (await offered(store))[0] == urgent

    async def test_many_callers_at_once_never_offer_the_same_session(self, store: Store, clock: FakeClock) -> None:
        started = sorted([(await start(store)).id for _ in range(20)])
        clock.advance(AGAIN)
        answers = await asyncio.gather(*(offered(store, limit=3) for _ in range(20)))
        assert sorted(session_id for answer in answers for session_id in answer) == started

    async def test_a_clock_jump_backwards_hides_no_pending_session(self, store: Store, clock: FakeClock) -> None:
        session = await start(store)
        clock.jump_wall(-7_200)
        assert await offered(store) == [session.id]
        assert await offered(store) == []
