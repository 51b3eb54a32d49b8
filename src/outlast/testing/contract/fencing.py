"""Contract: a worker that has lost its claim cannot write."""

# ruff: noqa: S101 - a contract suite consists of assertions

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import pytest

from outlast.domain.outcome import End
from outlast.domain.session import AnalysisSession, Claim
from outlast.testing.acts import (
    WholeStore,
    cancelled,
    completed,
    death_of,
    enter,
    failed,
    kept,
    postponed,
    read,
    released,
    right,
    started_and_claimed,
    take_one,
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


async def _rescued(store: WholeStore, session: AnalysisSession) -> None:
    await store.rescue_worker(session.worker_id or "", death_of())


async def _released(store: WholeStore, session: AnalysisSession) -> None:
    await store.release_worker(session.worker_id or "")


async def _claimed_by_another(store: WholeStore, session: AnalysisSession) -> None:
    await store.rescue_worker(session.worker_id or "", death_of())
    enter(store, "another")
    await take_one(store, session.id, "another")


async def _claimed_by_itself_again(store: WholeStore, session: AnalysisSession) -> None:
    await store.rescue_worker(session.worker_id or "", death_of())
    enter(store, session.worker_id or "")
    await take_one(store, session.id, session.worker_id or "")


async def _ended_by_another(store: WholeStore, session: AnalysisSession) -> None:
    await _claimed_by_another(store, session)
    current = await read(store, session.id)
    await store.finish(right(current), completed('{"honest":true}'))


async def _cancelled_while_it_waited(store: WholeStore, session: AnalysisSession) -> None:
    await store.rescue_worker(session.worker_id or "", death_of())
    await store.cancel(session.id, owner=None)


async def _retried(store: WholeStore, session: AnalysisSession) -> None:
    await _cancelled_while_it_waited(store, session)
    await store.retry(session.id, owner=None, attempts=3)


Loss = Callable[[WholeStore, AnalysisSession], Awaitable[None]]
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
    async def test_a_zombie_cannot_end_the_session(self, store: WholeStore, loss: str, end: str) -> None:
        zombie = await started_and_claimed(store)
        await LOSSES[loss](store, zombie)
        before, history = await read(store, zombie.id), await store.history(zombie.id)
        result = await store.result(zombie.id, owner=None)
        if (loss, end) == ("released", "released"):
            return  # that is this end, said twice
        assert not await store.finish(right(zombie), ENDS[end])
        assert await read(store, zombie.id) == before
        assert await store.history(zombie.id) == history
        assert await store.result(zombie.id, owner=None) == result

    @pytest.mark.parametrize("loss", LOSSES)
    async def test_a_zombie_cannot_report_progress(self, store: WholeStore, loss: str) -> None:
        zombie = await started_and_claimed(store)
        await LOSSES[loss](store, zombie)
        before = await read(store, zombie.id)
        assert await store.report([update(zombie, 77.0, "I am alive!")]) == {right(zombie)}
        assert await read(store, zombie.id) == before

    @pytest.mark.parametrize("loss", LOSSES)
    async def test_a_zombie_cannot_keep_a_step(self, store: WholeStore, loss: str) -> None:
        zombie = await started_and_claimed(store)
        await LOSSES[loss](store, zombie)
        assert not await store.keep_step(right(zombie), kept(result='"stale"'))
        assert list(await store.kept_steps(zombie.id)) == []

    @pytest.mark.parametrize("number", [-1, 0, 2, 1_000_000])
    async def test_a_claim_of_another_number_is_no_claim(self, store: WholeStore, number: int) -> None:
        session = await started_and_claimed(store)
        other = Claim(session.id, number)
        assert not await store.finish(other, completed())
        assert not await store.keep_step(other, kept())
        assert await read(store, session.id) == session

    async def test_a_claim_of_a_session_that_is_not_there_is_refused(self, store: WholeStore) -> None:
        session = await started_and_claimed(store)
        ghost = Claim("a" * 26, session.claim)
        assert not await store.finish(ghost, completed())
        assert not await store.keep_step(ghost, kept())
        assert await store.kept_steps(ghost.session_id) == []
        assert await store.result(ghost.session_id, owner=None) is None

    async def test_a_session_that_was_never_claimed_takes_no_write(self, store: WholeStore) -> None:
        session = await started_and_claimed(store)
        await store.release_worker(session.worker_id or "")
        before = await read(store, session.id)
        assert not await store.finish(Claim(session.id, 0), completed())
        assert await read(store, session.id) == before

    async def test_one_lost_claim_among_many_reports_does_not_spoil_the_others(self, store: WholeStore) -> None:
        lost = await started_and_claimed(store)
        await store.rescue_worker(lost.worker_id or "", death_of())
        first, second = [await started_and_claimed(store) for _ in range(2)]
        gone = await store.report([update(first, 10), update(lost, 20), update(second, 30)])
        assert gone == {right(lost)}
        shown = [(await read(store, session.id)).progress.percentage for session in (first, lost, second)]
        assert shown == [10, 0, 30]

    async def test_claim_numbers_only_grow_whatever_happened_between(self, store: WholeStore) -> None:
        session = await started_and_claimed(store)
        numbers = [session.claim]
        for loss in (_released, _rescued, _retried):
            await loss(store, session)
            enter(store)
            session = await take_one(store, session.id)
            numbers.append(session.claim)
        assert numbers == sorted(set(numbers))
