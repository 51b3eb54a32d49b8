"""Contract: which sessions a worker may claim, and when."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio

import pytest

from outlast.domain.outcome import End
from outlast.domain.retry import SUSPECT_CRASHES
from outlast.domain.status import Status
from outlast.testing.acts import (
    WORKER,
    WholeStore,
    crash,
    enter,
    ids_of,
    lapse,
    postponed,
    read,
    released,
    right,
    start,
    started_and_claimed,
    take,
    take_one,
)
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures
from outlast.testing.states import AT_WORK, FINAL, STATES, WAITING


class ClaimContract(StoreFixtures):
    """`claim` and `claim_one`: the conditions."""

    async def test_a_claim_makes_the_session_the_workers_own(self, store: WholeStore, clock: FakeClock) -> None:
        waiting = await start(store)
        enter(store)
        clock.advance(3)
        (session,) = await take(store)
        assert session == await read(store, waiting.id)
        assert (session.status, session.worker_id) == (Status.PROCESSING, WORKER)
        assert (session.claim, session.attempt, session.crashes) == (1, 1, 0)
        assert session.started_at == session.updated_at == clock.now()
        assert session.version > waiting.version

    @pytest.mark.parametrize("state", WAITING)
    async def test_what_waits_can_be_claimed_and_each_claim_has_a_new_number(
        self, store: WholeStore, state: str
    ) -> None:
        waiting = await STATES[state](store)
        enter(store)
        (session,) = await take(store)
        assert session.claim == waiting.claim + 1
        assert session.attempt == waiting.attempt + 1

    async def test_what_a_worker_passes_over_is_left_to_others(self, store: WholeStore) -> None:
        sessions = [await start(store, subject=f"subject {n}") for n in range(4)]
        await crash(store, sessions[0].id, times=SUSPECT_CRASHES)
        await crash(store, sessions[1].id, times=SUSPECT_CRASHES)
        passed_over = [sessions[1].id, sessions[2].id, "a" * 26]
        enter(store)
        taken = await store.claim(
            WORKER, queues=["analysis"], analyses=["site"], limit=1, beside=2, passing_over=passed_over
        )
        assert ids_of(taken) == {sessions[3].id}
        enter(store, "another")
        taken = await store.claim(
            "another", queues=["analysis"], analyses=["site"], limit=9, beside=0, passing_over=passed_over
        )
        assert ids_of(taken) == {sessions[0].id}
        enter(store, "third")
        assert ids_of(await take(store, "third")) == {sessions[1].id, sessions[2].id}

    @pytest.mark.parametrize("state", [*AT_WORK, *FINAL])
    async def test_what_is_at_work_or_final_cannot_be_claimed(self, store: WholeStore, state: str) -> None:
        session = await STATES[state](store)
        enter(store, "another")
        assert await take(store, "another") == []
        assert await store.claim_one("another", session.id) is None
        assert await read(store, session.id) == session

    async def test_started_at_is_when_the_first_attempt_began(self, store: WholeStore, clock: FakeClock) -> None:
        session = await started_and_claimed(store)
        await store.finish(right(session), postponed())
        clock.advance(5)
        assert (await take_one(store, session.id)).started_at == session.started_at

    async def test_a_worker_that_is_not_registered_gets_nothing(self, store: WholeStore) -> None:
        session = await start(store)
        assert await take(store, "a stranger") == []
        assert await store.claim_one("a stranger", session.id) is None
        assert await read(store, session.id) == session

    async def test_a_worker_gets_only_its_queues_and_analyses(self, store: WholeStore) -> None:
        wanted = await start(store, queue="q2", analysis="a2")
        await start(store, queue="q1", analysis="a2")
        await start(store, queue="q2", analysis="a1")
        enter(store)
        assert await take(store, queues=[], analyses=["a1", "a2"]) == []
        assert await take(store, queues=["q1", "q2"], analyses=[]) == []
        assert ids_of(await take(store, queues=["q2", "q3"], analyses=["a2", "a3"])) == {wanted.id}

    async def test_a_postponed_session_is_claimed_when_its_time_has_come_and_not_before(
        self, store: WholeStore, clock: FakeClock
    ) -> None:
        session = await started_and_claimed(store)
        await store.finish(right(session), postponed(30))
        clock.advance(29.5)
        assert await take(store) == []
        assert await store.claim_one(WORKER, session.id) is None
        clock.advance(0.5)
        enter(store)
        assert ids_of(await take(store)) == {session.id}

    async def test_what_was_available_stays_so_when_the_wall_clock_goes_back(
        self, store: WholeStore, clock: FakeClock
    ) -> None:
        new, given_back = await start(store), await started_and_claimed(store)
        await store.finish(right(given_back), released())
        clock.jump_wall(-7_200)
        assert await store.queue_position(new.id) is not None
        assert ids_of(await take(store)) == {new.id, given_back.id}

    async def test_a_wait_that_a_step_of_the_wall_clock_made_longer_is_ended(
        self, store: WholeStore, clock: FakeClock
    ) -> None:
        session, waiting = await started_and_claimed(store), await start(store)
        await store.finish(right(session), postponed(30))
        assert await store.end_future_waits() == 0
        clock.jump_wall(-7_200)
        assert await store.end_future_waits() == 1
        enter(store)
        assert ids_of(await take(store)) == {session.id, waiting.id}
        assert await store.end_future_waits() == 0

    async def test_claim_one_takes_that_one_whatever_its_queue_and_priority(self, store: WholeStore) -> None:
        await start(store, priority=9)
        wanted = await start(store, queue="another")
        enter(store)
        session = await store.claim_one(WORKER, wanted.id)
        assert session is not None
        assert (session.id, session.claim, session.worker_id) == (wanted.id, 1, WORKER)
        assert await store.claim_one(WORKER, wanted.id) is None
        assert await store.claim_one(WORKER, "a" * 26) is None


class ClaimOrderContract(StoreFixtures):
    """`claim`: which first, and how many."""

    async def test_larger_priority_goes_first_then_who_waits_longest(
        self, store: WholeStore, clock: FakeClock
    ) -> None:
        order: list[str] = []
        for priority in (0, 5, 0, -1, 5):
            order.append((await start(store, priority=priority)).id)
            clock.advance(1)
        enter(store)
        claimed = [session.id for _ in order for session in await take(store, limit=1)]
        assert claimed == [order[1], order[4], order[0], order[2], order[3]]

    async def test_no_more_are_claimed_than_asked_for_and_the_first_ones_are(
        self, store: WholeStore, clock: FakeClock
    ) -> None:
        started: list[str] = []
        for _ in range(5):
            started.append((await start(store)).id)
            clock.advance(1)
        enter(store)
        assert await take(store, limit=0) == []
        assert ids_of(await take(store, limit=3)) == set(started[:3])
        assert ids_of(await take(store, limit=10)) == set(started[3:])

    async def test_many_workers_at_once_never_take_the_same_session(self, store: WholeStore) -> None:
        started = {(await start(store)).id for _ in range(20)}
        for number in range(5):
            enter(store, f"worker-{number}")
        answers = await asyncio.gather(*(take(store, f"worker-{number % 5}", limit=2) for number in range(20)))
        claimed = [session.id for answer in answers for session in answer]
        assert len(claimed) == len(started)
        assert set(claimed) == started

    async def test_of_suspects_at_most_so_many_are_claimed_and_the_others_are_not_held_up(
        self, store: WholeStore
    ) -> None:
        suspects: set[str] = set()
        for _ in range(3):
            suspect = await start(store, priority=9)
            await crash(store, suspect.id, times=2)
            suspects.add(suspect.id)
        honest = {(await start(store)).id for _ in range(3)}
        enter(store)
        assert ids_of(await take(store, limit=2, beside=1)) < honest
        mixed = ids_of(await take(store, limit=2))
        assert len(mixed & suspects) == 1
        assert len(mixed & honest) == 1
        assert await take(store, beside=1) == []
        assert len(await take(store)) == 1

    async def test_one_crash_makes_no_suspect(self, store: WholeStore) -> None:
        session = await start(store)
        await crash(store, session.id)
        enter(store)
        assert ids_of(await take(store, beside=1)) == {session.id}

    async def test_a_suspect_and_another_that_has_fallen_are_never_together(self, store: WholeStore) -> None:
        fallen, fresh = [await start(store) for _ in range(2)]
        suspect = await start(store, priority=9)
        await crash(store, fallen.id)
        await crash(store, suspect.id, times=2)
        enter(store)
        assert ids_of(await take(store)) == {suspect.id, fresh.id}
        assert await take(store, beside=2) == []
        assert ids_of(await take(store, beside=1)) == {fallen.id}

    @pytest.mark.parametrize(
        "end", [None, "leave", "lapse", released(), postponed(), postponed(5), postponed(9_000)]
    )
    async def test_a_suspect_stays_one_however_it_came_to_wait_again(
        self, store: WholeStore, clock: FakeClock, end: End | str | None
    ) -> None:
        suspect = await start(store)
        await crash(store, suspect.id, times=2)
        if end is not None:
            enter(store, "once")
            taken = await take_one(store, suspect.id, "once")
            if end == "leave":
                await store.release_worker("once")
            elif end == "lapse":
                await lapse(store, "once")
            elif not isinstance(end, str):
                await store.finish(right(taken), end)
        clock.advance(5)
        if end == postponed(9_000):
            clock.jump_wall(-7_200)
            assert await store.end_future_waits() == 1
        enter(store)
        assert await take(store, beside=1) == []
        assert ids_of(await take(store)) == {suspect.id}

    async def test_a_suspect_that_is_not_taken_keeps_nobody_waiting(self, store: WholeStore) -> None:
        fallen = await start(store, priority=9)
        suspect = await start(store)
        await crash(store, fallen.id)
        await crash(store, suspect.id, times=2)
        enter(store)
        assert ids_of(await take(store, limit=1)) == {fallen.id}
