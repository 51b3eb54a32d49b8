"""Contract: a start is written once, within its limits, or not at all."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio

import pytest

from outlast.domain.errors import QueueFull, TooManyActive
from outlast.domain.session import NewSession
from outlast.domain.status import Phase, Status
from outlast.ports.store import Added, StartLimits, Store
from outlast.testing.acts import (
    HIGH_LIMITS,
    OWNER,
    STEPS,
    claim_of,
    completed,
    failed,
    new_session,
    postponed,
    read,
    start,
    started_and_claimed,
)
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures
from outlast.testing.states import AT_WORK, FINAL, STATES, WAITING


class StartContract(StoreFixtures):
    """`add`."""

    async def test_a_start_is_found_again_as_it_was_written(self, store: Store) -> None:
        new = new_session(queue="slow", priority=7, input='{"note":"naïve ✓ \\u0000"}', timeout=12.5)
        added = await store.add(new, HIGH_LIMITS)
        found = await read(store, new.id)
        assert not added.existing
        assert found == added.session
        assert (found.id, found.analysis, found.subject, found.owner, found.input) == (
            new.id,
            new.analysis,
            new.subject,
            new.owner,
            new.input,
        )
        assert (found.queue, found.priority, found.timeout, found.max_attempts) == ("slow", 7, 12.5, 3)
        assert found.progress.steps == STEPS

    async def test_a_new_session_waits_from_now_on(self, store: Store, clock: FakeClock) -> None:
        session = await start(store)
        assert (session.status, session.phase) == (Status.PENDING, Phase.QUEUED)
        assert (session.claim, session.attempt, session.crashes, session.worker_id) == (0, 0, 0, None)
        assert session.created_at == session.updated_at == session.available_at == clock.now()
        assert session.started_at is session.completed_at is session.cancel_requested_at is None
        assert session.error is session.error_code is session.reference is session.redirect_url is None
        assert session.result_bytes is None
        assert session.progress.percentage == 0
        assert session.version >= int(clock.now().timestamp() * 1000)

    @pytest.mark.parametrize("state", [*WAITING, "running"])
    async def test_a_second_start_finds_the_first_while_it_is_in_flight(self, store: Store, state: str) -> None:
        first = await STATES[state](store)
        again = await store.add(new_session(subject=first.subject), HIGH_LIMITS)
        assert again.existing
        assert again.session == await read(store, first.id)

    @pytest.mark.parametrize("state", ["cancelling", *FINAL])
    async def test_a_session_that_ends_or_has_ended_does_not_answer_for_a_new_start(
        self, store: Store, state: str
    ) -> None:
        first = await STATES[state](store)
        again = await store.add(new_session(subject=first.subject), HIGH_LIMITS)
        assert not again.existing
        assert again.session.id != first.id
        assert await read(store, first.id) == first

    async def test_a_repeated_start_is_answered_whatever_the_limits(self, store: Store) -> None:
        first = await start(store)
        again = await store.add(new_session(subject=first.subject), StartLimits(active_per_owner=1, pending=1))
        assert again == Added(first, existing=True)

    @pytest.mark.parametrize("field", ["owner", "analysis", "subject"])
    async def test_another_owner_analysis_or_subject_is_another_session(self, store: Store, field: str) -> None:
        first = new_session(subject="the same")
        await store.add(first, HIGH_LIMITS)
        other = new_session(subject="the same")
        changed = {"owner": other.owner, "analysis": other.analysis, "subject": other.subject}
        changed[field] = "another"
        added = await store.add(new_session(**changed), HIGH_LIMITS)
        assert not added.existing

    async def test_fifty_starts_of_one_subject_at_once_make_one_session(self, store: Store) -> None:
        answers = await asyncio.gather(
            *(store.add(new_session(subject="the same"), HIGH_LIMITS) for _ in range(50))
        )
        assert len({answer.session.id for answer in answers}) == 1
        assert sum(not answer.existing for answer in answers) == 1
        assert (await store.count())[Status.PENDING] == 1


class LimitContract(StoreFixtures):
    """`add` at its limits."""

    async def test_sessions_in_flight_of_one_owner_are_limited(self, store: Store) -> None:
        limits = StartLimits(active_per_owner=2, pending=100)
        await started_and_claimed(store)
        await store.add(new_session(), limits)
        refused = new_session()
        with pytest.raises(TooManyActive):
            await store.add(refused, limits)
        assert await store.get(refused.id, owner=None) is None
        assert not (await store.add(new_session(owner="somebody else"), limits)).existing

    async def test_without_a_limit_per_owner_only_the_one_on_pending_sessions_counts(self, store: Store) -> None:
        limits = StartLimits(active_per_owner=None, pending=3)
        first = new_session()
        for new in (first, new_session(), new_session()):
            assert not (await store.add(new, limits)).existing
        assert (await store.add(new_session(subject=first.subject), limits)).existing
        with pytest.raises(QueueFull):
            await store.add(new_session(), limits)

    async def test_final_sessions_do_not_count_as_active(self, store: Store) -> None:
        for end in (completed(), failed()):
            await store.finish(claim_of(await started_and_claimed(store)), end)
        added = await store.add(new_session(), StartLimits(active_per_owner=1, pending=100))
        assert not added.existing

    async def test_a_session_that_is_being_cancelled_still_counts_as_active(self, store: Store) -> None:
        session = await started_and_claimed(store)
        await store.cancel(session.id, owner=OWNER)
        with pytest.raises(TooManyActive):
            await store.add(new_session(), StartLimits(active_per_owner=1, pending=100))

    async def test_pending_sessions_of_all_owners_are_limited(self, store: Store) -> None:
        limits = StartLimits(active_per_owner=100, pending=2)
        session = await started_and_claimed(store)
        await start(store, owner="a")
        await store.finish(claim_of(session), postponed(60))
        refused = new_session(owner="b")
        with pytest.raises(QueueFull):
            await store.add(refused, limits)
        assert await store.get(refused.id, owner=None) is None

    @pytest.mark.parametrize("state", [*AT_WORK, *FINAL])
    async def test_processing_and_final_sessions_do_not_count_as_pending(self, store: Store, state: str) -> None:
        await STATES[state](store)
        added = await store.add(new_session(), StartLimits(active_per_owner=100, pending=1))
        assert not added.existing

    @pytest.mark.parametrize(
        ("limits", "refusal"),
        [
            (StartLimits(active_per_owner=5, pending=100), TooManyActive),
            (StartLimits(active_per_owner=100, pending=5), QueueFull),
        ],
    )
    async def test_no_race_exceeds_a_limit(
        self, store: Store, limits: StartLimits, refusal: type[Exception]
    ) -> None:
        async def attempt(new: NewSession) -> bool:
            try:
                await store.add(new, limits)
            except refusal:
                return False
            return True

        accepted = await asyncio.gather(*(attempt(new_session()) for _ in range(20)))
        assert sum(accepted) == 5
        assert (await store.count())[Status.PENDING] == 5
