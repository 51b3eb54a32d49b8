"""Contract: owners, and only they, cancel and retry their sessions."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio

import pytest

from outlast.domain.outcome import Failed
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Phase, Status
from outlast.ports.failures import Answered
from outlast.ports.store import CancelAnswer, RetryAnswer, Store
from outlast.testing.acts import (
    OWNER,
    STEPS,
    claim_next,
    claim_of,
    claim_session,
    completed,
    failed,
    kept,
    postponed,
    read,
    register_worker,
    released,
    start,
    started_and_claimed,
    update,
)
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures
from outlast.testing.states import FINAL, STATES, WAITING

RETRIABLE = ("failed", "quarantined", "lost", "cancelled while waiting", "cancelled at work")


class CancelContract(StoreFixtures):
    """`cancel`."""

    @pytest.mark.parametrize("state", WAITING)
    async def test_a_pending_session_is_cancelled_at_once(
        self, store: Store, clock: FakeClock, state: str
    ) -> None:
        session = await STATES[state](store)
        clock.advance(1)
        assert await store.cancel(session.id, owner=OWNER) == CancelAnswer.CANCELLED
        row = await read(store, session.id)
        assert (row.status, row.completed_at) == (Status.CANCELLED, clock.now())
        assert not row.cancellable

    async def test_a_processing_session_gets_a_cancel_request_and_keeps_its_claim(
        self, store: Store, clock: FakeClock
    ) -> None:
        session = await started_and_claimed(store)
        clock.advance(1)
        assert await store.cancel(session.id, owner=OWNER) == CancelAnswer.CANCELLING
        row = await read(store, session.id)
        assert (row.status, row.phase) == (Status.PROCESSING, Phase.CANCELLING)
        assert row.cancel_requested_at == clock.now()
        assert row.completed_at is None
        assert await store.report([update(session, 10)]) == set()

    async def test_a_second_cancel_changes_nothing(self, store: Store, clock: FakeClock) -> None:
        session = await STATES["cancelling"](store)
        clock.advance(1)
        assert await store.cancel(session.id, owner=OWNER) == CancelAnswer.CANCELLING
        assert (await read(store, session.id)).cancel_requested_at == session.cancel_requested_at

    @pytest.mark.parametrize("state", FINAL)
    async def test_a_final_session_does_not_change(self, store: Store, state: str) -> None:
        session = await STATES[state](store)
        expected = CancelAnswer.CANCELLED if session.status is Status.CANCELLED else CancelAnswer.FINAL
        assert await store.cancel(session.id, owner=OWNER) == expected
        assert await read(store, session.id) == session

    @pytest.mark.parametrize("state", STATES)
    async def test_nobody_cancels_anothers_session(self, store: Store, state: str) -> None:
        session = await STATES[state](store)
        assert await store.cancel(session.id, owner="somebody else") is None
        assert await store.cancel("a" * 26, owner=None) is None
        assert await read(store, session.id) == session

    async def test_a_concurrent_cancel_and_claim_leave_no_session_running_without_a_cancel_request(
        self, store: Store
    ) -> None:
        register_worker(store)
        for _ in range(10):
            session = await start(store)
            answer, claimed = await asyncio.gather(store.cancel(session.id, owner=OWNER), claim_next(store))
            row = await read(store, session.id)
            if claimed:
                assert (answer, row.phase) == (CancelAnswer.CANCELLING, Phase.CANCELLING)
            else:
                assert (answer, row.status) == (CancelAnswer.CANCELLED, Status.CANCELLED)

    async def test_a_concurrent_cancel_and_end_leave_no_pending_session(self, store: Store) -> None:
        for _ in range(20):
            session = await started_and_claimed(store)
            answer, ended = await asyncio.gather(
                store.cancel(session.id, owner=OWNER), store.finish(claim_of(session), postponed())
            )
            assert ended
            assert answer in {CancelAnswer.CANCELLING, CancelAnswer.CANCELLED}
            assert (await read(store, session.id)).status is Status.CANCELLED


ASKED = '{"pointer":"/only","questions":[]}'
ANSWERED = Answered('{"only": {"product": "kettle"}}', "the kettle")


class AnswerContract(StoreFixtures):
    """`retry` with the answer to a session's questions."""

    @pytest.fixture
    async def asking(self, store: Store) -> AnalysisSession:
        session = await started_and_claimed(store)
        await store.keep_step(claim_of(session), kept())
        asking = Failed("Which product?", "question", None, STEPS, asked=ASKED)
        assert await store.finish(claim_of(session), asking)
        return await read(store, session.id)

    @pytest.mark.parametrize("text", [ANSWERED.input, f'{{"long": "{"é" * 5000}"}}'])
    async def test_the_answer_restarts_the_session_with_its_new_input_and_subject(
        self, store: Store, asking: AnalysisSession, text: str
    ) -> None:
        assert (asking.status, asking.error_code, asking.asked) == (Status.FAILED, "question", ASKED)
        answered = Answered(text, "the kettle")
        assert await store.retry(asking.id, owner=OWNER, attempts=3, answered=answered) == RetryAnswer.RETRIED
        row = await read(store, asking.id)
        assert (row.status, row.input, row.subject) == (Status.PENDING, text, "the kettle")
        assert (row.asked, row.error_code) == (None, None)
        register_worker(store, "another")
        claimed = await claim_session(store, asking.id, "another")
        assert (claimed.input, list(await store.kept_steps(asking.id))) == (text, [kept()])
        assert await store.finish(claim_of(claimed), completed())
        result = await store.result(asking.id, owner=OWNER)
        assert result is not None
        assert result.subject == "the kettle"

    async def test_a_large_input_becomes_a_small_one(self, store: Store) -> None:
        session = await start(store, input=f'{{"long": "{"x" * 5000}"}}')
        register_worker(store)
        claimed = await claim_session(store, session.id)
        await store.finish(claim_of(claimed), Failed("Which?", "question", None, STEPS, asked=ASKED))
        await store.retry(session.id, owner=OWNER, attempts=1, answered=ANSWERED)
        assert (await read(store, session.id)).input == ANSWERED.input

    @pytest.mark.parametrize("state", RETRIABLE)
    async def test_only_a_session_with_questions_takes_answers(self, store: Store, state: str) -> None:
        session = await STATES[state](store)
        answer = await store.retry(session.id, owner=OWNER, attempts=3, answered=ANSWERED)
        assert answer == RetryAnswer.NOTHING_ASKED
        assert await read(store, session.id) == session

    async def test_a_plain_retry_keeps_the_input_and_a_second_answer_finds_it_in_flight(
        self, store: Store, asking: AnalysisSession
    ) -> None:
        assert await store.retry(asking.id, owner=OWNER, attempts=3) == RetryAnswer.RETRIED
        row = await read(store, asking.id)
        assert (row.input, row.subject, row.asked) == (asking.input, asking.subject, None)
        answer = await store.retry(asking.id, owner=OWNER, attempts=3, answered=ANSWERED)
        assert answer == RetryAnswer.NOT_FINAL

    async def test_the_new_subject_must_not_be_in_flight_and_the_owner_must_be_right(
        self, store: Store, asking: AnalysisSession
    ) -> None:
        await start(store, subject=ANSWERED.subject)
        answer = await store.retry(asking.id, owner=OWNER, attempts=3, answered=ANSWERED)
        assert answer == RetryAnswer.ANOTHER_IN_FLIGHT
        assert await store.retry(asking.id, owner="somebody else", attempts=3, answered=ANSWERED) is None
        assert await read(store, asking.id) == asking

    async def test_another_end_forgets_the_questions(self, store: Store, asking: AnalysisSession) -> None:
        await store.retry(asking.id, owner=OWNER, attempts=3)
        register_worker(store, "another")
        await store.finish(claim_of(await claim_session(store, asking.id, "another")), failed())
        assert (await read(store, asking.id)).asked is None


class RetryContract(StoreFixtures):
    """`retry`."""

    @pytest.mark.parametrize("state", RETRIABLE)
    async def test_a_retry_resumes_where_the_session_stopped(
        self, store: Store, clock: FakeClock, state: str
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
        register_worker(store, "another")
        assert (await claim_session(store, session.id, "another")).claim == session.claim + 1

    async def test_kept_steps_percentage_and_history_stay(self, store: Store) -> None:
        session = await started_and_claimed(store)
        await store.keep_step(claim_of(session), kept())
        await store.report([update(session, 45)])
        await store.cancel(session.id, owner=OWNER)
        await store.finish(claim_of(session), released())
        history = await store.history(session.id)
        assert await store.retry(session.id, owner=OWNER, attempts=3) == RetryAnswer.RETRIED
        assert list(await store.kept_steps(session.id)) == [kept()]
        assert (await read(store, session.id)).progress.percentage == 45
        assert await store.history(session.id) == history

    @pytest.mark.parametrize("state", [*WAITING, "running", "cancelling"])
    async def test_a_session_in_flight_is_not_retried(self, store: Store, state: str) -> None:
        session = await STATES[state](store)
        assert await store.retry(session.id, owner=OWNER, attempts=3) == RetryAnswer.NOT_FINAL
        assert await read(store, session.id) == session

    async def test_a_completed_session_is_not_retried(self, store: Store) -> None:
        session = await STATES["completed"](store)
        assert await store.retry(session.id, owner=OWNER, attempts=3) == RetryAnswer.COMPLETED
        assert await read(store, session.id) == session

    @pytest.mark.parametrize("state", STATES)
    async def test_nobody_retries_anothers_session(self, store: Store, state: str) -> None:
        session = await STATES[state](store)
        assert await store.retry(session.id, owner="somebody else", attempts=3) is None
        assert await store.retry("a" * 26, owner=None, attempts=3) is None
        assert await read(store, session.id) == session

    @pytest.mark.parametrize("state", RETRIABLE)
    async def test_a_retry_is_refused_while_another_session_of_the_subject_is_in_flight(
        self, store: Store, state: str
    ) -> None:
        session = await STATES[state](store)
        other = await start(store, subject=session.subject)
        assert await store.retry(session.id, owner=OWNER, attempts=3) == RetryAnswer.ANOTHER_IN_FLIGHT
        assert await read(store, session.id) == session
        register_worker(store, "another")
        await store.finish(claim_of(await claim_session(store, other.id, "another")), completed())
        assert await store.retry(session.id, owner=OWNER, attempts=3) == RetryAnswer.RETRIED

    async def test_of_two_concurrent_retries_one_counts(self, store: Store) -> None:
        session = await STATES["failed"](store)
        answers = await asyncio.gather(*(store.retry(session.id, owner=OWNER, attempts=3) for _ in range(5)))
        assert sorted(str(answer) for answer in answers) == ["not_final"] * 4 + ["retried"]

    async def test_retries_and_starts_of_one_subject_at_once_leave_one_in_flight(self, store: Store) -> None:
        ended = [await start(store, subject="the same") for _ in range(1)]
        await store.cancel(ended[0].id, owner=OWNER)
        ended.append(await start(store, subject="the same"))
        await store.cancel(ended[1].id, owner=OWNER)
        await asyncio.gather(
            *(store.retry(session.id, owner=OWNER, attempts=1) for session in ended),
            *(start(store, subject="the same") for _ in range(3)),
        )
        assert (await store.count())[Status.PENDING] == 1
