"""Contract: what each end of an attempt writes."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio
from datetime import timedelta

import pytest

from outlast.domain.outcome import End, Released
from outlast.domain.session import AttemptEnd
from outlast.domain.status import Phase, Status
from outlast.ports.store import Store
from outlast.testing.acts import (
    OWNER,
    STEPS,
    WORKER,
    cancelled,
    claim_of,
    claim_session,
    completed,
    failed,
    kept,
    postponed,
    read,
    released,
    started_and_claimed,
    update,
)
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures
from outlast.testing.states import STATES

EVERY_END: dict[AttemptEnd, End] = {
    "completed": completed(),
    "failed": failed(),
    "postponed": postponed(),
    "cancelled": cancelled(),
    "released": released(),
}


class FinishContract(StoreFixtures):
    """`finish`, `history`."""

    async def test_completed_keeps_the_result_and_shows_a_hundred_percent(
        self, store: Store, clock: FakeClock
    ) -> None:
        first = await started_and_claimed(store)
        await store.finish(claim_of(first), postponed())
        session = await claim_session(store, first.id)
        await store.keep_step(claim_of(session), kept())
        clock.advance(2)
        assert await store.finish(claim_of(session), completed('{"Ω":1}', redirect_url="/done"))
        row = await read(store, session.id)
        assert (row.status, row.phase) == (Status.COMPLETED, Phase.COMPLETED)
        assert row.progress.percentage == 100
        assert row.progress.steps == STEPS
        assert row.completed_at == row.updated_at == clock.now()
        assert (row.error, row.error_code, row.reference) == (None, None, None)
        assert row.redirect_url == "/done"
        assert row.result_bytes == len('{"Ω":1}'.encode())
        assert row.worker_id is None
        assert list(await store.kept_steps(session.id)) == []
        result = await store.result(session.id, owner=OWNER)
        assert result is not None
        assert (result.result, result.redirect_url) == ('{"Ω":1}', "/done")

    async def test_failed_says_why_and_keeps_steps_and_percentage(self, store: Store, clock: FakeClock) -> None:
        session = await started_and_claimed(store)
        await store.keep_step(claim_of(session), kept())
        await store.report([update(session, 40)])
        assert await store.finish(claim_of(session), failed("Gone.", "ref-9"))
        row = await read(store, session.id)
        assert (row.status, row.phase) == (Status.FAILED, Phase.FAILED)
        assert (row.error, row.error_code, row.reference) == ("Gone.", "gone", "ref-9")
        assert (row.progress.percentage, row.attempt) == (40, 1)
        assert row.completed_at == clock.now()
        assert row.worker_id is None
        assert list(await store.kept_steps(session.id)) == [kept()]
        assert await store.result(session.id, owner=None) is None

    async def test_postponed_waits_for_its_delay_and_says_why(self, store: Store, clock: FakeClock) -> None:
        session = await started_and_claimed(store)
        await store.report([update(session, 40)])
        assert await store.finish(claim_of(session), postponed(12.5, "No answer."))
        row = await read(store, session.id)
        assert (row.status, row.phase) == (Status.PENDING, Phase.RETRYING)
        assert row.available_at == clock.now() + timedelta(seconds=12.5)
        assert (row.error, row.error_code, row.reference) == ("No answer.", "timeout", "ref-2")
        assert (row.attempt, row.crashes, row.progress.percentage) == (1, 0, 40)
        assert (row.completed_at, row.worker_id) == (None, None)

    async def test_released_spends_no_attempt_and_sets_no_error(self, store: Store, clock: FakeClock) -> None:
        session = await started_and_claimed(store)
        await store.keep_step(claim_of(session), kept())
        await store.report([update(session, 40)])
        assert await store.finish(claim_of(session), released())
        row = await read(store, session.id)
        assert (row.status, row.phase) == (Status.PENDING, Phase.QUEUED)
        assert (row.attempt, row.crashes, row.claim) == (0, 0, session.claim)
        assert (row.error, row.error_code, row.reference) == (None, None, None)
        assert (row.completed_at, row.worker_id) == (None, None)
        assert row.available_at <= clock.now()
        assert row.progress.percentage == 40
        assert list(await store.kept_steps(session.id)) == [kept()]

    async def test_the_reason_of_a_release_is_only_in_the_history(self, store: Store) -> None:
        session = await started_and_claimed(store)
        end = Released("It is not understood.")
        assert await store.finish(claim_of(session), end)
        assert await store.finish(claim_of(session), end)
        row = await read(store, session.id)
        assert (row.status, row.attempt) == (Status.PENDING, 0)
        assert (row.error, row.error_code, row.reference) == (None, None, None)
        (line,) = await store.history(session.id)
        assert (line.ended, line.error) == ("released", "It is not understood.")

    async def test_releases_never_use_up_the_attempts_and_postponements_do(self, store: Store) -> None:
        session = await started_and_claimed(store)
        for _ in range(5):
            assert await store.finish(claim_of(session), released())
            session = await claim_session(store, session.id)
        assert session.attempt == 1
        for attempt in (2, 3):
            assert await store.finish(claim_of(session), postponed())
            session = await claim_session(store, session.id)
            assert session.attempt == attempt

    async def test_cancelled_is_final(self, store: Store, clock: FakeClock) -> None:
        session = await STATES["cancelling"](store)
        assert await store.finish(claim_of(session), cancelled())
        row = await read(store, session.id)
        assert (row.status, row.phase) == (Status.CANCELLED, Phase.CANCELLED)
        assert row.completed_at == clock.now()
        assert row.worker_id is None
        assert row.progress.percentage < 100

    @pytest.mark.parametrize(
        ("end", "status"),
        [
            (postponed(60), Status.CANCELLED),
            (released(), Status.CANCELLED),
            (cancelled(), Status.CANCELLED),
            (completed(), Status.COMPLETED),
            (failed(), Status.FAILED),
        ],
    )
    async def test_a_cancel_request_makes_postponed_and_released_attempts_final_and_no_others(
        self, store: Store, clock: FakeClock, end: End, status: Status
    ) -> None:
        session = await STATES["cancelling"](store)
        assert await store.finish(claim_of(session), end)
        row = await read(store, session.id)
        assert row.status == status
        assert row.completed_at == clock.now()

    @pytest.mark.parametrize("state", ["running", "cancelling"])
    @pytest.mark.parametrize("name", EVERY_END)
    async def test_an_end_whose_answer_was_lost_may_be_written_again(
        self, store: Store, clock: FakeClock, name: AttemptEnd, state: str
    ) -> None:
        session = await STATES[state](store)
        assert await store.finish(claim_of(session), EVERY_END[name])
        row, history = await read(store, session.id), await store.history(session.id)
        clock.advance(1)
        assert await store.finish(claim_of(session), EVERY_END[name])
        assert await read(store, session.id) == row
        assert await store.history(session.id) == history

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            (completed('{"a":1}'), completed('{"a":2}')),
            (completed(), failed()),
            (failed(), completed()),
            (failed("This."), failed("That.")),
            (cancelled(), completed()),
            (postponed(60), failed()),
            (released(), completed()),
            (released(), postponed()),
        ],
    )
    async def test_another_end_of_the_same_claim_is_refused(self, store: Store, first: End, second: End) -> None:
        session = await started_and_claimed(store)
        assert await store.finish(claim_of(session), first)
        row, result = await read(store, session.id), await store.result(session.id, owner=None)
        assert not await store.finish(claim_of(session), second)
        assert await read(store, session.id) == row
        assert await store.result(session.id, owner=None) == result

    async def test_of_two_ends_at_once_one_counts(self, store: Store) -> None:
        for _ in range(10):
            session = await started_and_claimed(store)
            answers = await asyncio.gather(
                store.finish(claim_of(session), completed()), store.finish(claim_of(session), failed())
            )
            assert sorted(answers) == [False, True]
            (line,) = await store.history(session.id)
            assert line.ended == (await read(store, session.id)).status

    @pytest.mark.parametrize("name", EVERY_END)
    async def test_each_end_adds_a_line_of_history(self, store: Store, clock: FakeClock, name: AttemptEnd) -> None:
        session = await started_and_claimed(store)
        clock.advance(1)
        await store.finish(claim_of(session), EVERY_END[name])
        (line,) = await store.history(session.id)
        assert (line.claim, line.attempt, line.worker_id) == (1, 1, WORKER)
        assert (line.ended, line.ended_at) == (name, clock.now())
        said = {"failed": ("The page is gone.", "ref-1"), "postponed": ("The page did not answer.", "ref-2")}
        assert (line.error, line.reference) == said.get(name, (None, None))

    async def test_the_history_is_ordered_oldest_first(self, store: Store, clock: FakeClock) -> None:
        session = await started_and_claimed(store)
        for end in (released(), postponed(), failed()):
            await store.finish(claim_of(session), end)
            clock.jump_wall(-10)
            if end != failed():
                session = await claim_session(store, session.id)
        lines = await store.history(session.id)
        assert [(line.claim, line.attempt, line.ended) for line in lines] == [
            (1, 1, "released"),
            (2, 1, "postponed"),
            (3, 2, "failed"),
        ]
        assert await store.history("a" * 26) == []
