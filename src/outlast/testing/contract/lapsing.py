"""Contract: lapsed leases spend no attempt, and a worker that returns takes its lapses back."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio

import pytest

from outlast.domain.lease_observer import MAX_LAPSES, UNREGISTERED, Heartbeat, lapse_line, lost_error, return_line
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Phase, Status
from outlast.ports.store import RetryAnswer, Store
from outlast.testing.acts import (
    WORKER,
    claim_next,
    claim_of,
    claim_session,
    crash,
    death_of,
    kept,
    lapse,
    read,
    register_worker,
    return_as,
    start,
    started_and_claimed,
    update,
    worker_ids,
)
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures


async def _beat(store: Store, worker_id: str = WORKER) -> Heartbeat:
    (found,) = [beat for beat in await store.heartbeats() if beat.worker_id == worker_id]
    return found


async def _lapse_with(store: Store, session: AnalysisSession, worker_id: str) -> None:
    register_worker(store, worker_id)
    await claim_session(store, session.id, worker_id)
    assert await lapse(store, worker_id) == [session.id]


class HeartbeatContract(StoreFixtures):
    """`heartbeats`."""

    async def test_every_renewal_is_another_beat_also_when_no_clock_moves(self, store: Store) -> None:
        register_worker(store)
        lease = store.lease()
        seen = [await _beat(store)]
        for _ in range(3):
            assert lease.renew(WORKER) is not None
            seen.append(await _beat(store))
        lease.close()
        assert len(set(seen)) == len(seen)

    async def test_without_a_renewal_the_beat_stays_whatever_the_clocks_do(
        self, store: Store, clock: FakeClock
    ) -> None:
        register_worker(store)
        before = await _beat(store)
        for jump in (7_200, -86_400):
            clock.jump_wall(jump)
            clock.advance(60)
            assert await _beat(store) == before

    async def test_a_heartbeat_has_the_identity_of_the_workers_process(self, store: Store) -> None:
        register_worker(store, process="boot/1/2/3/4")
        register_worker(store, "supervised")
        assert (await _beat(store)).process == "boot/1/2/3/4"
        assert (await _beat(store, "supervised")).process is None
        register_worker(store)
        assert (await _beat(store)).process is None

    async def test_an_unregistered_worker_with_sessions_has_a_heartbeat(self, store: Store) -> None:
        session = await started_and_claimed(store)
        register_worker(store, "idle")
        await self.delete_worker_row(store, WORKER)
        assert await _beat(store) == Heartbeat(WORKER, UNREGISTERED)
        assert {beat.worker_id for beat in await store.heartbeats()} == {WORKER, "idle"}
        assert await lapse(store, WORKER) == [session.id]
        assert await worker_ids(store) == {"idle"}


class LapseContract(StoreFixtures):
    """`rescue`."""

    async def test_a_lapse_releases_all_sessions_without_spending_attempts_or_counting_crashes(
        self, store: Store, clock: FakeClock
    ) -> None:
        sessions = [await started_and_claimed(store) for _ in range(3)]
        for session in sessions:
            await store.keep_step(claim_of(session), kept())
            await store.report([update(session, 40)])
        clock.advance(1)
        assert set(await lapse(store)) == {session.id for session in sessions}
        assert await worker_ids(store) == set()
        for session in sessions:
            row = await read(store, session.id)
            assert (row.status, row.phase, row.worker_id) == (Status.PENDING, Phase.QUEUED, None)
            assert (row.attempt, row.crashes, row.lapses, row.claim) == (0, 0, 1, session.claim)
            assert row.available_at <= clock.now()
            assert row.progress.percentage == 40
            assert list(await store.kept_steps(session.id)) == [kept()]
            (line,) = await store.history(session.id)
            assert (line.claim, line.attempt, line.worker_id, line.ended) == (session.claim, 1, WORKER, "lapsed")
            assert (line.error, line.ended_at) == (lapse_line(WORKER), clock.now())
        register_worker(store, "another")
        assert {s.id for s in await claim_next(store, "another")} == {s.id for s in sessions}
        assert await store.rescue([]) == []

    async def test_only_sessions_of_lapsed_workers_are_rescued(self, store: Store) -> None:
        silent = await started_and_claimed(store, "silent")
        alive = await started_and_claimed(store, "alive")
        register_worker(store, "idle")
        assert await lapse(store, "silent", "idle") == [silent.id]
        assert await read(store, alive.id) == alive
        assert await worker_ids(store) == {"alive"}

    async def test_a_worker_that_has_renewed_since_keeps_its_sessions(self, store: Store) -> None:
        session = await started_and_claimed(store)
        seen = await store.heartbeats()
        lease = store.lease()
        assert lease.renew(WORKER) is not None
        lease.close()
        assert await store.rescue(seen) == []
        assert await read(store, session.id) == session
        assert await worker_ids(store) == {WORKER}

    @pytest.mark.parametrize("jump", [30, 7_200, -7_200, 86_400 * 400, -86_400 * 400])
    async def test_no_clock_jump_rescues_a_session(self, store: Store, clock: FakeClock, jump: float) -> None:
        session = await started_and_claimed(store)
        clock.jump_wall(jump)
        lease = store.lease()
        beat = lease.renew(WORKER)
        lease.close()
        assert beat is not None
        assert beat.held == {claim_of(session)}
        assert await read(store, session.id) == session

    async def test_no_session_is_rescued_because_of_its_timeout(self, store: Store, clock: FakeClock) -> None:
        session = await started_and_claimed(store, timeout=10.0)
        seen = await store.heartbeats()
        clock.advance(90_000)
        lease = store.lease()
        assert lease.renew(WORKER) is not None
        lease.close()
        assert await store.rescue(seen) == []
        assert await read(store, session.id) == session

    async def test_a_worker_with_an_identity_lapses_as_any_other(self, store: Store) -> None:
        session = await started_and_claimed(store)
        register_worker(store, process="boot/1/2/3/4")
        assert await lapse(store) == [session.id]
        assert await worker_ids(store) == set()

    async def test_many_observers_at_once_rescue_once(self, store: Store) -> None:
        sessions = [await started_and_claimed(store) for _ in range(3)]
        seen = await store.heartbeats()
        answers = await asyncio.gather(*(store.rescue(seen) for _ in range(6)))
        rescued = [session_id for answer in answers for session_id in answer]
        assert sorted(rescued) == sorted(session.id for session in sessions)
        assert {(await read(store, session.id)).lapses for session in sessions} == {1}

    async def test_a_lapsed_session_with_a_cancel_request_is_cancelled(self, store: Store) -> None:
        session = await started_and_claimed(store)
        await store.cancel(session.id, owner=None)
        assert await lapse(store) == [session.id]
        assert (await read(store, session.id)).status is Status.CANCELLED

    async def test_lapses_and_crashes_are_counted_apart(self, store: Store) -> None:
        session = await start(store)
        await crash(store, session.id, 2)
        for n in range(3):
            await _lapse_with(store, session, f"silent {n}")
        row = await read(store, session.id)
        assert (row.status, row.crashes, row.lapses) == (Status.PENDING, 2, 3)

    async def test_a_session_whose_workers_never_return_fails_in_the_end(
        self, store: Store, clock: FakeClock
    ) -> None:
        session = await start(store)
        for n in range(MAX_LAPSES):
            assert (await read(store, session.id)).status is Status.PENDING
            await _lapse_with(store, session, f"silent {n}")
        row = await read(store, session.id)
        assert (row.status, row.error_code, row.error) == (Status.FAILED, "lost", lost_error(MAX_LAPSES))
        assert (row.crashes, row.lapses, row.completed_at) == (0, MAX_LAPSES, clock.now())
        assert await store.retry(session.id, owner=None, attempts=2) is RetryAnswer.RETRIED
        assert (await read(store, session.id)).lapses == 0


class ReturnContract(StoreFixtures):
    """`register` with the former id."""

    async def test_the_return_of_its_worker_undoes_a_lapse_once(self, store: Store) -> None:
        session = await start(store)
        await _lapse_with(store, session, "away")
        await _lapse_with(store, session, "gone for good")
        before = await read(store, session.id)
        return_as(store, "back", previous_id="away")
        row = await read(store, session.id)
        assert (row.lapses, row.status, row.version) == (1, Status.PENDING, before.version)
        lines = await store.history(session.id)
        assert [line.ended for line in lines] == ["lapsed", "lapsed"]
        assert [line.error for line in lines] == [return_line("away"), lapse_line("gone for good")]
        return_as(store, "once more", previous_id="away")
        assert (await read(store, session.id)).lapses == 1
        assert await worker_ids(store) == {"back", "once more"}

    async def test_a_session_whose_workers_return_never_fails_by_lapses(self, store: Store) -> None:
        session = await start(store)
        for n in range(2 * MAX_LAPSES):
            await _lapse_with(store, session, f"away {n}")
            return_as(store, f"back {n}", previous_id=f"away {n}")
        row = await read(store, session.id)
        assert (row.status, row.lapses, row.crashes) == (Status.PENDING, 0, 0)

    async def test_the_return_of_a_worker_counts_while_another_works_on_the_session(self, store: Store) -> None:
        session = await start(store)
        await _lapse_with(store, session, "away")
        register_worker(store, "heir")
        taken = await claim_session(store, session.id, "heir")
        await store.report([update(taken, 30)])
        return_as(store, "back", previous_id="away")
        row = await read(store, session.id)
        assert (row.status, row.lapses, row.worker_id) == (Status.PROCESSING, 0, "heir")
        assert await store.report([update(taken, 50)]) == set()

    async def test_the_return_of_a_worker_undoes_no_lapse_from_before_a_retry(self, store: Store) -> None:
        session = await start(store)
        await _lapse_with(store, session, "away")
        await store.cancel(session.id, owner=None)
        assert await store.retry(session.id, owner=None, attempts=3) is RetryAnswer.RETRIED
        return_as(store, "back", previous_id="away")
        row = await read(store, session.id)
        assert (row.status, row.lapses) == (Status.PENDING, 0)
        await _lapse_with(store, session, "gone for good")
        assert (await read(store, session.id)).lapses == 1

    async def test_the_return_of_a_worker_changes_no_final_session(self, store: Store) -> None:
        session = await start(store)
        for n in range(MAX_LAPSES):
            await _lapse_with(store, session, f"silent {n}")
        row = await read(store, session.id)
        return_as(store, "back", previous_id="silent 0")
        assert await read(store, session.id) == row

    async def test_the_return_of_a_worker_that_lost_no_session_changes_nothing(self, store: Store) -> None:
        session = await start(store)
        await _lapse_with(store, session, "silent")
        register_worker(store, "dead")
        await claim_session(store, session.id, "dead")
        await store.rescue_worker("dead", death_of("dead"))
        return_as(store, "back", previous_id="dead")
        row = await read(store, session.id)
        assert (row.crashes, row.lapses) == (1, 1)
