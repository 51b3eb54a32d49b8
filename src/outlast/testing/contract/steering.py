"""Contract: owners, and only they, cancel and retry their sessions."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio

import pytest

from outlast.domain.status import Phase, Status
from outlast.ports.store import CancelAnswer, RetryAnswer
from outlast.testing.acts import (
    OWNER,
    WholeStore,
    completed,
    enter,
    kept,
    postponed,
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
from outlast.testing.contract.fixtures import StoreFixtures
from outlast.testing.states import FINAL, STATES, WAITING

RETRIABLE = ("failed", "quarantined", "lost", "cancelled while waiting", "cancelled at work")


class CancelContract(StoreFixtures):
    """`cancel`."""

    @pytest.mark.parametrize("state", WAITING)
    async def test_what_waits_is_cancelled_at_once(self, store: WholeStore, clock: FakeClock, state: str) -> None:
        session = await STATES[state](store)
        clock.advance(1)
        assert await store.cancel(session.id, owner=OWNER) == CancelAnswer.CANCELLED
        row = await read(store, session.id)
        assert (row.status, row.completed_at) == (Status.CANCELLED, clock.now())
        assert not row.cancellable

    async def test_what_runs_is_asked_to_stop_and_keeps_its_claim(
        self, store: WholeStore, clock: FakeClock
    ) -> None:
        session = await started_and_claimed(store)
        clock.advance(1)
        assert await store.cancel(session.id, owner=OWNER) == CancelAnswer.CANCELLING
        row = await read(store, session.id)
        assert (row.status, row.phase) == (Status.PROCESSING, Phase.CANCELLING)
        assert row.cancel_requested_at == clock.now()
        assert row.completed_at is None
        assert await store.report([update(session, 10)]) == set()

    async def test_asking_twice_is_asking_once(self, store: WholeStore, clock: FakeClock) -> None:
        session = await STATES["cancelling"](store)
        clock.advance(1)
        assert await store.cancel(session.id, owner=OWNER) == CancelAnswer.CANCELLING
        assert (await read(store, session.id)).cancel_requested_at == session.cancel_requested_at

    @pytest.mark.parametrize("state", FINAL)
    async def test_what_is_final_stays_as_it_is(self, store: WholeStore, state: str) -> None:
        session = await STATES[state](store)
        expected = CancelAnswer.CANCELLED if session.status is Status.CANCELLED else CancelAnswer.FINAL
        assert await store.cancel(session.id, owner=OWNER) == expected
        assert await read(store, session.id) == session

    @pytest.mark.parametrize("state", STATES)
    async def test_nobody_cancels_anothers_session(self, store: WholeStore, state: str) -> None:
        session = await STATES[state](store)
        assert await store.cancel(session.id, owner="somebody else") is None
        assert await store.cancel("a" * 26, owner=None) is None
        assert await read(store, session.id) == session

    async def test_a_cancel_and_a_claim_at_once_leave_no_session_that_runs_unasked(
        self, store: WholeStore
    ) -> None:
        enter(store)
        for _ in range(10):
            session = await start(store)
            answer, claimed = await asyncio.gather(store.cancel(session.id, owner=OWNER), take(store))
            row = await read(store, session.id)
            if claimed:
                assert (answer, row.phase) == (CancelAnswer.CANCELLING, Phase.CANCELLING)
            else:
                assert (answer, row.status) == (CancelAnswer.CANCELLED, Status.CANCELLED)

    async def test_a_cancel_and_an_end_at_once_leave_nothing_that_waits_on(self, store: WholeStore) -> None:
        for _ in range(20):
            session = await started_and_claimed(store)
            answer, ended = await asyncio.gather(
                store.cancel(session.id, owner=OWNER), store.finish(right(session), postponed())
            )
            assert ended
            assert answer in {CancelAnswer.CANCELLING, CancelAnswer.CANCELLED}
            assert (await read(store, session.id)).status is Status.CANCELLED


class RetryContract(StoreFixtures):
    """`retry`."""

    @pytest.mark.parametrize("state", RETRIABLE)
    async def test_a_new_round_begins_where_the_last_one_stopped(
        self, store: WholeStore, clock: FakeClock, state: str
    ) -> None:
        session = await STATES[state](store)
        clock.advance(1)
        assert await store.retry(session.id, owner=OWNER, attempts=2) == RetryAnswer.RETRIED
        row = await read(store, session.id)
        assert (row.status, row.phase) == (Status.PENDING, Phase.QUEUED)
        assert (row.attempt, row.max_attempts, row.crashes) == (session.attempt, session.attempt + 2, 0)
        assert (row.error, row.error_code, row.reference) == (None, None, None)
        assert (row.completed_at, row.cancel_requested_at) == (None, None)
        assert row.available_at <= clock.now()
        assert (row.input, row.progress.percentage) == (session.input, session.progress.percentage)
        enter(store, "another")
        assert (await take_one(store, session.id, "another")).claim == session.claim + 1

    async def test_kept_steps_percentage_and_history_stay(self, store: WholeStore) -> None:
        session = await started_and_claimed(store)
        await store.keep_step(right(session), kept())
        await store.report([update(session, 45)])
        await store.cancel(session.id, owner=OWNER)
        await store.finish(right(session), released())
        history = await store.history(session.id)
        assert await store.retry(session.id, owner=OWNER, attempts=3) == RetryAnswer.RETRIED
        assert list(await store.kept_steps(session.id)) == [kept()]
        assert (await read(store, session.id)).progress.percentage == 45
        assert await store.history(session.id) == history

    @pytest.mark.parametrize("state", [*WAITING, "running", "cancelling"])
    async def test_what_is_in_flight_is_not_retried(self, store: WholeStore, state: str) -> None:
        session = await STATES[state](store)
        assert await store.retry(session.id, owner=OWNER, attempts=3) == RetryAnswer.NOT_FINAL
        assert await read(store, session.id) == session

    async def test_what_is_completed_is_not_repeated(self, store: WholeStore) -> None:
        session = await STATES["completed"](store)
        assert await store.retry(session.id, owner=OWNER, attempts=3) == RetryAnswer.COMPLETED
        assert await read(store, session.id) == session

    @pytest.mark.parametrize("state", STATES)
    async def test_nobody_retries_anothers_session(self, store: WholeStore, state: str) -> None:
        session = await STATES[state](store)
        assert await store.retry(session.id, owner="somebody else", attempts=3) is None
        assert await store.retry("a" * 26, owner=None, attempts=3) is None
        assert await read(store, session.id) == session

    @pytest.mark.parametrize("state", RETRIABLE)
    async def test_a_session_gives_way_to_another_of_the_same_subject_in_flight(
        self, store: WholeStore, state: str
    ) -> None:
        session = await STATES[state](store)
        other = await start(store, subject=session.subject)
        assert await store.retry(session.id, owner=OWNER, attempts=3) == RetryAnswer.ANOTHER_IN_FLIGHT
        assert await read(store, session.id) == session
        enter(store, "another")
        await store.finish(right(await take_one(store, other.id, "another")), completed())
        assert await store.retry(session.id, owner=OWNER, attempts=3) == RetryAnswer.RETRIED

    async def test_two_retries_at_once_are_one(self, store: WholeStore) -> None:
        session = await STATES["failed"](store)
        answers = await asyncio.gather(*(store.retry(session.id, owner=OWNER, attempts=3) for _ in range(5)))
        assert sorted(str(answer) for answer in answers) == ["not_final"] * 4 + ["retried"]

    async def test_retries_and_starts_of_one_subject_at_once_leave_one_in_flight(self, store: WholeStore) -> None:
        ended = [await start(store, subject="the same") for _ in range(1)]
        await store.cancel(ended[0].id, owner=OWNER)
        ended.append(await start(store, subject="the same"))
        await store.cancel(ended[1].id, owner=OWNER)
        await asyncio.gather(
            *(store.retry(session.id, owner=OWNER, attempts=1) for session in ended),
            *(start(store, subject="the same") for _ in range(3)),
        )
        assert (await store.count())[Status.PENDING] == 1
