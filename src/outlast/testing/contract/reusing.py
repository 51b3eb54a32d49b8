"""Contract: a fresh result answers starts that may reuse it; each owner gets one copy, which prolongs nothing."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from outlast.domain.progress import StepStatus
from outlast.domain.session import AnalysisSession, NewSession
from outlast.domain.status import Status
from outlast.ports.deletions import DeleteAnswer
from outlast.ports.store import Added, StartLimits, Store
from outlast.testing.acts import (
    OWNER,
    claim_next,
    claim_of,
    claim_session,
    completed,
    failed,
    new_session,
    read,
    register_worker,
    start,
)
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures

HOUR = 3_600.0
EVERYBODY = "1 everybody"


def _wanting(**changes: Any) -> NewSession:
    return new_session(**{"subject": "the same", "reuse_key": EVERYBODY, **changes})


async def _made(store: Store, **changes: Any) -> AnalysisSession:
    """Return a session that has completed, and whose result may be reused."""
    register_worker(store)
    session = await start(store, **{"subject": "the same", "reuse_key": EVERYBODY, **changes})
    await store.finish(claim_of(await claim_session(store, session.id)), completed(redirect_url="/there"))
    return await read(store, session.id)


class ReuseContract(StoreFixtures):
    """`reuse` and `result_age`."""

    @pytest.mark.parametrize("size", [10, 100_000])
    async def test_another_owner_gets_a_completed_session_of_their_own(
        self, store: Store, clock: FakeClock, size: int
    ) -> None:
        made = await _made(store)
        clock.advance(60)
        new = _wanting(owner="ann", input=f'{{"url":"{"x" * size}"}}', priority=2)
        added = await store.reuse(new, fresh_for=HOUR)
        assert added is not None
        session = await read(store, new.id)
        assert added == Added(session, existing=False)
        assert (session.id, session.owner, session.input) == (new.id, "ann", new.input)
        assert (session.status, session.progress.percentage) == (Status.COMPLETED, 100)
        assert {step.status for step in session.progress.steps} == {StepStatus.SKIPPED}
        assert (session.result_of, session.result_at) == (made.id, made.completed_at)
        assert session.created_at == session.completed_at == clock.now()
        assert (session.attempt, session.started_at, session.waited_ms, session.worked_ms) == (0, None, 0, 0)
        assert (session.redirect_url, session.result_bytes) == ("/there", made.result_bytes)
        mine, theirs = [await store.result(i, owner=None) for i in (new.id, made.id)]
        assert mine is not None
        assert theirs is not None
        assert (mine.result, mine.analysis, mine.subject) == (theirs.result, theirs.analysis, theirs.subject)
        assert await store.result(new.id, owner=OWNER) is None
        assert list(await store.history(new.id)) == []
        assert await claim_next(store) == []
        clock.advance(1)
        assert await read(store, new.id) == session

    async def test_the_owner_of_the_result_gets_the_session_that_made_it(self, store: Store) -> None:
        made = await _made(store)
        assert await store.reuse(_wanting(), fresh_for=HOUR) == Added(made, existing=True)

    async def test_an_owner_gets_one_copy_under_any_race(self, store: Store) -> None:
        await _made(store)
        answers = await asyncio.gather(*(store.reuse(_wanting(owner="ann"), fresh_for=HOUR) for _ in range(20)))
        assert len({answer.session.id for answer in answers if answer}) == 1
        assert sum(answer is not None and not answer.existing for answer in answers) == 1
        assert (await store.count())[Status.COMPLETED] == 2

    async def test_a_result_is_fresh_for_its_time_and_a_copy_does_not_prolong_it(
        self, store: Store, clock: FakeClock
    ) -> None:
        await _made(store)
        clock.advance(HOUR / 2)
        assert await store.reuse(_wanting(owner="ann"), fresh_for=HOUR) is not None
        clock.advance(HOUR / 2 + 1)
        for owner in (OWNER, "ann", "bob"):
            new = _wanting(owner=owner)
            assert await store.reuse(new, fresh_for=HOUR) is None
            age = await store.result_age(new)
            assert age is not None
            assert HOUR < age < HOUR + 2

    async def test_the_newest_result_is_reused(self, store: Store, clock: FakeClock) -> None:
        await _made(store)
        clock.advance(60)
        newer = await _made(store, owner="ann")
        clock.advance(60)
        added = await store.reuse(_wanting(), fresh_for=HOUR)
        assert added is not None
        assert added.session.result_of == newer.id

    @pytest.mark.parametrize(
        "changes",
        [
            {"reuse_key": None},
            {"reuse_key": "2 everybody"},
            {"subject": "another"},
            {"analysis": "another"},
        ],
    )
    async def test_another_key_subject_or_analysis_has_its_own_results(
        self, store: Store, changes: dict[str, Any]
    ) -> None:
        await _made(store)
        assert await store.reuse(_wanting(**changes), fresh_for=HOUR) is None
        assert await store.result_age(_wanting(**changes)) is None

    async def test_only_a_result_with_a_key_is_reused(self, store: Store) -> None:
        await _made(store, reuse_key=None)
        assert await store.reuse(_wanting(), fresh_for=HOUR) is None
        register_worker(store)
        failing = await start(store, subject="the same", reuse_key=EVERYBODY)
        await store.finish(claim_of(await claim_session(store, failing.id)), failed())
        assert await store.reuse(_wanting(), fresh_for=HOUR) is None

    async def test_a_session_in_flight_has_precedence_and_no_limit_counts_a_copy(self, store: Store) -> None:
        await _made(store)
        running = await start(store, owner="ann", subject="the same", reuse_key=EVERYBODY)
        assert await store.reuse(_wanting(owner="ann"), fresh_for=HOUR) is None
        await store.cancel(running.id, owner=None)
        assert await store.reuse(_wanting(owner="ann"), fresh_for=HOUR) is not None
        added = await store.add(new_session(owner="ann"), StartLimits(active_per_owner=1, pending=1))
        assert not added.existing

    async def test_a_deleted_result_is_not_reused_and_its_copies_stay(self, store: Store) -> None:
        made = await _made(store)
        copy = await store.reuse(_wanting(owner="ann"), fresh_for=HOUR)
        assert copy is not None
        assert await store.delete(made.id, owner=OWNER) is DeleteAnswer.DELETED
        assert await store.reuse(_wanting(owner="bob"), fresh_for=HOUR) is None
        assert await store.result(copy.session.id, owner="ann") is not None
        assert (await store.delete_all("ann")).results == 1

    async def test_a_result_outlives_its_session_and_is_reused_until_its_cleanup(
        self, store: Store, clock: FakeClock
    ) -> None:
        made = await _made(store)
        clock.advance(60)
        now, long_ago = clock.now(), clock.now() - timedelta(days=9)
        times = {"uploads_before": long_ago, "sessions_before": now}
        await store.prune(**times, results_before=long_ago, dry_run=False)
        assert await store.get(made.id, owner=None) is None
        again = await store.reuse(_wanting(), fresh_for=HOUR)
        assert again is not None
        assert (again.existing, again.session.result_of) == (False, made.id)
        assert await store.reuse(_wanting(), fresh_for=HOUR) == Added(again.session, existing=True)
        await store.prune(**times, results_before=now, dry_run=False)
        assert await store.reuse(_wanting(owner="ann"), fresh_for=HOUR) is None
        assert await store.result(again.session.id, owner=OWNER) is not None

    async def test_who_logs_in_takes_their_results_along(self, store: Store) -> None:
        made = await _made(store, owner="nobody", reuse_key="1 nobody")
        register_worker(store)
        running = await start(store, owner="nobody", subject="other", reuse_key="1 nobody")
        await store.adopt("nobody", "ann")
        await store.finish(claim_of(await claim_session(store, running.id)), completed())
        for session_id, subject in ((made.id, "the same"), (running.id, "other")):
            found = await store.reuse(_wanting(owner="ann", subject=subject, reuse_key="1 ann"), fresh_for=HOUR)
            assert found is not None
            assert (found.existing, found.session.id) == (True, session_id)
            former = _wanting(owner="nobody", subject=subject, reuse_key="1 nobody")
            assert await store.reuse(former, fresh_for=HOUR) is None

    async def test_a_share_link_stays_with_the_result_that_has_it(self, store: Store) -> None:
        made = await _made(store)
        await store.share(made.id, "link", owner=OWNER)
        copy = await store.reuse(_wanting(owner="ann"), fresh_for=HOUR)
        assert copy is not None
        mine = await store.result(copy.session.id, owner="ann")
        assert mine is not None
        assert mine.share is None
