"""Contract: sessions outlive their workers; an observed death is a crash, an orderly stop is not."""

# ruff: noqa: S101 - a contract suite consists of assertions

from outlast.domain.crash_policy import (
    MAX_CRASHES,
    SUSPECT_CRASHES,
    EarlierCrash,
    must_run_alone,
    quarantine_error,
)
from outlast.domain.session import Claim
from outlast.domain.status import Phase, Status
from outlast.ports.store import Store
from outlast.testing.acts import (
    WORKER,
    claim_next,
    claim_of,
    claim_session,
    completed,
    crash,
    death_of,
    ids_of,
    kept,
    read,
    register_worker,
    start,
    started_and_claimed,
    update,
    worker_ids,
)
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures
from outlast.testing.states import STATES


class RescueContract(StoreFixtures):
    """`rescue_worker`."""

    async def test_a_rescued_session_is_pending_at_once_without_spending_its_attempt(
        self, store: Store, clock: FakeClock
    ) -> None:
        session = await started_and_claimed(store)
        await store.keep_step(claim_of(session), kept())
        await store.report([update(session, 40)])
        clock.advance(1)
        assert await store.rescue_worker(WORKER, death_of()) == [session.id]
        row = await read(store, session.id)
        assert (row.status, row.phase, row.worker_id) == (Status.PENDING, Phase.QUEUED, None)
        assert (row.attempt, row.crashes, row.claim) == (0, 1, session.claim)
        assert row.available_at <= clock.now()
        assert row.progress.percentage == 40
        assert list(await store.kept_steps(session.id)) == [kept()]
        (line,) = await store.history(session.id)
        assert (line.claim, line.attempt, line.worker_id) == (session.claim, 1, WORKER)
        assert (line.ended, line.ended_at) == ("crashed", clock.now())
        assert line.error == "Worker worker-1 on host host (pid 4711) was killed by SIGKILL."
        register_worker(store, "another")
        assert [taken.id for taken in await claim_next(store, "another")] == [session.id]

    async def test_the_sessions_of_a_dead_worker_are_rescued_at_once(self, store: Store) -> None:
        mine = await started_and_claimed(store, "mine")
        other = await started_and_claimed(store, "other")
        assert await store.rescue_worker("mine", death_of("mine")) == [mine.id]
        assert await store.rescue_worker("mine", death_of("mine")) == []
        assert await store.rescue_worker("a stranger", death_of("a stranger")) == []
        assert await read(store, other.id) == other
        assert await worker_ids(store) == {"other"}
        lease = store.lease()
        assert lease.renew("mine") is None
        lease.close()

    async def test_a_crash_counts_for_every_session_of_the_worker(self, store: Store) -> None:
        sessions = [await started_and_claimed(store) for _ in range(3)]
        await store.rescue_worker(WORKER, death_of())
        assert {(await read(store, session.id)).crashes for session in sessions} == {1}

    async def test_a_session_that_crashes_its_workers_repeatedly_is_quarantined(
        self, store: Store, clock: FakeClock
    ) -> None:
        session = await start(store)
        await crash(store, session.id, MAX_CRASHES - 1)
        assert (await read(store, session.id)).status == Status.PENDING
        clock.advance(1)
        await crash(store, session.id)
        row = await read(store, session.id)
        assert (row.status, row.error_code, row.crashes) == (Status.FAILED, "quarantined", MAX_CRASHES)
        assert row.completed_at == clock.now()
        lines = await store.history(session.id)
        assert len(lines) == MAX_CRASHES
        assert row.error is not None
        assert row.error == quarantine_error([EarlierCrash(li.worker_id, li.cause, li.ended_at) for li in lines])
        assert "3 times" in row.error
        assert row.error.count("was killed by SIGKILL at 2026-05-04 12:00:0") == MAX_CRASHES
        register_worker(store)
        assert await claim_next(store) == []

    async def test_of_several_sessions_with_crashes_none_is_quarantined(self, store: Store) -> None:
        suspect, crashed, fresh = [await start(store) for _ in range(3)]
        await crash(store, suspect.id, MAX_CRASHES - 1)
        await crash(store, crashed.id)
        register_worker(store)
        for session in (suspect, crashed, fresh):  # as requests do, which take their own
            await claim_session(store, session.id)
        await store.rescue_worker(WORKER, death_of())  # any of the first two may be the killer
        crashes = [(await read(store, session.id)).crashes for session in (suspect, crashed, fresh)]
        assert crashes == [MAX_CRASHES - 1, MAX_CRASHES - 1, 1]

    async def test_a_suspect_is_not_blamed_for_a_death_beside_sessions_that_never_crashed(
        self, store: Store
    ) -> None:
        suspect, fresh = await start(store), await start(store)
        await crash(store, suspect.id, SUSPECT_CRASHES)
        for deaths in range(SUSPECT_CRASHES + 1, SUSPECT_CRASHES + 4):
            register_worker(store)
            for session in (suspect, fresh):
                await claim_session(store, session.id)
            await store.rescue_worker(WORKER, death_of())
            row = await read(store, suspect.id)
            assert (row.status, row.crashes) == (Status.PENDING, SUSPECT_CRASHES)
            history = await store.history(suspect.id)
            assert [record.ended for record in history] == ["crashed"] * deaths
            assert must_run_alone(row.crashes, deaths)
        await crash(store, suspect.id)
        row = await read(store, suspect.id)
        assert (row.status, row.error_code, row.crashes) == (Status.FAILED, "quarantined", MAX_CRASHES)

    async def test_sessions_beside_one_that_crashes_workers_are_never_quarantined(self, store: Store) -> None:
        killers = {(await start(store)).id for _ in range(3)}
        neighbours = {(await start(store)).id for _ in range(6)}
        deaths = 0
        for _ in range(30):
            register_worker(store)
            taken = await claim_next(store)
            if killers & ids_of(taken):
                deaths += 1
                await store.rescue_worker(WORKER, death_of())
                continue
            for session in taken:
                await store.finish(claim_of(session), completed())
        assert {(await read(store, i)).error_code for i in killers} == {"quarantined"}
        assert {(await read(store, i)).status for i in neighbours} == {Status.COMPLETED}
        assert deaths <= MAX_CRASHES * len(killers)

    async def test_the_crashes_of_an_earlier_round_are_not_counted_up(self, store: Store) -> None:
        session = await start(store)
        await crash(store, session.id, MAX_CRASHES)
        await store.retry(session.id, owner=None, attempts=3)
        await crash(store, session.id, MAX_CRASHES)
        row = await read(store, session.id)
        assert row.error is not None
        assert row.error.count("was killed by SIGKILL") == MAX_CRASHES
        assert len(await store.history(session.id)) == 2 * MAX_CRASHES

    async def test_with_a_cancel_request_it_is_cancelled(self, store: Store, clock: FakeClock) -> None:
        session = await start(store)
        await crash(store, session.id, MAX_CRASHES - 1)
        register_worker(store)
        await claim_session(store, session.id)
        await store.cancel(session.id, owner=None)
        assert await store.rescue_worker(WORKER, death_of()) == [session.id]
        row = await read(store, session.id)
        assert (row.status, row.error_code) == (Status.CANCELLED, None)
        assert row.completed_at == clock.now()


class ReleaseWorkerContract(StoreFixtures):
    """`release_worker`."""

    async def test_a_release_spends_no_attempt_and_counts_no_crash(self, store: Store, clock: FakeClock) -> None:
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
        assert await worker_ids(store) == {"other"}
        assert await store.release_worker(WORKER) == 0

    async def test_a_session_with_a_cancel_request_is_cancelled(self, store: Store, clock: FakeClock) -> None:
        session = await STATES["cancelling"](store)
        assert await store.release_worker(WORKER) == 1
        row = await read(store, session.id)
        assert (row.status, row.completed_at) == (Status.CANCELLED, clock.now())

    async def test_the_worker_claims_nothing_afterwards(self, store: Store) -> None:
        session = await started_and_claimed(store)
        await store.release_worker(WORKER)
        assert await claim_next(store) == []
        assert not await store.keep_step(Claim(session.id, session.claim), kept())
