"""The queue of one owner's starts: immediate, waiting, refused and disconnected ones."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from limits import RateLimitItemPerMinute
from starlette.requests import ClientDisconnect

from outlast.web import start_queue
from outlast.web.problems import Problem
from outlast.web.rates import Rates
from outlast.web.start_queue import StartQueues


class Pace:
    """Lines of owners who may start so many a minute."""

    def __init__(self, per_minute: int, per_address: int = 1_000):
        self.rates = Rates()
        self.per_owner = RateLimitItemPerMinute(per_minute)
        self.per_address = RateLimitItemPerMinute(per_address)
        self.queues = StartQueues(self.rates, self.per_owner, self.per_address)

    def turn(self, owner: str = "anna", address: str = "", left=None):
        return self.queues.turn(owner, address, left or stays)

    async def count(self) -> None:
        await self.rates.count(self.per_owner, "owner", "anna")


class Start:
    """One start, in a task of its own, that is decided when it is told to."""

    def __init__(self, pace: Pace, **who):
        self.room: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._new = asyncio.get_running_loop().create_future()
        self._pace, self._who = pace, who
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async with self._pace.turn(**self._who) as room:
            self.room.set_result(room)
            if await self._new:
                await self._pace.count()

    async def decide(self, *, new: bool) -> None:
        self._new.set_result(new)
        await self.task


async def stays() -> None:
    await asyncio.Event().wait()


async def settled() -> None:
    """Let everybody come as far as they get."""
    for _ in range(20):
        await asyncio.sleep(0)


@asynccontextmanager
async def under_way(pace: Pace, count: int) -> AsyncIterator[list[Start]]:
    starts = [Start(pace) for _ in range(count)]
    await settled()
    yield starts
    for start in starts:
        if not start.task.done():
            await start.decide(new=False)


async def test_starts_of_one_owner_run_concurrently_below_the_rate_limit():
    async with under_way(Pace(10), 10) as starts:
        assert [start.room.result() for start in starts] == [True] * 10


async def test_a_start_beyond_the_rate_runs_if_an_earlier_one_found_a_session():
    pace = Pace(2)
    async with under_way(pace, 3) as starts:
        assert [start.room.done() for start in starts] == [True, True, False]
        await starts[0].decide(new=False)
        assert await starts[2].room is True


async def test_a_start_beyond_the_rate_is_refused_once_the_earlier_ones_were_new():
    async with under_way(Pace(2), 4) as starts:
        await starts[0].decide(new=True)
        assert not starts[2].room.done()
        await starts[1].decide(new=True)
        assert [await starts[2].room, await starts[3].room] == [False, False]


async def test_waiting_starts_run_in_order():
    order = []
    async with under_way(Pace(1), 4) as starts:
        for n, start in enumerate(starts):
            start.room.add_done_callback(lambda _, n=n: order.append(n))
        for start in starts:
            await start.room
            await start.decide(new=False)
        await settled()
    assert order == [0, 1, 2, 3]


async def test_a_new_start_does_not_overtake_waiting_ones():
    async with under_way(Pace(1), 2) as (first, second):
        await first.decide(new=False)
        newcomer = Start(second._pace)
        assert await second.room is True
        await settled()
        assert not newcomer.room.done()
        await second.decide(new=False)
        assert await newcomer.room is True
        await newcomer.decide(new=False)


async def test_a_disconnected_client_leaves_the_queue_unstarted():
    pace, gone = Pace(1), asyncio.Event()
    async with under_way(pace, 1):
        leaver = Start(pace, left=gone.wait)
        await settled()
        gone.set()
        with pytest.raises(ClientDisconnect):
            await leaver.task
        assert not leaver.room.done()


async def test_a_leaver_does_not_take_the_turn_of_the_next_along():
    pace, gone = Pace(1), asyncio.Event()
    async with under_way(pace, 1) as (first,):
        leaver = Start(pace, left=gone.wait)
        await settled()
        last = Start(pace)
        await settled()
        gone.set()
        await first.decide(new=False)
        assert await last.room is True
        with pytest.raises(ClientDisconnect):
            await leaver.task
        await last.decide(new=False)


async def test_a_full_queue_refuses_further_starts(monkeypatch):
    monkeypatch.setattr(start_queue, "MAX_WAITING", 2)
    pace = Pace(1)
    async with under_way(pace, 3):
        with pytest.raises(Problem) as refused:
            async with pace.turn():
                pass
        assert refused.value.status == 429
        assert "Retry-After" in refused.value.headers
        async with pace.turn("ben") as room:
            assert room


async def test_waiting_starts_time_out(monkeypatch):
    monkeypatch.setattr(start_queue, "LONGEST_WAIT", 0.02)
    pace = Pace(1)
    async with under_way(pace, 1):
        with pytest.raises(Problem) as refused:
            async with pace.turn():
                pass
        assert (refused.value.status, "Retry-After" in refused.value.headers) == (503, True)


async def test_no_more_are_under_way_than_a_store_writes_together(monkeypatch):
    monkeypatch.setattr(start_queue, "MAX_CONCURRENT", 2)
    async with under_way(Pace(100), 3) as starts:
        assert [start.room.done() for start in starts] == [True, True, False]
        await starts[1].decide(new=True)
        assert await starts[2].room is True


async def test_beyond_the_rate_existing_sessions_are_still_found_concurrently():
    pace = Pace(1)
    await pace.count()
    async with under_way(pace, 3) as starts:
        assert [start.room.result() for start in starts] == [False] * 3


async def test_one_address_under_many_names_does_not_outrun_its_pace_in_parallel():
    pace = Pace(100, per_address=3)
    async with AsyncExitStack() as turns:
        rooms = [await turns.enter_async_context(pace.turn(f"visitor {n}", "203.0.113.7")) for n in range(5)]
    assert rooms == [True, True, True, False, False]


async def test_a_line_is_forgotten_with_its_last_start_also_where_that_fails():
    pace = Pace(1)

    async def fail() -> None:
        async with pace.turn(address="203.0.113.7"):
            assert pace.queues._queues
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert not pace.queues._queues
    assert not pace.queues._addresses
