"""Contract: how sessions leave a run that they share: by a cancel, a retry, a deletion or a login."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio
from datetime import timedelta

from outlast.domain.outcome import Failed
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.ports.callbacks import Callback
from outlast.ports.deletions import DeleteAnswer
from outlast.ports.failures import Answered, RetryAnswer, Selection
from outlast.ports.store import CancelAnswer, StartLimits, Store
from outlast.testing.acts import (
    STEPS,
    cancelled,
    claim_next,
    claim_of,
    claim_session,
    completed,
    failed,
    ids_of,
    kept,
    new_session,
    read,
    register_worker,
    update,
)
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures
from outlast.testing.contract.sharing import EVERYBODY, HOUR, claimed_run, join, joined, statuses


class LeavingRunContract(StoreFixtures):
    """`cancel`, `retry`, `delete` and `adopt` of sessions that share a run."""

    async def test_a_cancel_detaches_its_owner_and_the_last_one_stops_the_run(
        self, store: Store, clock: FakeClock
    ) -> None:
        ann, bob = await joined(store, "ann", "bob")
        run = await claimed_run(store, ann)
        await store.report([update(run, 30.0)])
        clock.advance(1)
        assert await store.cancel(ann.id, owner="bob") is None
        assert await store.cancel(ann.id, owner="ann") is CancelAnswer.CANCELLED
        assert await store.cancel(ann.id, owner="ann") is CancelAnswer.CANCELLED
        own = await read(store, ann.id)
        assert (own.status, own.progress.percentage, own.completed_at) == (Status.CANCELLED, 30.0, clock.now())
        assert await statuses(store, [bob, run]) == [Status.PROCESSING] * 2
        assert (await read(store, run.id)).cancel_requested_at is None
        assert not await store.report([update(run, 40.0)])
        assert (await read(store, ann.id)).progress.percentage == 30.0
        assert (await read(store, bob.id)).progress.percentage == 40.0
        assert await store.cancel(bob.id, owner="bob") is CancelAnswer.CANCELLED
        stopped = await read(store, run.id)
        assert (stopped.status, stopped.cancel_requested_at) == (Status.PROCESSING, clock.now())
        cat = await join(store, "cat")
        assert cat.run is not None
        await store.finish(claim_of(run), completed())
        assert await store.result(run.id, owner=None) is None
        assert await statuses(store, [ann, bob, cat.session]) == [Status.CANCELLED] * 2 + [Status.PENDING]
        wanted = new_session(subject="the same", reuse_key=EVERYBODY, owner="dan")
        assert await store.reuse(wanted, fresh_for=HOUR) is None

    async def test_the_last_cancel_ends_a_run_that_waits(self, store: Store) -> None:
        ann, bob = await joined(store, "ann", "bob")
        assert ann.run_id is not None
        for one, after in ((ann, Status.PENDING), (bob, Status.CANCELLED)):
            assert await store.cancel(one.id, owner=one.owner) is CancelAnswer.CANCELLED
            assert (await read(store, ann.run_id)).status is after
        register_worker(store)
        assert await claim_next(store) == []
        assert await store.depths() == []
        await store.add(new_session(), StartLimits(active_per_owner=1, pending=1))

    async def test_an_operator_cancels_the_run_for_everybody(self, store: Store) -> None:
        sessions = await joined(store, "ann", "bob")
        assert sessions[0].run_id is not None
        assert await store.cancel(sessions[0].run_id, owner=None) is CancelAnswer.CANCELLED
        assert await statuses(store, sessions) == [Status.CANCELLED] * 2

    async def test_starts_and_cancels_at_once_leave_a_run_exactly_while_somebody_wants_it(
        self, store: Store
    ) -> None:
        async def come_and_go(owner: str, *, stays: bool) -> AnalysisSession:
            session = (await join(store, owner)).session
            if not stays:
                await store.cancel(session.id, owner=owner)
            return session

        owners = [f"owner-{n}" for n in range(20)]
        sessions = await asyncio.gather(*(come_and_go(one, stays=one == "owner-7") for one in owners))
        register_worker(store)
        (run,) = await claim_next(store)
        assert run.id == sessions[7].run_id
        await store.finish(claim_of(run), completed())
        ends = await statuses(store, sessions)
        assert [status is Status.COMPLETED for status in ends] == [n == 7 for n in range(20)]

    async def test_a_retry_follows_the_run_again_with_its_kept_steps(self, store: Store, clock: FakeClock) -> None:
        sessions = await joined(store, "ann", "bob", "cat")
        run = await claimed_run(store, sessions[0])
        await store.keep_step(claim_of(run), kept())
        await store.cancel(sessions[2].id, owner="cat")
        await store.finish(claim_of(run), failed())
        clock.advance(1)
        before = [await read(store, one.id) for one in sessions]
        for one in sessions:
            await store.add_callback(Callback(one.id, "https://receiver.example/hooks", "k-1"))
        for callback in await store.due_callbacks(9):
            await store.set_delivery(callback, "d" * 26)
        assert await store.due_callbacks(9) == []
        assert await store.retry(sessions[1].id, owner="bob", attempts=2) is RetryAnswer.RETRIED
        for one, former in zip(sessions[:2], before, strict=False):
            shown = await read(store, one.id)
            assert (shown.status, shown.error, shown.max_attempts) == (Status.PENDING, None, 3)
            assert shown.version > former.version
        assert (await read(store, sessions[2].id)) == before[2]
        assert await store.retry(sessions[0].id, owner="ann", attempts=2) is RetryAnswer.NOT_FINAL
        clock.advance(1)
        assert await store.retry(sessions[2].id, owner="cat", attempts=2) is RetryAnswer.RETRIED
        assert (await read(store, sessions[2].id)).status is Status.PENDING
        run = await claimed_run(store, sessions[0])
        assert [one.call for one in await store.kept_steps(run.id)] == [kept().call]
        await store.finish(claim_of(run), completed())
        assert await statuses(store, sessions) == [Status.COMPLETED] * 3
        assert {one.session_id for one in await store.due_callbacks(9)} == ids_of(sessions)

    async def test_a_retry_joins_the_run_in_flight(self, store: Store, clock: FakeClock) -> None:
        (ann,) = await joined(store, "ann")
        run = await claimed_run(store, ann)
        await store.finish(claim_of(run), failed())
        clock.advance(1)
        bob = await join(store, "bob")
        assert bob.run is not None
        clock.advance(1)
        assert await store.retry(ann.id, owner="ann", attempts=2) is RetryAnswer.RETRIED
        again = await read(store, ann.id)
        assert (again.run_id, again.status, again.error) == (bob.run.id, Status.PENDING, None)
        assert (await read(store, run.id)).status is Status.FAILED
        run = await claimed_run(store, bob.session)
        await store.finish(claim_of(run), completed())
        assert await statuses(store, [ann, bob.session]) == [Status.COMPLETED] * 2

    async def test_a_retry_beside_starts_of_the_other_owners(self, store: Store) -> None:
        owners = [f"owner-{n}" for n in range(20)]
        sessions = await joined(store, *owners)
        run = await claimed_run(store, sessions[0])
        await store.finish(claim_of(run), failed())
        answer, *_ = await asyncio.gather(
            store.retry(sessions[0].id, owner=owners[0], attempts=2), *(join(store, owner) for owner in owners[1:])
        )
        assert answer is RetryAnswer.RETRIED
        rows = [row for row in await store.select(Selection(limit=1_000)) if not row.status.final]
        assert sorted(row.owner for row in rows if row.run_id is not None) == sorted(owners)
        assert len({row.run_id for row in rows if row.run_id is not None}) == 1

    async def test_who_retries_without_a_run_is_run_alone(self, store: Store, clock: FakeClock) -> None:
        ann, bob = await joined(store, "ann", "bob")
        run = await claimed_run(store, ann)
        await store.cancel(ann.id, owner="ann")
        await store.finish(claim_of(run), completed())
        clock.advance(1)
        assert await store.retry(ann.id, owner="ann", attempts=2) is RetryAnswer.RETRIED
        alone = await read(store, ann.id)
        assert (alone.run_id, alone.status) == (None, Status.PENDING)
        claimed_again = await claim_session(store, ann.id)
        await store.finish(claim_of(claimed_again), completed('{"grade":"C"}'))
        assert (await read(store, bob.id)).status is Status.COMPLETED
        result = await store.result(ann.id, owner="ann")
        assert result is not None
        assert result.result == '{"grade":"C"}'

    async def test_who_answers_a_question_is_run_alone_and_keeps_the_steps(self, store: Store) -> None:
        ann, bob = await joined(store, "ann", "bob")
        run = await claimed_run(store, ann)
        await store.keep_step(claim_of(run), kept())
        await store.finish(claim_of(run), Failed("Which?", "question", None, STEPS, asked="{}"))
        answered = Answered('{"url":"https://example.org/","column":"a"}', "the same, column a")
        assert await store.retry(ann.id, owner="ann", attempts=2, answered=answered) is RetryAnswer.RETRIED
        alone = await claim_session(store, ann.id)
        assert (alone.run_id, alone.input, alone.subject) == (None, answered.input, answered.subject)
        assert [one.call for one in await store.kept_steps(ann.id)] == [kept().call]
        assert (await read(store, bob.id)).status is Status.FAILED

    async def test_operators_retry_the_run_for_everybody(self, store: Store) -> None:
        sessions = await joined(store, "ann", "bob")
        run = await claimed_run(store, sessions[0])
        await store.finish(claim_of(run), failed())
        everything = dict.fromkeys((run.id, *(s.id for s in sessions)), 2)
        answers = await store.retry_each(everything)
        assert set(answers) == set(everything)
        assert RetryAnswer.RETRIED in answers.values()
        assert await statuses(store, [*sessions, run]) == [Status.PENDING] * 3
        run = await claimed_run(store, sessions[0])
        await store.finish(claim_of(run), failed())
        assert await store.retry(run.id, owner=None, attempts=2) is RetryAnswer.RETRIED
        assert await statuses(store, [*sessions, run]) == [Status.PENDING] * 3

    async def test_the_run_is_deleted_with_its_last_session(self, store: Store) -> None:
        ann, bob = await joined(store, "ann", "bob")
        run = await claimed_run(store, ann)
        assert await store.delete(ann.id, owner="ann") is DeleteAnswer.IN_FLIGHT
        await store.finish(claim_of(run), completed())
        await store.delete(ann.id, owner="ann")
        assert (await read(store, run.id)).status is Status.COMPLETED
        assert await store.result(bob.id, owner="bob") is not None
        wanted = new_session(subject="the same", reuse_key=EVERYBODY, owner="dan")
        assert await store.reuse(wanted, fresh_for=HOUR) is None
        await store.delete_all("bob")
        assert await store.get(run.id, owner=None) is None
        assert await store.count() == dict.fromkeys(Status, 0)

    async def test_cleanup_deletes_a_run_without_sessions(self, store: Store, clock: FakeClock) -> None:
        (ann,) = await joined(store, "ann")
        run = await claimed_run(store, ann)
        await store.cancel(ann.id, owner="ann")
        await store.delete(ann.id, owner="ann")
        assert (await read(store, run.id)).cancel_requested_at is not None
        await store.finish(claim_of(run), cancelled())
        long_ago = clock.now() - timedelta(days=9)
        times = {"uploads_before": long_ago, "sessions_before": long_ago, "results_before": long_ago}
        await store.prune(**times, dry_run=False)
        assert await store.get(run.id, owner=None) is None

    async def test_who_logs_in_takes_their_session_along(self, store: Store) -> None:
        nobody, bob = await joined(store, "nobody", "bob")
        assert await store.adopt("nobody", "ann") == 1
        run = await claimed_run(store, nobody)
        shown = await store.get(nobody.id, owner="ann")
        assert shown is not None
        assert (shown.status, shown.run_id) == (Status.PROCESSING, run.id)
        await store.adopt("bob", "ann")
        assert (await read(store, bob.id)).owner == "bob"
        await store.finish(claim_of(run), completed())
        assert await store.result(nobody.id, owner="ann") is not None
