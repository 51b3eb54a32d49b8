"""Contract: a cleanup deletes old final sessions and nothing else, and its dry run counts exactly."""

# ruff: noqa: S101 - a contract suite consists of assertions

import io
from datetime import datetime, timedelta

import pytest

from outlast.domain.status import Status
from outlast.ports.store import Pruned, Store
from outlast.testing.acts import (
    OWNER,
    claim_of,
    completed,
    death_of,
    failed,
    kept,
    new_session,
    read,
    register_worker,
    start,
    started_and_claimed,
)
from outlast.testing.clock import NOON, FakeClock
from outlast.testing.contract.fixtures import StoreFixtures
from outlast.testing.states import AT_WORK, FINAL, STATES, WAITING

LONG_AGO = NOON - timedelta(days=1)


async def _prune(
    store: Store,
    *,
    sessions: datetime = LONG_AGO,
    results: datetime = LONG_AGO,
    uploads: datetime = LONG_AGO,
    dry_run: bool = False,
) -> Pruned:
    return await store.prune(
        sessions_before=sessions, results_before=results, uploads_before=uploads, dry_run=dry_run
    )


class PruneContract(StoreFixtures):
    """`prune`."""

    @pytest.mark.parametrize("state", FINAL)
    async def test_old_final_sessions_are_deleted(self, store: Store, clock: FakeClock, state: str) -> None:
        session = await STATES[state](store)
        assert await _prune(store, sessions=clock.now()) == Pruned()
        assert await read(store, session.id) == session
        clock.advance(1)
        assert await _prune(store, sessions=clock.now()) == Pruned(sessions=1)
        assert await store.get(session.id, owner=None) is None
        assert await store.find_missing([session.id]) == {session.id}
        assert list(await store.history(session.id)) == []
        assert list(await store.kept_steps(session.id)) == []

    @pytest.mark.parametrize("state", FINAL)
    async def test_failed_sessions_may_stay_for_longer(self, store: Store, clock: FakeClock, state: str) -> None:
        session = await STATES[state](store)
        clock.advance(1)
        now = clock.now()
        for dry_run in (True, False):
            pruned = await store.prune(
                sessions_before=now, results_before=LONG_AGO, uploads_before=LONG_AGO, failed_before=LONG_AGO,
                dry_run=dry_run,
            )  # fmt: skip
            assert pruned == Pruned(sessions=0 if session.status is Status.FAILED else 1)
        assert await _prune(store, sessions=now) == Pruned(sessions=1 if session.status is Status.FAILED else 0)

    @pytest.mark.parametrize("state", [*WAITING, *AT_WORK])
    async def test_a_session_in_flight_is_kept_however_old(
        self, store: Store, clock: FakeClock, state: str
    ) -> None:
        session = await STATES[state](store)
        clock.advance(86_400 * 365)
        assert await _prune(store, sessions=clock.now()) == Pruned()
        assert await read(store, session.id) == session

    async def test_a_retried_session_is_not_pruned(self, store: Store, clock: FakeClock) -> None:
        session = await STATES["failed"](store)
        clock.advance(86_400)
        await store.retry(session.id, owner=OWNER, attempts=1)
        assert await _prune(store, sessions=clock.now()) == Pruned()

    async def test_age_counts_from_the_end_not_from_the_start(self, store: Store, clock: FakeClock) -> None:
        session = await started_and_claimed(store)
        clock.advance(3_600)
        await store.finish(claim_of(session), completed())
        assert await _prune(store, sessions=clock.now() - timedelta(minutes=30)) == Pruned()

    async def test_kept_steps_of_a_failed_session_go_with_it(self, store: Store, clock: FakeClock) -> None:
        session = await started_and_claimed(store)
        await store.keep_step(claim_of(session), kept())
        await store.finish(claim_of(session), failed())
        clock.advance(1)
        await _prune(store, sessions=clock.now())
        assert list(await store.kept_steps(session.id)) == []

    async def test_results_outlive_their_sessions_until_their_own_time_is_over(
        self, store: Store, clock: FakeClock
    ) -> None:
        session = await started_and_claimed(store)
        await store.finish(claim_of(session), completed())
        result = await store.result(session.id, owner=OWNER)
        ended = clock.now()
        clock.advance(60)
        assert await _prune(store, sessions=clock.now()) == Pruned(sessions=1)
        assert await store.result(session.id, owner=OWNER) == result
        assert await store.result(session.id, owner="somebody else") is None
        assert await _prune(store, results=ended) == Pruned()
        assert await _prune(store, results=clock.now()) == Pruned(results=1)
        assert await store.result(session.id, owner=OWNER) is None

    async def test_a_result_may_be_deleted_before_its_session(self, store: Store, clock: FakeClock) -> None:
        session = await STATES["completed"](store)
        clock.advance(1)
        assert await _prune(store, results=clock.now()) == Pruned(results=1)
        assert await read(store, session.id) == session

    async def test_an_upload_is_deleted_by_its_last_use(self, store: Store, clock: FakeClock) -> None:
        old = await store.put(OWNER, "old", io.BytesIO(b"old"))
        used = await store.put(OWNER, "used", io.BytesIO(b"used"))
        clock.advance(60)
        await store.find(OWNER, used.sha256)
        assert await _prune(store, uploads=clock.now()) == Pruned(uploads=1)
        assert await store.find(OWNER, old.sha256) is None
        with pytest.raises(KeyError):
            _ = [chunk async for chunk in store.chunks(OWNER, old.sha256)]
        assert await store.find(OWNER, used.sha256) is not None

    @pytest.mark.parametrize("state", [*WAITING, *AT_WORK])
    async def test_an_upload_stays_while_its_owner_has_a_session_in_flight(
        self, store: Store, clock: FakeClock, state: str
    ) -> None:
        session = await STATES[state](store)
        upload = await store.put(OWNER, "needed", io.BytesIO(b"needed"))
        await store.put("somebody else", "needed", io.BytesIO(b"needed"))
        clock.advance(86_400)
        assert await _prune(store, uploads=clock.now()) == Pruned(uploads=1)
        assert [c async for c in store.chunks(OWNER, upload.sha256)] == [b"needed"]
        await store.rescue_worker(session.worker_id or "", death_of())
        await store.cancel(session.id, owner=OWNER)
        assert await _prune(store, uploads=clock.now()) == Pruned(uploads=1)

    async def test_a_dry_run_counts_the_same_and_deletes_nothing(self, store: Store, clock: FakeClock) -> None:
        for state in STATES:
            await STATES[state](store)
            await store.put(f"owner of {state}", "a.csv", io.BytesIO(state.encode()))
            clock.advance(1)
        await store.put(OWNER, "kept.csv", io.BytesIO(b"kept"))
        clock.advance(60)
        before = await store.count()
        now = clock.now()
        promised = await _prune(store, sessions=now, results=now, uploads=now, dry_run=True)
        assert promised == Pruned(sessions=len(FINAL), results=1, uploads=len(STATES))
        assert await store.count() == before
        assert await _prune(store, sessions=now, results=now, uploads=now) == promised
        assert await _prune(store, sessions=now, results=now, uploads=now) == Pruned()
        assert sum((await store.count()).values()) == sum(before.values()) - len(FINAL)

    async def test_more_than_a_batch_is_deleted(self, store: Store, clock: FakeClock) -> None:
        register_worker(store)
        for _ in range(120):
            session = await start(store)
            await store.cancel(session.id, owner=OWNER)
        clock.advance(1)
        assert await _prune(store, sessions=clock.now(), dry_run=True) == Pruned(sessions=120)
        assert await _prune(store, sessions=clock.now()) == Pruned(sessions=120)
        assert (await store.count())[Status.CANCELLED] == 0

    async def test_a_subject_may_be_started_again_after_its_session_was_deleted(
        self, store: Store, clock: FakeClock
    ) -> None:
        session = await STATES["failed"](store)
        clock.advance(1)
        await _prune(store, sessions=clock.now())
        again = new_session(subject=session.subject)
        assert (await start(store, id=again.id, subject=session.subject)).id == again.id
