"""Contract: which sessions a worker may claim, and when."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio

import pytest

from outlast.domain.crash_policy import SUSPECT_CRASHES
from outlast.domain.outcome import End
from outlast.domain.status import Status
from outlast.ports.store import ClaimRequest, Store
from outlast.testing.acts import (
    WORKER,
    claim_next,
    claim_of,
    claim_session,
    crash,
    ids_of,
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
from outlast.testing.states import AT_WORK, FINAL, STATES, WAITING


class ClaimContract(StoreFixtures):
    """`claim` and `claim_one`: the conditions."""

    async def test_a_claim_gives_the_session_to_the_worker(self, store: Store, clock: FakeClock) -> None:
        waiting = await start(store)
        register_worker(store)
        clock.advance(3)
        (session,) = await claim_next(store)
        assert session == await read(store, waiting.id)
        assert (session.status, session.worker_id) == (Status.PROCESSING, WORKER)
        assert (session.claim, session.attempt, session.crashes) == (1, 1, 0)
        assert session.started_at == session.updated_at == clock.now()
        assert session.version > waiting.version

    @pytest.mark.parametrize("state", WAITING)
    async def test_a_pending_session_can_be_claimed_and_each_claim_has_a_new_number(
        self, store: Store, state: str
    ) -> None:
        waiting = await STATES[state](store)
        register_worker(store)
        (session,) = await claim_next(store)
        assert session.claim == waiting.claim + 1
        assert session.attempt == waiting.attempt + 1

    async def test_sessions_that_a_worker_excludes_are_left_to_others(self, store: Store) -> None:
        sessions = [await start(store, subject=f"subject {n}") for n in range(4)]
        await crash(store, sessions[0].id, times=SUSPECT_CRASHES)
        await crash(store, sessions[1].id, times=SUSPECT_CRASHES)
        excluded = [sessions[1].id, sessions[2].id, "a" * 26]
        register_worker(store)
        taken = await store.claim(WORKER, ClaimRequest(["analysis"], ["site"], 1, 2, excluded))
        assert ids_of(taken) == {sessions[3].id}
        register_worker(store, "another")
        taken = await store.claim("another", ClaimRequest(["analysis"], ["site"], 9, 0, excluded))
        assert ids_of(taken) == {sessions[0].id}
        register_worker(store, "third")
        assert ids_of(await claim_next(store, "third")) == {sessions[1].id, sessions[2].id}

    @pytest.mark.parametrize("state", [*AT_WORK, *FINAL])
    async def test_processing_and_final_sessions_cannot_be_claimed(self, store: Store, state: str) -> None:
        session = await STATES[state](store)
        register_worker(store, "another")
        assert await claim_next(store, "another") == []
        assert await store.claim_one("another", session.id) is None
        assert await read(store, session.id) == session

    async def test_started_at_is_when_the_first_attempt_began(self, store: Store, clock: FakeClock) -> None:
        session = await started_and_claimed(store)
        await store.finish(claim_of(session), postponed())
        clock.advance(5)
        assert (await claim_session(store, session.id)).started_at == session.started_at

    async def test_a_worker_that_is_not_registered_gets_nothing(self, store: Store) -> None:
        session = await start(store)
        assert await claim_next(store, "a stranger") == []
        assert await store.claim_one("a stranger", session.id) is None
        assert await read(store, session.id) == session

    async def test_a_worker_gets_only_its_queues_and_analyses(self, store: Store) -> None:
        wanted = await start(store, queue="q2", analysis="a2")
        await start(store, queue="q1", analysis="a2")
        await start(store, queue="q2", analysis="a1")
        register_worker(store)
        assert await claim_next(store, queues=[], analyses=["a1", "a2"]) == []
        assert await claim_next(store, queues=["q1", "q2"], analyses=[]) == []
        assert ids_of(await claim_next(store, queues=["q2", "q3"], analyses=["a2", "a3"])) == {wanted.id}

    async def test_a_postponed_session_is_claimed_when_its_time_has_come_and_not_before(
        self, store: Store, clock: FakeClock
    ) -> None:
        session = await started_and_claimed(store)
        await store.finish(claim_of(session), postponed(30))
        clock.advance(29.5)
        assert await claim_next(store) == []
        assert await store.claim_one(WORKER, session.id) is None
        clock.advance(0.5)
        register_worker(store)
        assert ids_of(await claim_next(store)) == {session.id}

    async def test_an_available_session_stays_so_when_the_wall_clock_goes_back(
        self, store: Store, clock: FakeClock
    ) -> None:
        new, returned = await start(store), await started_and_claimed(store)
        await store.finish(claim_of(returned), released())
        clock.jump_wall(-7_200)
        assert await store.queue_position(new.id) is not None
        assert ids_of(await claim_next(store)) == {new.id, returned.id}

    async def test_a_delay_that_a_clock_jump_made_longer_is_ended(self, store: Store, clock: FakeClock) -> None:
        session, waiting = await started_and_claimed(store), await start(store)
        await store.finish(claim_of(session), postponed(30))
        assert await store.end_future_waits() == 0
        clock.jump_wall(-7_200)
        assert await store.end_future_waits() == 1
        register_worker(store)
        assert ids_of(await claim_next(store)) == {session.id, waiting.id}
        assert await store.end_future_waits() == 0

    async def test_claim_one_takes_that_one_whatever_its_queue_and_priority(self, store: Store) -> None:
        await start(store, priority=9)
        wanted = await start(store, queue="another")
        register_worker(store)
        session = await store.claim_one(WORKER, wanted.id)
        assert session is not None
        assert (session.id, session.claim, session.worker_id) == (wanted.id, 1, WORKER)
        assert await store.claim_one(WORKER, wanted.id) is None
        assert await store.claim_one(WORKER, "a" * 26) is None


class ClaimOrderContract(StoreFixtures):
    """`claim`: which first, and how many."""

    async def test_larger_priority_goes_first_then_who_waits_longest(self, store: Store, clock: FakeClock) -> None:
        order: list[str] = []
        for priority in (0, 5, 0, -1, 5):
            order.append((await start(store, priority=priority)).id)
            clock.advance(1)
        register_worker(store)
        claimed = [session.id for _ in order for session in await claim_next(store, limit=1)]
        assert claimed == [order[1], order[4], order[0], order[2], order[3]]

    async def test_no_more_are_claimed_than_asked_for_and_the_first_ones_are(
        self, store: Store, clock: FakeClock
    ) -> None:
        started: list[str] = []
        for _ in range(5):
            started.append((await start(store)).id)
            clock.advance(1)
        register_worker(store)
        assert await claim_next(store, limit=0) == []
        assert ids_of(await claim_next(store, limit=3)) == set(started[:3])
        assert ids_of(await claim_next(store, limit=10)) == set(started[3:])

    async def test_many_workers_at_once_never_take_the_same_session(self, store: Store) -> None:
        started = {(await start(store)).id for _ in range(20)}
        for number in range(5):
            register_worker(store, f"worker-{number}")
        answers = await asyncio.gather(
            *(claim_next(store, f"worker-{number % 5}", limit=2) for number in range(20))
        )
        claimed = [session.id for answer in answers for session in answer]
        assert len(claimed) == len(started)
        assert set(claimed) == started

    async def test_at_most_one_suspect_is_claimed_and_others_are_not_delayed(self, store: Store) -> None:
        suspects: set[str] = set()
        for _ in range(3):
            suspect = await start(store, priority=9)
            await crash(store, suspect.id, times=2)
            suspects.add(suspect.id)
        honest = {(await start(store)).id for _ in range(3)}
        register_worker(store)
        assert ids_of(await claim_next(store, limit=2, most_crashes=1)) < honest
        mixed = ids_of(await claim_next(store, limit=2))
        assert len(mixed & suspects) == 1
        assert len(mixed & honest) == 1
        assert await claim_next(store, most_crashes=1) == []
        assert len(await claim_next(store)) == 1

    async def test_one_crash_makes_no_suspect(self, store: Store) -> None:
        session = await start(store)
        await crash(store, session.id)
        register_worker(store)
        assert ids_of(await claim_next(store, most_crashes=1)) == {session.id}

    async def test_a_suspect_and_another_session_with_crashes_never_run_together(self, store: Store) -> None:
        fallen, fresh = [await start(store) for _ in range(2)]
        suspect = await start(store, priority=9)
        await crash(store, fallen.id)
        await crash(store, suspect.id, times=2)
        register_worker(store)
        assert ids_of(await claim_next(store)) == {suspect.id, fresh.id}
        assert await claim_next(store, most_crashes=2) == []
        assert ids_of(await claim_next(store, most_crashes=1)) == {fallen.id}

    @pytest.mark.parametrize(
        "end", [None, "leave", "lapse", released(), postponed(), postponed(5), postponed(9_000)]
    )
    async def test_a_suspect_stays_a_suspect_however_it_became_pending_again(
        self, store: Store, clock: FakeClock, end: End | str | None
    ) -> None:
        suspect = await start(store)
        await crash(store, suspect.id, times=2)
        if end is not None:
            register_worker(store, "once")
            taken = await claim_session(store, suspect.id, "once")
            if end == "leave":
                await store.release_worker("once")
            elif end == "lapse":
                await lapse(store, "once")
            elif not isinstance(end, str):
                await store.finish(claim_of(taken), end)
        clock.advance(5)
        if end == postponed(9_000):
            clock.jump_wall(-7_200)
            assert await store.end_future_waits() == 1
        register_worker(store)
        assert await claim_next(store, most_crashes=1) == []
        assert ids_of(await claim_next(store)) == {suspect.id}

    async def test_a_suspect_that_is_not_claimed_delays_no_other_session(self, store: Store) -> None:
        fallen = await start(store, priority=9)
        suspect = await start(store)
        await crash(store, fallen.id)
        await crash(store, suspect.id, times=2)
        register_worker(store)
        assert ids_of(await claim_next(store, limit=1)) == {fallen.id}

    async def test_the_number_of_attempts_is_limited_anew_by_the_current_claim_alone(self, store: Store) -> None:
        session = await started_and_claimed(store)
        assert await store.limit_attempts(claim_of(session), 7)
        assert (await read(store, session.id)).max_attempts == 7
        await store.finish(claim_of(session), released())
        assert not await store.limit_attempts(claim_of(session), 9)
        assert (await read(store, session.id)).max_attempts == 7
