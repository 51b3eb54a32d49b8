"""Contract: the registry of workers, and what a renewal returns."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio
from contextlib import closing
from dataclasses import fields
from datetime import timedelta

from outlast.domain.worker_control import ControlRequest, WorkerCommand, WorkerKind, WorkerState
from outlast.ports.store import Store
from outlast.ports.workers import FIRST_REPORT, LEASE, Renewal, WorkerInfo, WorkerReport
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


def _renew(store: Store, worker_id: str = WORKER, report: WorkerReport = FIRST_REPORT) -> Renewal | None:
    with closing(store.lease()) as lease:
        return lease.renew(worker_id, report)


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
            kind=WorkerKind.SUPERVISED,
            supervisor="s",
            program="shop",
            version="1.0+abc",
            state=WorkerState.PAUSED,
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

    async def test_a_renewal_stores_what_the_worker_reports(self, store: Store) -> None:
        register_worker(store)
        report = WorkerReport(WorkerState.DRAINING, 3_000_000_000, completed=5, failed=2, followed=1)
        assert _renew(store, report=report) == Renewal(frozenset(), frozenset())
        (worker,) = await store.workers()
        assert WorkerReport(*(getattr(worker, field.name) for field in fields(WorkerReport))) == report

    async def test_a_request_reaches_the_workers_that_it_names_with_every_renewal(self, store: Store) -> None:
        for worker_id in ("a", "b", "c"):
            register_worker(store, worker_id)
        assert await store.request(["a", "b", "stranger"], WorkerCommand.PAUSE) == {"a": 1, "b": 1}
        assert await store.request(["b"], WorkerCommand.STOP_NOW) == {"b": 2}
        assert await store.request([], WorkerCommand.STOP) == {}
        beats = {worker_id: _renew(store, worker_id) for worker_id in ("a", "b", "c", "a")}
        assert {worker_id: beat and beat.request for worker_id, beat in beats.items()} == {
            "a": ControlRequest(1, WorkerCommand.PAUSE),
            "b": ControlRequest(2, WorkerCommand.STOP_NOW),
            "c": None,
        }
        listed = {
            worker.id: (worker.requested, worker.requests, worker.followed) for worker in await store.workers()
        }
        assert listed == {"a": (WorkerCommand.PAUSE, 1, 0), "b": (WorkerCommand.STOP_NOW, 2, 0), "c": (None, 0, 0)}

    async def test_a_supervisor_is_registered_and_lapses_as_a_worker_does_and_is_none(
        self, store: Store, clock: FakeClock
    ) -> None:
        register_worker(store, "s", kind=WorkerKind.SUPERVISOR, queues=(), analyses=())
        register_worker(store, "w", supervisor="s")
        assert [(s.id, s.alive) for s in await store.supervisors()] == [("s", True)]
        assert [(w.id, w.supervisor) for w in await store.workers()] == [("w", "s")]
        assert await store.request(["s"], WorkerCommand.STOP) == {"s": 1}
        clock.advance(LEASE + 0.1)
        assert [s.alive for s in await store.supervisors()] == [False]
        await lapse(store, "s")
        assert list(await store.supervisors()) == []

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
