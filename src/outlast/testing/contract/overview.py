"""Contract: what the store counts for operators."""

# ruff: noqa: S101 - a contract suite consists of assertions

from datetime import datetime, timedelta

from outlast.domain.limits import KeyLimit, dump_limits
from outlast.domain.outcome import End
from outlast.domain.session import AnalysisSession
from outlast.domain.status import Status
from outlast.ports.overview import Ended, QueueDepth
from outlast.ports.store import Store
from outlast.testing.acts import (
    claim_next,
    claim_of,
    completed,
    crash,
    failed,
    postponed,
    read,
    register_worker,
    start,
    started_and_claimed,
)
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures

HOUR = timedelta(hours=1)


class OverviewContract(StoreFixtures):
    """`depths`, `ended`."""

    async def test_without_pending_sessions_there_is_no_depth(self, store: Store) -> None:
        assert list(await store.depths()) == []
        await store.finish(claim_of(await started_and_claimed(store)), completed())
        await started_and_claimed(store)
        assert list(await store.depths()) == []

    async def test_the_store_names_its_version_and_its_time(self, store: Store) -> None:
        session = await start(store)
        details = await store.details()
        assert details.version
        assert timedelta(0) <= details.at - session.created_at < timedelta(minutes=1)

    async def test_what_waits_for_a_limit_counts_as_blocked(self, store: Store) -> None:
        register_worker(store)
        limits = dump_limits([KeyLimit("vendor", 1, None)])
        for owner in ("a", "b"):
            await start(store, owner=owner, limits=limits)
        await start(store, owner="c")
        assert len(await claim_next(store, limit=3)) == 2
        assert await claim_next(store) == []
        (depth,) = await store.depths()
        assert (depth.waiting, depth.blocked) == (1, 1)

    async def test_each_queue_and_analysis_has_its_depth_and_the_longest_wait(
        self, store: Store, clock: FakeClock
    ) -> None:
        first = await start(store, queue="b", analysis="x")
        clock.advance(1)
        await start(store, queue="b", analysis="x", priority=1)
        other = await start(store, queue="a", analysis="y")
        another = await start(store, queue="b", analysis="a")
        assert list(await store.depths()) == [
            QueueDepth("a", "y", 1, other.available_at, 0),
            QueueDepth("b", "a", 1, another.available_at, 0),
            QueueDepth("b", "x", 2, first.available_at, 0),
        ]

    async def test_a_postponed_session_counts_as_later_until_it_is_due(
        self, store: Store, clock: FakeClock
    ) -> None:
        session = await started_and_claimed(store)
        await store.finish(claim_of(session), postponed(60))
        assert list(await store.depths()) == [QueueDepth("analysis", "site", 0, None, 1)]
        clock.advance(61)
        due = await read(store, session.id)
        assert list(await store.depths()) == [QueueDepth("analysis", "site", 1, due.available_at, 0)]

    async def test_suspects_wait_too(self, store: Store, clock: FakeClock) -> None:
        since: list[datetime] = []
        for _ in range(2):
            session = await start(store)
            await crash(store, session.id, times=2)
            since.append((await read(store, session.id)).available_at)
            clock.advance(1)
        assert list(await store.depths()) == [QueueDepth("analysis", "site", 2, since[0], 0)]

    async def test_the_longest_wait_includes_due_sessions(self, store: Store, clock: FakeClock) -> None:
        for delay in (10, 20, 90):
            await store.finish(claim_of(await started_and_claimed(store)), postponed(delay))
        first = clock.now() + timedelta(seconds=10)
        clock.advance(30)
        assert list(await store.depths()) == [QueueDepth("analysis", "site", 2, first, 1)]

    async def test_what_ended_is_counted_by_hour_and_status(self, store: Store, clock: FakeClock) -> None:
        earlier = [await self._end(store, completed()), await self._end(store, completed())]
        clock.advance(HOUR.total_seconds())
        later = [await self._end(store, failed()), await self._end(store, completed())]
        await started_and_claimed(store)
        first, second = (_hour(sessions[0]) for sessions in (earlier, later))
        assert list(await store.ended(first, second + HOUR)) == [
            Ended(first, Status.COMPLETED, 2),
            Ended(second, Status.COMPLETED, 1),
            Ended(second, Status.FAILED, 1),
        ]

    async def test_only_what_ended_within_the_time_asked_for_is_counted(self, store: Store) -> None:
        ended = (await self._end(store, completed())).completed_at
        assert ended is not None
        moment = timedelta(microseconds=1)
        assert [e.sessions for e in await store.ended(ended, ended + moment)] == [1]
        assert list(await store.ended(ended + moment, ended + HOUR)) == []
        assert list(await store.ended(ended - HOUR, ended)) == []

    async def _end(self, store: Store, end: End) -> AnalysisSession:
        session = await started_and_claimed(store)
        assert await store.finish(claim_of(session), end)
        return await read(store, session.id)


def _hour(session: AnalysisSession) -> datetime:
    assert session.completed_at is not None
    return session.completed_at.replace(minute=0, second=0, microsecond=0)
