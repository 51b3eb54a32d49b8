"""Contract: the lease thread of a worker with a blocked event loop ends its sessions."""

# ruff: noqa: S101 - a contract suite consists of assertions

from outlast.domain.session import Claim
from outlast.domain.status import Status
from outlast.ports.store import Store
from outlast.testing.acts import (
    WORKER,
    claim_of,
    claim_session,
    failed,
    kept,
    postponed,
    read,
    released,
    started_and_claimed,
    update,
    worker_ids,
)
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures


class StuckWorkerContract(StoreFixtures):
    """`Lease.finish`, `Lease.release`."""

    async def test_the_lease_ends_a_timed_out_session_as_its_attempt_would(
        self, store: Store, clock: FakeClock
    ) -> None:
        last, again, other = [await started_and_claimed(store) for _ in range(3)]
        await store.report([update(last, 40)])
        clock.advance(1)
        lease = store.lease()
        lease.finish([(claim_of(last), failed("Too long.")), (claim_of(again), postponed(30.0))])
        lease.close()
        row = await read(store, last.id)
        assert (row.status, row.error, row.attempt) == (Status.FAILED, "Too long.", 1)
        assert (row.progress.percentage, row.completed_at) == (40, clock.now())
        row = await read(store, again.id)
        assert (row.status, row.attempt, row.crashes, row.lapses) == (Status.PENDING, 1, 0, 0)
        assert (row.available_at - clock.now()).total_seconds() == 30
        assert await read(store, other.id) == other
        assert [line.ended for line in await store.history(last.id)] == ["failed"]
        assert [line.ended for line in await store.history(again.id)] == ["postponed"]

    async def test_of_several_that_end_together_each_keeps_its_own_progress(self, store: Store) -> None:
        sessions = [await started_and_claimed(store) for _ in range(4)]
        for n, session in enumerate(sessions[:3]):
            await store.report([update(session, 10 * n + 10, f"Page {n}")])
        lease = store.lease()
        lease.finish([(claim_of(session), failed()) for session in reversed(sessions)])
        lease.close()
        rows = [await read(store, session.id) for session in sessions]
        assert [row.progress.percentage for row in rows] == [10, 20, 30, 0]
        assert [row.progress.message for row in rows] == ["Page 0", "Page 1", "Page 2", None]

    async def test_a_lost_claim_is_skipped(self, store: Store) -> None:
        gone, held = await started_and_claimed(store), await started_and_claimed(store)
        await store.finish(claim_of(gone), released())
        taken = await claim_session(store, gone.id)
        lease = store.lease()
        lease.finish([(claim_of(gone), failed()), (Claim("nobody's", 1), failed()), (claim_of(held), failed())])
        lease.finish([])
        lease.close()
        assert await read(store, gone.id) == taken
        assert (await read(store, held.id)).status is Status.FAILED

    async def test_the_other_sessions_are_released_and_the_worker_is_deleted(
        self, store: Store, clock: FakeClock
    ) -> None:
        sessions = [await started_and_claimed(store) for _ in range(2)]
        for session in sessions:
            await store.report([update(session, 40)])
            await store.keep_step(claim_of(session), kept())
        other = await started_and_claimed(store, "other")
        clock.advance(1)
        lease = store.lease()
        assert lease.release(WORKER) == 2
        assert lease.release(WORKER) == 0
        assert lease.renew(WORKER) is None
        lease.close()
        for session in sessions:
            row = await read(store, session.id)
            assert (row.status, row.attempt, row.crashes, row.lapses) == (Status.PENDING, 0, 0, 0)
            assert row.progress.percentage == 40
            (line,) = await store.history(session.id)
            assert (line.ended, line.ended_at) == ("released", clock.now())
            assert list(await store.kept_steps(session.id)) == [kept()]
        assert await read(store, other.id) == other
        assert await worker_ids(store) == {"other"}
