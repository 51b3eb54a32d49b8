"""Contract: what operators learn about failures, and how they retry them."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from outlast.domain.error_report import ErrorReport
from outlast.domain.outcome import Cancelled, Failed, Postponed, Released
from outlast.domain.progress import Progress, StepStatus
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.ports.failures import Cursor, FailureReason, RetryAnswer, Selection
from outlast.ports.overview import QueueLoad
from outlast.ports.store import ProgressUpdate, Store
from outlast.testing.acts import (
    STEPS,
    WORKER,
    claim_of,
    claim_session,
    completed,
    death_of,
    failed,
    ids_of,
    kept,
    lapse,
    postponed,
    read,
    register_worker,
    start,
    started_and_claimed,
)
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures
from outlast.testing.states import STATES

REPORT = ErrorReport("shop.Closed", "The shop “x” is closed.", "Traceback\n  here\nshop.Closed: closed")


async def fail(store: Store, **changes: Any) -> AnalysisSession:
    """Start a session and let its first attempt fail; `code`, `report` and `reference` are those of the end."""
    end = Failed(
        "It failed.", changes.pop("code", "error"), changes.pop("reference", None), STEPS, "judge",
        changes.pop("report", REPORT),
    )  # fmt: skip
    session = await started_and_claimed(store, **changes)
    await store.finish(claim_of(session), end)
    return await read(store, session.id)


class AttemptDetailContract(StoreFixtures):
    """`history` and `last_attempts`: where an attempt ran, for how long, and what it raised."""

    @pytest.mark.parametrize(
        ("end", "code"),
        [
            (Failed("Gone.", "error", "r", STEPS, "judge", REPORT), "error"),
            (Postponed("Gone.", "timeout", None, 1.0, STEPS, "judge", REPORT), "timeout"),
        ],
    )
    async def test_a_failed_attempt_keeps_what_it_raised_and_where(
        self, store: Store, clock: FakeClock, end: Failed | Postponed, code: str
    ) -> None:
        session = await started_and_claimed(store)
        clock.advance(2.5)
        await store.finish(claim_of(session), end)
        (line,) = await store.history(session.id)
        assert (line.exception, line.exception_message, line.traceback) == (
            REPORT.exception,
            REPORT.message,
            REPORT.traceback,
        )
        assert (line.error_code, line.last_step, line.host) == (code, "judge", "host")
        assert (line.duration_ms, line.started_at) == (2500, session.started_at)

    async def test_an_attempt_that_raised_nothing_keeps_its_step_host_and_duration(
        self, store: Store, clock: FakeClock
    ) -> None:
        for end, step in ((Cancelled(STEPS, "read"), "read"), (Released(last_step="judge"), "judge")):
            session = await started_and_claimed(store)
            clock.advance(1)
            await store.finish(claim_of(session), end)
            (line,) = await store.history(session.id)
            assert (line.last_step, line.host, line.duration_ms) == (step, "host", 1000)
            assert line.exception is line.exception_message is line.traceback is None

    @pytest.mark.parametrize("how", ["crash", "lapse", "release"])
    async def test_a_taken_attempt_keeps_the_step_that_was_reported_last(
        self, store: Store, clock: FakeClock, how: str
    ) -> None:
        session = await started_and_claimed(store)
        running = (STEPS[0], replace(STEPS[1], status=StepStatus.ACTIVE))
        await store.report([ProgressUpdate(claim_of(session), Progress(60.0, 2, None, running))])
        clock.advance(3)
        if how == "crash":
            await store.rescue_worker(WORKER, death_of())
        elif how == "lapse":
            await lapse(store)
        else:
            await store.release_worker(WORKER)
        (line,) = await store.history(session.id)
        assert (line.last_step, line.host, line.duration_ms) == ("judge", "host", 3000)

    async def test_the_last_attempts_of_several_sessions(self, store: Store) -> None:
        register_worker(store)
        one, other, fresh = await start(store), await start(store), await start(store)
        for end in (postponed(), failed()):
            await store.finish(claim_of(await claim_session(store, one.id)), end)
        await store.finish(claim_of(await claim_session(store, other.id)), completed())
        last = await store.last_attempts([one.id, other.id, fresh.id, "a" * 26])
        assert {i: (line.claim, line.ended) for i, line in last.items()} == {
            one.id: (2, "failed"),
            other.id: (1, "completed"),
        }
        assert not await store.last_attempts([])


class SelectionContract(StoreFixtures):
    """`select` and `failed`: filters and paging."""

    async def test_every_filter_restricts(self, store: Store, clock: FakeClock) -> None:
        old = await fail(store, analysis="a", queue="q", code="timeout", report=None)
        clock.advance(60)
        minute = clock.now()
        new = await fail(store, analysis="b", queue="r")
        await start(store, analysis="a", queue="q")
        for selection, expected in (
            (Selection(queue="q", code="timeout"), old),
            (Selection(exception=REPORT.exception), new),
            (Selection(status=Status.FAILED, since=minute), new),
            (Selection(ended_since=minute), new),
            (Selection(code="timeout", exception=""), old),
            (Selection(analysis="a", status=Status.FAILED), old),
            (Selection(owner=old.owner, code="timeout"), old),
        ):
            assert [s.id for s in await store.select(selection)] == [expected.id], selection
            assert [s.id for s in await store.failed(selection)] == [expected.id], selection
        assert await store.select(Selection(since=clock.now() + timedelta(seconds=1))) == []

    @pytest.mark.parametrize("selection", [Selection(), Selection(status=Status.FAILED), Selection(owner="me")])
    async def test_pages_follow_each_other_without_gap_and_repetition(
        self, store: Store, clock: FakeClock, selection: Selection
    ) -> None:
        expected: list[str] = []
        for n in range(7):
            clock.advance(n % 3)  # some at the same moment
            expected.insert(0, (await fail(store, owner="me")).id)
        for read_page in (store.select, store.failed):
            seen: list[str] = []
            while page := await read_page(replace(selection, limit=3, after=seen[-1] if seen else None)):
                seen += [session.id for session in page]
            assert seen == expected
            assert await read_page(replace(selection, after="a" * 26)) == []
            last = await read(store, expected[3])
            rest = replace(selection, after=Cursor(last.created_at, last.id))
            assert [session.id for session in await read_page(rest)] == expected[4:]
        await store.delete(last.id, owner=None)
        older = [session.id for session in await store.select(rest)]
        assert set(older) <= set(expected[4:])
        assert older[-1] == expected[-1]

    async def test_the_last_failure_comes_first(self, store: Store, clock: FakeClock) -> None:
        first, second = await started_and_claimed(store), await started_and_claimed(store)
        await store.finish(claim_of(second), failed())
        clock.advance(1)
        await store.finish(claim_of(first), failed())
        await STATES["completed"](store)
        assert [s.id for s in await store.failed(Selection())] == [first.id, second.id]
        assert await store.failed(Selection(limit=1)) == [await read(store, first.id)]

    async def test_no_list_has_what_was_raised(self, store: Store) -> None:
        session = await fail(store)
        assert REPORT.traceback not in repr(await store.select(Selection()))
        assert REPORT.message not in repr(await store.get(session.id, owner=session.owner))


class FailureReasonContract(StoreFixtures):
    """`failure_reasons`, `loads`."""

    async def test_failures_are_grouped_by_analysis_code_and_exception(
        self, store: Store, clock: FakeClock
    ) -> None:
        first = await fail(store, analysis="a")
        clock.advance(1)
        last = await fail(store, analysis="a", queue="q")
        other = await fail(store, analysis="a", code="timeout", report=None)
        await STATES["completed"](store)
        common, rare = await store.failure_reasons(Selection())
        assert first.completed_at is not None
        assert last.completed_at is not None
        assert common == FailureReason(
            "a", "error", REPORT.exception, 2, first.completed_at, last.completed_at, last.id
        )
        assert (rare.code, rare.exception, rare.sessions, rare.example) == ("timeout", "", 1, other.id)
        assert await store.failure_reasons(Selection(code="timeout")) == [rare]
        (of_queue,) = await store.failure_reasons(Selection(queue="q"))
        assert (of_queue.sessions, of_queue.example) == (1, last.id)
        assert len(await store.failure_reasons(Selection(ended_since=clock.now()))) == 2
        assert list(await store.failure_reasons(Selection(analysis="b"))) == []

    @pytest.mark.parametrize("state", ["quarantined", "lost"])
    async def test_a_session_that_ended_without_its_worker_is_a_reason_too(self, store: Store, state: str) -> None:
        session = await STATES[state](store)
        (reason,) = await store.failure_reasons(Selection())
        assert (reason.code, reason.exception, reason.example) == (state, "", session.id)

    async def test_a_retried_session_is_no_failure_until_it_fails_again(self, store: Store) -> None:
        session = await fail(store)
        await store.retry(session.id, owner=None, attempts=1)
        assert list(await store.failure_reasons(Selection())) == []
        assert await store.failed(Selection()) == []
        claimed = await claim_session(store, session.id)
        await store.finish(claim_of(claimed), Failed("No.", "permanent", None, STEPS))
        (reason,) = await store.failure_reasons(Selection())
        assert (reason.code, reason.exception) == ("permanent", "")

    async def test_the_loads_count_what_is_held_and_what_failed_lately(
        self, store: Store, clock: FakeClock
    ) -> None:
        await fail(store, queue="a")
        clock.advance(10)
        recent = clock.now()
        await fail(store, queue="b")
        for queue in "acc":
            await started_and_claimed(store, queue=queue)
        await start(store, queue="d")
        assert list(await store.loads(recent)) == [
            QueueLoad("a", 1, 0),
            QueueLoad("b", 0, 1),
            QueueLoad("c", 2, 0),
        ]


class FindSessionContract(StoreFixtures):
    """`find_sessions`, `search_sessions`."""

    async def test_a_session_is_found_by_its_id_and_by_the_beginning_of_it(self, store: Store) -> None:
        session = await start(store, id="abcdefgh234567abcdefgh2345")
        other = await start(store, id="abczzzzz234567abcdefgh2345")
        for text in (session.id, session.id[:5], "abcd"):
            assert ids_of(await store.find_sessions(text, limit=5)) == {session.id}
        assert ids_of(await store.find_sessions("abc", limit=5)) == {session.id, other.id}
        assert len(await store.find_sessions("abc", limit=1)) == 1
        for text in ("", "abd", session.id + "a", "%", "_bc", "\u00e9"):
            assert await store.find_sessions(text, limit=5) == []

    async def test_a_session_is_found_by_the_reference_of_any_of_its_attempts(self, store: Store) -> None:
        session = await fail(store, reference="0a1b2c3d")
        await fail(store, reference="ffffffff")
        await store.retry(session.id, owner=None, attempts=1)
        await store.finish(claim_of(await claim_session(store, session.id)), completed())
        assert ids_of(await store.find_sessions("0a1b2c3d", limit=5)) == {session.id}
        assert await store.find_sessions("0a1b2c3", limit=5) == []

    @pytest.mark.parametrize("text", ["shop 7", "SHOP 7", "it failed", "shop.closed: the shop", "p 7"])
    async def test_a_text_is_searched_in_subjects_errors_and_exceptions(self, store: Store, text: str) -> None:
        found = await fail(store, subject="shop 7 of 9")
        for state in ("queued", "running", "completed", "cancelled at work"):
            await STATES[state](store)
        assert [s.id for s in await store.search_sessions(text, limit=5)] == [found.id]

    async def test_a_search_returns_the_newest_of_any_status(self, store: Store, clock: FakeClock) -> None:
        ids: list[str] = []
        for n in range(3):
            clock.advance(1)
            ids.insert(0, (await start(store, subject=f"same {n}")).id)
        assert [s.id for s in await store.search_sessions("same", limit=2)] == ids[:2]
        for text in ("", "another", "sam%", "\x00"):
            assert await store.search_sessions(text, limit=5) == []


class RetryEachContract(StoreFixtures):
    """`retry_each`."""

    async def test_each_is_answered_as_by_retry(self, store: Store, clock: FakeClock) -> None:
        register_worker(store)
        asked = {name: (await reach(store)).id for name, reach in STATES.items()}
        before = {name: await read(store, session_id) for name, session_id in asked.items()}
        clock.advance(1)
        answers = await store.retry_each(dict.fromkeys([*asked.values(), "a" * 26], 2))
        assert "a" * 26 not in answers
        for name, session_id in asked.items():
            row, was = await read(store, session_id), before[name]
            if was.status in {Status.FAILED, Status.CANCELLED}:
                assert answers[session_id] == RetryAnswer.RETRIED
                assert (row.status, row.max_attempts) == (Status.PENDING, was.attempt + 2)
                assert (row.error, row.error_code, row.reference) == (None, None, None)
                assert (row.available_at, row.crashes, row.lapses) == (clock.now(), 0, 0)
            else:
                completed_before = was.status is Status.COMPLETED
                expected = RetryAnswer.COMPLETED if completed_before else RetryAnswer.NOT_FINAL
                assert answers[session_id] == expected
                assert (row.status, row.version) == (was.status, was.version)
        assert not await store.retry_each({})

    async def test_of_two_with_the_same_subject_one_is_retried(self, store: Store) -> None:
        one, other = await fail(store, subject="same"), await fail(store, subject="same")
        answers = await store.retry_each({one.id: 1, other.id: 1})
        assert sorted(answers.values()) == [RetryAnswer.ANOTHER_IN_FLIGHT, RetryAnswer.RETRIED]
        assert await store.retry_each({one.id: 1, other.id: 1}) == {
            one.id: RetryAnswer.NOT_FINAL if answers[one.id] is RetryAnswer.RETRIED else answers[one.id],
            other.id: RetryAnswer.NOT_FINAL if answers[other.id] is RetryAnswer.RETRIED else answers[other.id],
        }

    async def test_kept_steps_stay(self, store: Store) -> None:
        session = await started_and_claimed(store)
        await store.keep_step(claim_of(session), kept())
        await store.finish(claim_of(session), failed())
        await store.retry_each({session.id: 1})
        assert list(await store.kept_steps(session.id)) == [kept()]

    async def test_two_at_once_retry_each_session_once(self, store: Store) -> None:
        sessions = [await fail(store) for _ in range(20)]
        attempts = {session.id: 1 for session in sessions}
        one, other = await asyncio.gather(store.retry_each(attempts), store.retry_each(attempts))
        for session in sessions:
            assert sorted((one[session.id], other[session.id])) == [RetryAnswer.NOT_FINAL, RetryAnswer.RETRIED]
