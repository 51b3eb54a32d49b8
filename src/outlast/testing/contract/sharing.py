"""Contract: sessions of several owners share one run, whose progress each of them shows and as which each ends."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from outlast.domain.errors import QueueFull, TooManyActive
from outlast.domain.outcome import End, Failed
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Phase, Status
from outlast.ports.deletions import DeleteAnswer
from outlast.ports.failures import Selection
from outlast.ports.store import Added, StartLimits, Store
from outlast.testing.acts import (
    HIGH_LIMITS,
    STEPS,
    cancelled,
    claim_next,
    claim_of,
    claim_session,
    completed,
    crash,
    failed,
    ids_of,
    lapse,
    new_session,
    postponed,
    read,
    register_worker,
    update,
)
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures

EVERYBODY = "1 everybody"
HOUR = 3_600.0


async def join(store: Store, owner: str, limits: StartLimits = HIGH_LIMITS, **changes: Any) -> Added:
    """Start a session that shares its run."""
    run_id = new_session().id
    values = {"subject": "the same", "reuse_key": EVERYBODY, "run_id": run_id, "owner": owner, **changes}
    return await store.add(new_session(**values), limits)


async def joined(store: Store, *owners: str) -> list[AnalysisSession]:
    return [(await join(store, owner)).session for owner in owners]


async def claimed_run(store: Store, session: AnalysisSession) -> AnalysisSession:
    """Return the run of a session, claimed by a worker."""
    assert session.run_id is not None
    register_worker(store)
    return await claim_session(store, session.run_id)


async def statuses(store: Store, sessions: list[AnalysisSession]) -> list[Status]:
    return [(await read(store, session.id)).status for session in sessions]


class SharedRunContract(StoreFixtures):
    """`add` with a `run_id`, and what follows from it."""

    async def test_sessions_of_several_owners_share_one_run(self, store: Store) -> None:
        register_worker(store)
        first = await join(store, "ann")
        assert first.run is not None
        second = await join(store, "bob", input='{"url":"https://example.org/","x":1}')
        assert (first.existing, second.existing, second.run) == (False, False, None)
        assert (first.session.owner, second.session.owner) == ("ann", "bob")
        assert first.session.run_id == second.session.run_id == first.run.id
        assert second.session.input == '{"url":"https://example.org/","x":1}'
        assert (first.run.owner, first.run.run_id) == (EVERYBODY, None)
        assert await read(store, first.session.id) == first.session
        assert first.session.available_at == first.run.available_at
        assert ids_of(await claim_next(store)) == {first.run.id}
        assert await claim_next(store) == []
        assert await store.offer(again_after=0, limit=9) == []

    async def test_an_owner_has_one_session_of_it(self, store: Store) -> None:
        first = await join(store, "ann")
        again = await join(store, "ann")
        assert again == Added(first.session, existing=True)

    @pytest.mark.parametrize("size", [10, 100_000])
    async def test_each_has_the_input_of_its_start(self, store: Store, size: int) -> None:
        text = f'{{"url":"{"x" * size}"}}'
        added = await join(store, "ann", input=text)
        assert added.run is not None
        assert added.session.input == (await claimed_run(store, added.session)).input == text

    async def test_many_starts_at_once_make_one_run(self, store: Store) -> None:
        owners = [f"owner-{n}" for n in range(40)]
        added = await asyncio.gather(*(join(store, owner) for owner in owners for _ in range(2)))
        assert len({one.session.run_id for one in added}) == 1
        assert len({one.session.id for one in added}) == len(owners)
        assert sum(one.run is not None for one in added) == 1
        register_worker(store)
        (run,) = await claim_next(store)
        assert await store.finish(claim_of(run), completed())
        assert (await store.count())[Status.COMPLETED] == len(owners) + 1

    async def test_everybody_sees_the_progress_of_the_run(self, store: Store, clock: FakeClock) -> None:
        sessions = await joined(store, "ann", "bob")
        versions = {one.id: one.version for one in sessions}
        run = await claimed_run(store, sessions[0])
        clock.advance(1)
        for percentage in (25.0, 50.0):
            await store.report([update(run, percentage, f"Page {percentage}")])
            for one in sessions:
                shown = await read(store, one.id)
                assert (shown.status, shown.phase, shown.attempt) == (Status.PROCESSING, Phase.RUNNING, 1)
                assert shown.progress == (await read(store, run.id)).progress
                assert shown.progress.percentage == percentage
                assert shown.version > versions[one.id]
                assert await store.version(one.id, owner=one.owner) == shown.version
                assert await store.changed({one.id: shown.version}) == []
                assert [s.id for s in await store.changed({one.id: versions[one.id]})] == [one.id]
                assert await store.changed({one.id: versions[one.id]}) == [shown]
                versions[one.id] = shown.version
            clock.advance(1)
        for status, count in ((Status.PROCESSING, 1), (Status.PENDING, 0), (None, 1)):
            selected = await store.select(Selection("ann", status, limit=9))
            assert [one.id for one in selected] == [sessions[0].id] * count
            assert {s.progress.percentage for s in selected} <= {50.0}
        assert {s.id for s in await store.select(Selection(status=Status.PROCESSING, limit=9))} == {
            run.id,
            *ids_of(sessions),
        }
        assert await store.select(Selection(status=Status.PENDING, limit=9)) == []
        assert (await store.count())[Status.PROCESSING] == len(sessions) + 1

    async def test_who_starts_later_sees_what_has_been_done(self, store: Store, clock: FakeClock) -> None:
        (first,) = await joined(store, "ann")
        run = await claimed_run(store, first)
        await store.report([update(run, 40.0)])
        clock.advance(60)
        later = (await join(store, "bob")).session
        assert (later.status, later.progress.percentage) == (Status.PROCESSING, 40.0)
        assert later.created_at == later.started_at == clock.now()
        assert later.elapsed_ms == 0
        clock.advance(5)
        await store.finish(claim_of(run), completed())
        ended = await read(store, later.id)
        assert ended.elapsed_ms == 5_000
        assert (await read(store, first.id)).elapsed_ms == 65_000

    @pytest.mark.parametrize(
        ("end", "status"),
        [
            (completed(redirect_url="/there"), Status.COMPLETED),
            (failed(), Status.FAILED),
            (
                Failed("Which column?", "question", None, STEPS, asked='{"pointer":"","questions":[]}'),
                Status.FAILED,
            ),
            (cancelled(), Status.CANCELLED),
        ],
    )
    async def test_everybody_ends_as_the_run_does(
        self, store: Store, clock: FakeClock, end: End, status: Status
    ) -> None:
        sessions = await joined(store, "ann", "bob", "cat")
        run = await claimed_run(store, sessions[0])
        await store.report([update(run, 30.0)])
        clock.advance(2)
        assert await store.finish(claim_of(run), end)
        assert await store.finish(claim_of(run), end)
        ended = await read(store, run.id)
        for one in sessions:
            own = await read(store, one.id)
            assert (own.status, own.follows, own.run_id) == (status, False, run.id)
            assert own.completed_at == ended.completed_at
            assert (own.progress, own.attempt, own.started_at) == (ended.progress, 1, run.started_at)
            assert (own.error, own.error_code, own.reference) == (ended.error, ended.error_code, ended.reference)
            assert (own.asked, own.redirect_url) == (ended.asked, ended.redirect_url)
            assert own.result_bytes == ended.result_bytes
            assert own.version > one.version
            assert [line.ended for line in await store.history(one.id)] == [status.value]
        assert (await store.count())[status] == len(sessions) + 1
        assert await store.depths() == []

    async def test_everybody_has_a_result_of_their_own(self, store: Store, clock: FakeClock) -> None:
        sessions = await joined(store, "ann", "bob", "cat")
        run = await claimed_run(store, sessions[0])
        await store.finish(claim_of(run), completed('{"grade":"B"}'))
        for one in sessions:
            result = await store.result(one.id, owner=one.owner)
            assert result is not None
            assert (result.session_id, result.result, result.share) == (one.id, '{"grade":"B"}', None)
            assert await store.result(one.id, owner="dan") is None
        assert await store.result(run.id, owner=None) is None
        await store.share(sessions[1].id, "link", owner="bob")
        shared = await store.shared("link")
        assert shared is not None
        assert shared.session_id == sessions[1].id
        ann, bob, _ = sessions
        for one in sessions:
            wanted = new_session(subject="the same", reuse_key=EVERYBODY, owner=one.owner)
            found = await store.reuse(wanted, fresh_for=HOUR)
            assert found is not None
            assert (found.session.id, found.existing) == (one.id, True)
        clock.advance(1)
        wanted = new_session(subject="the same", reuse_key=EVERYBODY, owner="dan")
        found = await store.reuse(wanted, fresh_for=HOUR)
        assert found is not None
        assert (found.session.result_of, found.existing) == (ann.id, False)
        assert await store.delete(bob.id, owner="bob") is DeleteAnswer.DELETED
        assert await store.result(ann.id, owner="ann") is not None

    async def test_a_run_waits_and_is_counted_once(self, store: Store) -> None:
        await joined(store, "ann", "bob")
        (depth,) = await store.depths()
        assert (depth.waiting, depth.later) == (1, 0)
        for owner in ("cat", "dan"):
            await join(store, owner, StartLimits(active_per_owner=1, pending=1))
        with pytest.raises(QueueFull):
            await join(store, "eve", StartLimits(active_per_owner=1, pending=1), subject="another")
        assert not (await store.add(new_session(), StartLimits(active_per_owner=1, pending=2))).existing
        register_worker(store)
        assert len(await claim_next(store)) == 2
        (load,) = await store.loads((await read(store, (await join(store, "ann")).session.id)).created_at)
        assert load.in_flight == 2

    async def test_an_owner_has_no_more_sessions_in_flight_than_allowed(self, store: Store) -> None:
        limits = StartLimits(active_per_owner=1, pending=10)
        await join(store, "ann", limits)
        with pytest.raises(TooManyActive):
            await join(store, "ann", limits, subject="another")
        with pytest.raises(TooManyActive):
            await store.add(new_session(owner="ann"), limits)
        assert (await join(store, "ann", limits)).existing

    async def test_a_place_in_the_queue_is_that_of_the_run(self, store: Store, clock: FakeClock) -> None:
        await store.add(new_session(), HIGH_LIMITS)
        clock.advance(1)
        ann, _ = await joined(store, "ann", "bob")
        assert ann.run_id is not None
        assert await store.queue_position(ann.run_id) == 2
        assert await store.queue_position(ann.id) is None
        clock.advance(1)
        last = await store.add(new_session(owner="ann"), HIGH_LIMITS)
        assert await store.queue_position(last.session.id) == 3

    async def test_runs_of_everybody_do_not_wait_for_each_other(self, store: Store, clock: FakeClock) -> None:
        waiting: list[str] = []
        for number, owner in enumerate(("ann", "ann", "bob")):
            run = (await join(store, owner, subject=f"subject {number}")).run
            assert run is not None
            waiting.append(run.id)
            clock.advance(1)
        last = await store.add(new_session(owner="ann"), HIGH_LIMITS)
        waiting.append(last.session.id)
        assert [await store.queue_position(one) for one in waiting] == [1, 2, 3, 4]

    async def test_a_crash_and_a_lapse_touch_the_run_and_everybody_sees_it(self, store: Store) -> None:
        sessions = await joined(store, "ann", "bob")
        run = await claimed_run(store, sessions[0])
        await store.report([update(run, 30.0)])
        await lapse(store)
        for one in sessions:
            shown = await read(store, one.id)
            assert (shown.status, shown.lapses, shown.progress.percentage) == (Status.PENDING, 1, 30.0)
        await crash(store, run.id)
        for one in sessions:
            shown = await read(store, one.id)
            assert (shown.status, shown.crashes) == (Status.PENDING, 1)
        run = await claimed_run(store, sessions[0])
        await store.finish(claim_of(run), postponed(delay=60))
        for one in sessions:
            shown = await read(store, one.id)
            assert (shown.phase, shown.error) == (Phase.RETRYING, "The page did not answer.")

    async def test_a_quarantine_fails_everybody(self, store: Store) -> None:
        sessions = await joined(store, "ann", "bob")
        assert sessions[0].run_id is not None
        await crash(store, sessions[0].run_id, times=3)
        for one in sessions:
            own = await read(store, one.id)
            assert (own.status, own.error_code) == (Status.FAILED, "quarantined")

    async def test_another_key_subject_or_analysis_has_its_own_run(self, store: Store) -> None:
        added = [
            await join(store, "ann"),
            await join(store, "bob", subject="another"),
            await join(store, "cat", analysis="another"),
            await join(store, "dan", reuse_key="2 everybody"),
        ]
        assert len({one.session.run_id for one in added}) == len(added)
        assert all(one.run is not None for one in added)

    async def test_a_clock_that_goes_back_does_not_free_a_session_that_follows(
        self, store: Store, clock: FakeClock
    ) -> None:
        ann, _ = await joined(store, "ann", "bob")
        clock.jump_wall(-7_200)
        await store.end_future_waits()
        register_worker(store)
        assert ids_of(await claim_next(store)) == {ann.run_id}

    async def test_the_run_and_its_sessions_can_be_found(self, store: Store) -> None:
        ann, bob = await joined(store, "ann", "bob")
        run = await claimed_run(store, ann)
        for found in (
            await store.search_sessions("the same", limit=9),
            await store.select(Selection(limit=9)),
        ):
            assert {one.id: one.status for one in found} == dict.fromkeys(
                (run.id, ann.id, bob.id), Status.PROCESSING
            )
        assert await store.find_sessions(ann.id, limit=9) == [await read(store, ann.id)]
        await store.finish(claim_of(run), failed())
        assert ids_of(await store.failed(Selection(limit=9))) == {run.id, ann.id, bob.id}
        reason = replace((await store.failure_reasons(Selection()))[0], example="")
        assert reason.sessions == 3
