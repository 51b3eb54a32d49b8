"""Contract: the registry of workers, and what a renewal returns."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio
from contextlib import closing
from datetime import timedelta

from outlast.ports.store import Store
from outlast.ports.workers import LEASE, Renewal, WorkerInfo
from outlast.testing.acts import (
    WORKER,
    claim_of,
    claim_session,
    completed,
    death_of,
    lapse,
    register_worker,
    released,
    started_and_claimed,
)
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures


def _renew(store: Store, worker_id: str = WORKER) -> Renewal | None:
    with closing(store.lease()) as lease:
        return lease.renew(worker_id)


class RegistryContract(StoreFixtures):
    """`WorkerRegistry` and `Lease`."""

    async def test_a_registered_worker_is_listed_as_registered(self, store: Store, clock: FakeClock) -> None:
        worker = WorkerInfo(
            id="w",
            host="höst",
            pid=1,
            queues=("a", "b"),
            analyses=("x", "y,z"),
            concurrency=32,
            started_at=clock.now() - timedelta(seconds=5),
            beat_at=clock.now(),
            process="boot/1/2/3/4",
        )
        lease = store.lease()
        lease.register(worker)
        lease.close()
        assert list(await store.workers()) == [worker]

    async def test_a_worker_is_counted_with_what_it_holds(self, store: Store) -> None:
        register_worker(store, "idle")
        for _ in range(2):
            await started_and_claimed(store)
        ended = await started_and_claimed(store)
        await store.finish(claim_of(ended), completed())
        held = {worker.id: worker.in_flight for worker in await store.workers()}
        assert held == {"idle": 0, WORKER: 2}

    async def test_a_dead_worker_is_listed_until_its_sessions_are_rescued(
        self, store: Store, clock: FakeClock
    ) -> None:
        await started_and_claimed(store)
        clock.advance(LEASE + 0.1)
        (worker,) = await store.workers()
        assert not worker.alive
        assert worker.in_flight == 1
        await lapse(store)
        assert list(await store.workers()) == []

    async def test_a_renewal_is_seen(self, store: Store, clock: FakeClock) -> None:
        register_worker(store)
        clock.advance(4)
        assert _renew(store) == Renewal(frozenset(), frozenset())
        (worker,) = await store.workers()
        assert worker.beat_at == clock.now()
        assert worker.started_at < worker.beat_at

    async def test_a_renewal_returns_the_held_claims_and_the_cancel_requests(self, store: Store) -> None:
        first, second, returned = [await started_and_claimed(store) for _ in range(3)]
        await started_and_claimed(store, "another")
        await store.finish(claim_of(returned), released())
        assert _renew(store) == Renewal(frozenset({claim_of(first), claim_of(second)}), frozenset())
        await store.cancel(second.id, owner=None)
        assert _renew(store) == Renewal(frozenset({claim_of(first), claim_of(second)}), frozenset({second.id}))

    async def test_a_renewal_returns_the_number_of_the_current_claim(self, store: Store) -> None:
        session = await started_and_claimed(store)
        await store.finish(claim_of(session), released())
        again = await claim_session(store, session.id)
        beat = _renew(store)
        assert beat is not None
        assert beat.held == {claim_of(again)} != {claim_of(session)}

    async def test_a_worker_that_was_rescued_from_or_deleted_cannot_renew(self, store: Store) -> None:
        register_worker(store, "released")
        await store.release_worker("released")
        register_worker(store, "killed")
        await store.rescue_worker("killed", death_of("killed"))
        register_worker(store, "late")
        await lapse(store, "late")
        answers = [_renew(store, worker) for worker in ("released", "killed", "late", "stranger")]
        assert answers == [None] * 4
        assert list(await store.workers()) == []

    async def test_a_late_renewal_before_any_rescue_saves_the_claims(self, store: Store, clock: FakeClock) -> None:
        session = await started_and_claimed(store)
        lapsed = await store.heartbeats()
        clock.advance(LEASE + 5)
        beat = _renew(store)
        assert beat is not None
        assert beat.held == {claim_of(session)}
        assert await store.rescue(lapsed) == []
        assert [worker.alive for worker in await store.workers()] == [True]

    async def test_a_lease_is_renewed_from_a_thread_of_its_own(self, store: Store, clock: FakeClock) -> None:
        session = await started_and_claimed(store)

        def renew_ten_times() -> list[Renewal | None]:
            lease = store.lease()
            try:
                return [lease.renew(WORKER) for _ in range(10)]
            finally:
                lease.close()

        clock.advance(LEASE - 1)
        beats, _ = await asyncio.gather(
            asyncio.to_thread(renew_ten_times), asyncio.gather(*(started_and_claimed(store) for _ in range(5)))
        )
        assert all(beat and claim_of(session) in beat.held for beat in beats)


class EnrolContract(StoreFixtures):
    """`enrol_key`."""

    async def test_the_first_key_is_taken_as_it_comes_and_again(self, store: Store) -> None:
        assert await store.enrol_key(["a"])
        assert await store.enrol_key(["a"])

    async def test_another_key_is_refused_and_stays_unknown(self, store: Store) -> None:
        await store.enrol_key(["a"])
        assert not await store.enrol_key(["b", "c"])
        assert not await store.enrol_key(["b"])
        assert not await store.enrol_key(["c"])
        assert await store.enrol_key(["a"])

    async def test_a_new_key_is_enrolled_with_one_that_is_enrolled(self, store: Store) -> None:
        await store.enrol_key(["old"])
        assert await store.enrol_key(["new", "old"])
        assert await store.enrol_key(["new"])
        assert await store.enrol_key(["old"])  # machines that have not been told yet

    async def test_only_the_key_that_signs_is_enrolled(self, store: Store) -> None:
        await store.enrol_key(["signs", "accepted"])
        assert not await store.enrol_key(["accepted"])

    async def test_of_two_concurrent_first_keys_one_is_refused(self, store: Store) -> None:
        answers = await asyncio.gather(*(store.enrol_key([f"key {number}"]) for number in range(5)))
        assert sum(answers) == 1
