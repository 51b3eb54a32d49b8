"""Contract: the registry of workers, and what a renewal returns."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio
from datetime import timedelta

from outlast.ports.workers import LEASE, Beat, WorkerInfo
from outlast.testing.acts import (
    WORKER,
    WholeStore,
    completed,
    death_of,
    enter,
    lapse,
    released,
    right,
    started_and_claimed,
    take_one,
)
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures


def _renew(store: WholeStore, worker_id: str = WORKER) -> Beat | None:
    lease = store.lease()
    try:
        return lease.renew(worker_id)
    finally:
        lease.close()


class RegistryContract(StoreFixtures):
    """`WorkerRegistry` and `Lease`."""

    async def test_a_registered_worker_is_shown_as_it_entered(self, store: WholeStore, clock: FakeClock) -> None:
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

    async def test_a_worker_is_counted_with_what_it_holds(self, store: WholeStore) -> None:
        enter(store, "idle")
        for _ in range(2):
            await started_and_claimed(store)
        ended = await started_and_claimed(store)
        await store.finish(right(ended), completed())
        held = {worker.id: worker.in_flight for worker in await store.workers()}
        assert held == {"idle": 0, WORKER: 2}

    async def test_a_dead_worker_is_shown_until_it_is_rescued_from(
        self, store: WholeStore, clock: FakeClock
    ) -> None:
        await started_and_claimed(store)
        clock.advance(LEASE + 0.1)
        (worker,) = await store.workers()
        assert not worker.alive
        assert worker.in_flight == 1
        await lapse(store)
        assert list(await store.workers()) == []

    async def test_a_renewal_is_seen(self, store: WholeStore, clock: FakeClock) -> None:
        enter(store)
        clock.advance(4)
        assert _renew(store) == Beat(frozenset(), frozenset())
        (worker,) = await store.workers()
        assert worker.beat_at == clock.now()
        assert worker.started_at < worker.beat_at

    async def test_a_renewal_tells_what_is_held_and_what_is_to_be_cancelled(self, store: WholeStore) -> None:
        first, second, given_back = [await started_and_claimed(store) for _ in range(3)]
        await started_and_claimed(store, "another")
        await store.finish(right(given_back), released())
        assert _renew(store) == Beat(frozenset({right(first), right(second)}), frozenset())
        await store.cancel(second.id, owner=None)
        assert _renew(store) == Beat(frozenset({right(first), right(second)}), frozenset({second.id}))

    async def test_a_renewal_tells_the_number_of_the_current_claim(self, store: WholeStore) -> None:
        session = await started_and_claimed(store)
        await store.finish(right(session), released())
        again = await take_one(store, session.id)
        beat = _renew(store)
        assert beat is not None
        assert beat.held == {right(again)} != {right(session)}

    async def test_who_was_rescued_from_or_forgotten_cannot_renew(self, store: WholeStore) -> None:
        enter(store, "released")
        await store.release_worker("released")
        enter(store, "killed")
        await store.rescue_worker("killed", death_of("killed"))
        enter(store, "late")
        await lapse(store, "late")
        answers = [_renew(store, worker) for worker in ("released", "killed", "late", "stranger")]
        assert answers == [None] * 4
        assert list(await store.workers()) == []

    async def test_a_late_renewal_before_any_rescue_saves_the_claims(
        self, store: WholeStore, clock: FakeClock
    ) -> None:
        session = await started_and_claimed(store)
        lapsed = await store.beats()
        clock.advance(LEASE + 5)
        beat = _renew(store)
        assert beat is not None
        assert beat.held == {right(session)}
        assert await store.rescue(lapsed) == []
        assert [worker.alive for worker in await store.workers()] == [True]

    async def test_a_lease_is_renewed_from_a_thread_of_its_own(self, store: WholeStore, clock: FakeClock) -> None:
        session = await started_and_claimed(store)

        def renew_ten_times() -> list[Beat | None]:
            lease = store.lease()
            try:
                return [lease.renew(WORKER) for _ in range(10)]
            finally:
                lease.close()

        clock.advance(LEASE - 1)
        beats, _ = await asyncio.gather(
            asyncio.to_thread(renew_ten_times), asyncio.gather(*(started_and_claimed(store) for _ in range(5)))
        )
        assert all(beat and right(session) in beat.held for beat in beats)
