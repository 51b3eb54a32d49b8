"""Contract: a worker that has lost its claim cannot write."""

# ruff: noqa: S101 - a contract suite consists of assertions

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import pytest

from outlast.domain.outcome import End
from outlast.domain.session import AnalysisSession, Claim
from outlast.ports.store import Store
from outlast.testing.acts import (
    cancelled,
    claim_of,
    claim_session,
    completed,
    death_of,
    failed,
    kept,
    postponed,
    read,
    register_worker,
    released,
    started_and_claimed,
    update,
)
from outlast.testing.contract.fixtures import StoreFixtures

ENDS: Final[Mapping[str, End]] = {
    "completed": completed('{"zombie":true}'),
    "failed": failed("The zombie failed."),
    "postponed": postponed(error="The zombie was postponed."),
    "cancelled": cancelled(),
    "released": released(),
}


async def _rescued(store: Store, session: AnalysisSession) -> None:
    await store.rescue_worker(session.worker_id or "", death_of())


async def _released(store: Store, session: AnalysisSession) -> None:
    await store.release_worker(session.worker_id or "")


async def _claimed_by_another(store: Store, session: AnalysisSession) -> None:
    await store.rescue_worker(session.worker_id or "", death_of())
    register_worker(store, "another")
    await claim_session(store, session.id, "another")


async def _claimed_by_itself_again(store: Store, session: AnalysisSession) -> None:
    await store.rescue_worker(session.worker_id or "", death_of())
    register_worker(store, session.worker_id or "")
    await claim_session(store, session.id, session.worker_id or "")


async def _ended_by_another(store: Store, session: AnalysisSession) -> None:
    await _claimed_by_another(store, session)
    current = await read(store, session.id)
    await store.finish(claim_of(current), completed('{"honest":true}'))


async def _cancelled_while_it_waited(store: Store, session: AnalysisSession) -> None:
    await store.rescue_worker(session.worker_id or "", death_of())
    await store.cancel(session.id, owner=None)


async def _retried(store: Store, session: AnalysisSession) -> None:
    await _cancelled_while_it_waited(store, session)
    await store.retry(session.id, owner=None, attempts=3)


Loss = Callable[[Store, AnalysisSession], Awaitable[None]]
LOSSES: Final[Mapping[str, Loss]] = {
    "rescued": _rescued,
    "released": _released,
    "claimed by another": _claimed_by_another,
    "claimed by itself again": _claimed_by_itself_again,
    "ended by another": _ended_by_another,
    "cancelled while it waited": _cancelled_while_it_waited,
    "retried": _retried,
}
"""Every way to lose a claim while its worker is paused."""


class FenceContract(StoreFixtures):
    """`report`, `keep_step` and `finish` with claims that are gone."""

    @pytest.mark.parametrize("loss", LOSSES)
    @pytest.mark.parametrize("end", ENDS)
    async def test_a_zombie_cannot_end_the_session(self, store: Store, loss: str, end: str) -> None:
        zombie = await started_and_claimed(store)
        await LOSSES[loss](store, zombie)
        before, history = await read(store, zombie.id), await store.history(zombie.id)
        result = await store.result(zombie.id, owner=None)
        if (loss, end) == ("released", "released"):
            return  # that is this end, said twice
        assert not await store.finish(claim_of(zombie), ENDS[end])
        assert await read(store, zombie.id) == before
        assert await store.history(zombie.id) == history
        assert await store.result(zombie.id, owner=None) == result

    @pytest.mark.parametrize("loss", LOSSES)
    async def test_a_zombie_cannot_report_progress(self, store: Store, loss: str) -> None:
        zombie = await started_and_claimed(store)
        await LOSSES[loss](store, zombie)
        before = await read(store, zombie.id)
        assert await store.report([update(zombie, 77.0, "I am alive!")]) == {claim_of(zombie)}
        assert await read(store, zombie.id) == before

    @pytest.mark.parametrize("loss", LOSSES)
    async def test_a_zombie_cannot_keep_a_step(self, store: Store, loss: str) -> None:
        zombie = await started_and_claimed(store)
        await LOSSES[loss](store, zombie)
        assert not await store.keep_step(claim_of(zombie), kept(result='"stale"'))
        assert list(await store.kept_steps(zombie.id)) == []

    @pytest.mark.parametrize("number", [-1, 0, 2, 1_000_000])
    async def test_a_claim_with_another_number_is_refused(self, store: Store, number: int) -> None:
        session = await started_and_claimed(store)
        other = Claim(session.id, number)
        assert not await store.finish(other, completed())
        assert not await store.keep_step(other, kept())
        assert await read(store, session.id) == session

    async def test_a_claim_of_a_session_that_does_not_exist_is_refused(self, store: Store) -> None:
        session = await started_and_claimed(store)
        ghost = Claim("a" * 26, session.claim)
        assert not await store.finish(ghost, completed())
        assert not await store.keep_step(ghost, kept())
        assert await store.kept_steps(ghost.session_id) == []
        assert await store.result(ghost.session_id, owner=None) is None

    async def test_a_session_that_was_never_claimed_takes_no_write(self, store: Store) -> None:
        session = await started_and_claimed(store)
        await store.release_worker(session.worker_id or "")
        before = await read(store, session.id)
        assert not await store.finish(Claim(session.id, 0), completed())
        assert await read(store, session.id) == before

    async def test_one_lost_claim_among_many_reports_does_not_spoil_the_others(self, store: Store) -> None:
        lost = await started_and_claimed(store)
        await store.rescue_worker(lost.worker_id or "", death_of())
        first, second = [await started_and_claimed(store) for _ in range(2)]
        gone = await store.report([update(first, 10), update(lost, 20), update(second, 30)])
        assert gone == {claim_of(lost)}
        shown = [(await read(store, session.id)).progress.percentage for session in (first, lost, second)]
        assert shown == [10, 0, 30]

    async def test_claim_numbers_only_grow_whatever_happened_between(self, store: Store) -> None:
        session = await started_and_claimed(store)
        numbers = [session.claim]
        for loss in (_released, _rescued, _retried):
            await loss(store, session)
            register_worker(store)
            session = await claim_session(store, session.id)
            numbers.append(session.claim)
        assert numbers == sorted(set(numbers))
