"""Contract: sessions outlive their workers, and nothing but a lease or a deadline takes them away."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio

import pytest

from outlast.domain.retry import MAX_CRASHES
from outlast.domain.session import Claim
from outlast.domain.status import Phase, Status
from outlast.ports.store import DEADLINE_GRACE
from outlast.ports.workers import LEASE, RENEW_EVERY
from outlast.testing.acts import (
    WORKER,
    WholeStore,
    completed,
    crash,
    enter,
    ids_of,
    kept,
    read,
    released,
    right,
    start,
    started_and_claimed,
    take,
    take_one,
    update,
)
from outlast.testing.clock import FakeClock
from outlast.testing.contract.room import StoreRoom
from outlast.testing.states import STATES


async def _worker_ids(store: WholeStore) -> set[str]:
    return {worker.id for worker in await store.workers()}


class LeaseContract(StoreRoom):
    """`rescue`: when."""

    async def test_a_worker_whose_lease_has_ended_loses_all_it_holds(
        self, store: WholeStore, clock: FakeClock
    ) -> None:
        sessions = [await started_and_claimed(store) for _ in range(3)]
        clock.advance(LEASE + 0.1)
        assert set(await store.rescue()) == {session.id for session in sessions}
        assert await _worker_ids(store) == set()
        assert (await store.count())[Status.PENDING] == 3
        assert await store.rescue() == []

    async def test_nothing_is_taken_before_the_lease_ends(self, store: WholeStore, clock: FakeClock) -> None:
        session = await started_and_claimed(store)
        clock.advance(LEASE - 0.1)
        assert await store.rescue() == []
        assert await read(store, session.id) == session
        assert await _worker_ids(store) == {WORKER}

    async def test_a_renewed_lease_lasts_from_the_renewal(self, store: WholeStore, clock: FakeClock) -> None:
        session = await started_and_claimed(store)
        lease = store.lease()
        for _ in range(10):
            clock.advance(RENEW_EVERY)
            assert lease.renew(WORKER) is not None
            assert await store.rescue() == []
        lease.close()
        clock.advance(LEASE + 0.1)
        assert await store.rescue() == [session.id]

    @pytest.mark.parametrize("jump", [7_200, -7_200, 86_400 * 400, -86_400 * 400])
    async def test_no_jump_of_a_machines_wall_clock_ends_a_lease_or_lengthens_it(
        self, store: WholeStore, clock: FakeClock, jump: float
    ) -> None:
        session = await started_and_claimed(store)
        self.jump_the_machines_wall_clock(clock, jump)
        assert await store.rescue() == []
        assert [worker.alive for worker in await store.workers()] == [True]
        clock.advance(LEASE + 0.1)
        assert await store.rescue() == [session.id]

    async def test_only_the_dead_are_rescued_from(self, store: WholeStore, clock: FakeClock) -> None:
        dead = await started_and_claimed(store, "dead")
        clock.advance(LEASE - 1)
        alive = await started_and_claimed(store, "alive")
        clock.advance(2)
        assert await store.rescue() == [dead.id]
        assert await read(store, alive.id) == alive
        assert await _worker_ids(store) == {"alive"}

    async def test_a_dead_worker_that_holds_nothing_is_forgotten_too(
        self, store: WholeStore, clock: FakeClock
    ) -> None:
        enter(store)
        clock.advance(LEASE + 0.1)
        assert await store.rescue() == []
        assert await _worker_ids(store) == set()

    async def test_a_session_past_its_deadline_is_taken_from_a_living_worker(
        self, store: WholeStore, clock: FakeClock
    ) -> None:
        overdue = await started_and_claimed(store, timeout=10.0)
        fine = await started_and_claimed(store, timeout=100.0)
        lease = store.lease()
        clock.advance(10)
        assert lease.renew(WORKER) is not None
        assert await store.rescue() == []
        clock.advance(DEADLINE_GRACE + 0.1 - 1)
        lease.renew(WORKER)
        clock.advance(1)
        assert await store.rescue() == [overdue.id]
        assert await _worker_ids(store) == {WORKER}
        beat = lease.renew(WORKER)
        lease.close()
        assert beat is not None
        assert beat.held == {right(fine)}
        row = await read(store, overdue.id)
        assert (row.status, row.attempt, row.crashes) == (Status.PENDING, 0, 1)

    async def test_each_claim_has_a_deadline_of_its_own(self, store: WholeStore, clock: FakeClock) -> None:
        session = await started_and_claimed(store, timeout=10.0)
        lease = store.lease()
        for _ in range(4):
            clock.advance(9)
            lease.renew(WORKER)
            assert await store.rescue() == []
            await store.finish(right(session), released())
            session = await take_one(store, session.id)
        lease.close()

    async def test_many_rescuers_at_once_rescue_once(self, store: WholeStore, clock: FakeClock) -> None:
        sessions = [await started_and_claimed(store) for _ in range(3)]
        clock.advance(LEASE + 0.1)
        answers = await asyncio.gather(*(store.rescue() for _ in range(6)))
        rescued = [session_id for answer in answers for session_id in answer]
        assert sorted(rescued) == sorted(session.id for session in sessions)
        assert {(await read(store, session.id)).crashes for session in sessions} == {1}


class RescueContract(StoreRoom):
    """`rescue`, `rescue_worker`: how."""

    async def test_a_rescued_session_waits_again_unspent_without_backoff(
        self, store: WholeStore, clock: FakeClock
    ) -> None:
        session = await started_and_claimed(store)
        await store.keep_step(right(session), kept())
        await store.report([update(session, 40)])
        clock.advance(1)
        assert await store.rescue_worker(WORKER) == [session.id]
        row = await read(store, session.id)
        assert (row.status, row.phase, row.worker_id) == (Status.PENDING, Phase.QUEUED, None)
        assert (row.attempt, row.crashes, row.claim) == (0, 1, session.claim)
        assert row.available_at <= clock.now()
        assert row.progress.percentage == 40
        assert list(await store.kept_steps(session.id)) == [kept()]
        (line,) = await store.history(session.id)
        assert (line.claim, line.attempt, line.worker_id) == (session.claim, 1, WORKER)
        assert (line.ended, line.ended_at) == ("crashed", clock.now())
        enter(store, "another")
        assert [taken.id for taken in await take(store, "another")] == [session.id]

    async def test_one_worker_known_to_be_dead_is_rescued_from_at_once(self, store: WholeStore) -> None:
        mine = await started_and_claimed(store, "mine")
        other = await started_and_claimed(store, "other")
        assert await store.rescue_worker("mine") == [mine.id]
        assert await store.rescue_worker("mine") == []
        assert await store.rescue_worker("a stranger") == []
        assert await read(store, other.id) == other
        assert await _worker_ids(store) == {"other"}
        lease = store.lease()
        assert lease.renew("mine") is None
        lease.close()

    async def test_all_that_fall_together_have_a_crash_more(self, store: WholeStore) -> None:
        sessions = [await started_and_claimed(store) for _ in range(3)]
        await store.rescue_worker(WORKER)
        assert {(await read(store, session.id)).crashes for session in sessions} == {1}

    async def test_blame_is_found_worker_by_worker(self, store: WholeStore, clock: FakeClock) -> None:
        old, new = await start(store), await start(store)
        await crash(store, old.id)
        enter(store, "one")
        enter(store, "two")
        await take_one(store, old.id, "one")
        await take_one(store, new.id, "two")
        clock.advance(LEASE + 0.1)
        await store.rescue()
        assert (await read(store, old.id)).crashes == 2
        assert (await read(store, new.id)).crashes == 1

    async def test_what_kills_its_worker_again_and_again_is_put_into_quarantine(
        self, store: WholeStore, clock: FakeClock
    ) -> None:
        session = await start(store)
        await crash(store, session.id, MAX_CRASHES - 1)
        assert (await read(store, session.id)).status == Status.PENDING
        clock.advance(1)
        await crash(store, session.id)
        row = await read(store, session.id)
        assert (row.status, row.error_code, row.crashes) == (Status.FAILED, "quarantined", MAX_CRASHES)
        assert row.error
        assert row.completed_at == clock.now()
        assert len(await store.history(session.id)) == MAX_CRASHES
        enter(store)
        assert await take(store) == []

    async def test_of_several_that_have_fallen_before_none_is_quarantined(self, store: WholeStore) -> None:
        suspect, crashed, fresh = [await start(store) for _ in range(3)]
        await crash(store, suspect.id, MAX_CRASHES - 1)
        await crash(store, crashed.id)
        enter(store)
        for session in (suspect, crashed, fresh):  # as requests do, which take their own
            await take_one(store, session.id)
        await store.rescue_worker(WORKER)  # any of the first two may be the killer
        crashes = [(await read(store, session.id)).crashes for session in (suspect, crashed, fresh)]
        assert crashes == [MAX_CRASHES - 1, MAX_CRASHES - 1, 1]

    async def test_neighbours_of_killers_are_never_quarantined(self, store: WholeStore) -> None:
        killers = {(await start(store)).id for _ in range(3)}
        neighbours = {(await start(store)).id for _ in range(6)}
        deaths = 0
        for _ in range(30):
            enter(store)
            taken = await take(store)
            if killers & ids_of(taken):
                deaths += 1
                await store.rescue_worker(WORKER)
                continue
            for session in taken:
                await store.finish(right(session), completed())
        assert {(await read(store, i)).error_code for i in killers} == {"quarantined"}
        assert {(await read(store, i)).status for i in neighbours} == {Status.COMPLETED}
        assert deaths <= MAX_CRASHES * len(killers)

    async def test_with_a_cancel_request_it_is_cancelled(self, store: WholeStore, clock: FakeClock) -> None:
        session = await start(store)
        await crash(store, session.id, MAX_CRASHES - 1)
        enter(store)
        await take_one(store, session.id)
        await store.cancel(session.id, owner=None)
        assert await store.rescue_worker(WORKER) == [session.id]
        row = await read(store, session.id)
        assert (row.status, row.error_code) == (Status.CANCELLED, None)
        assert row.completed_at == clock.now()


class ReleaseWorkerContract(StoreRoom):
    """`release_worker`."""

    async def test_an_orderly_end_gives_everything_back_unspent_and_without_blame(
        self, store: WholeStore, clock: FakeClock
    ) -> None:
        sessions = [await started_and_claimed(store) for _ in range(3)]
        other = await started_and_claimed(store, "other")
        clock.advance(1)
        assert await store.release_worker(WORKER) == 3
        for session in sessions:
            row = await read(store, session.id)
            assert (row.status, row.phase, row.worker_id) == (Status.PENDING, Phase.QUEUED, None)
            assert (row.attempt, row.crashes) == (0, 0)
            (line,) = await store.history(session.id)
            assert (line.claim, line.attempt, line.ended) == (1, 1, "released")
            assert (line.worker_id, line.ended_at) == (WORKER, clock.now())
        assert await read(store, other.id) == other
        assert await _worker_ids(store) == {"other"}
        assert await store.release_worker(WORKER) == 0

    async def test_what_was_to_be_cancelled_is_cancelled(self, store: WholeStore, clock: FakeClock) -> None:
        session = await STATES["cancelling"](store)
        assert await store.release_worker(WORKER) == 1
        row = await read(store, session.id)
        assert (row.status, row.completed_at) == (Status.CANCELLED, clock.now())

    async def test_the_worker_claims_nothing_afterwards(self, store: WholeStore) -> None:
        session = await started_and_claimed(store)
        await store.release_worker(WORKER)
        assert await take(store) == []
        assert not await store.keep_step(Claim(session.id, session.claim), kept())
