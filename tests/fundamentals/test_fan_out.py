"""`Step.map`: one step for many items, and the session's context in threads and processes of an analysis."""

import asyncio
import json
import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import BaseModel, model_validator
from small_site import small_site

from outlast import Status, report, step


class TroubleError(Exception):
    """The error that steps raise in these tests."""


async def ended(work, *steps, **options):
    async with small_site(**options) as site:
        site.add(work, *steps)
        session = await site.start(work.__name__)
        site.start_worker()
        end = (await site.end(session)).session
        return end, await site.result(session)


@pytest.mark.slow
async def test_map_resumes_each_item_for_itself():
    worked: list[int] = []

    @step("Squaring")
    async def square(n: int) -> int:
        worked.append(n)
        if n == 7 and worked.count(7) == 1:
            raise TroubleError
        return n * n

    async def look() -> list[int]:
        return await square.map(range(10), at_once=1)

    end, result = await ended(look, square)
    assert json.loads(result) == [n * n for n in range(10)]
    assert worked == [0, 1, 2, 3, 4, 5, 6, 7, 7, 8, 9]
    assert end.progress.steps[0].progress_percentage == 100


async def test_map_works_outside_an_analysis_too_never_more_at_once_than_it_may():
    at_work = most = 0

    @step("Squaring")
    async def square(n: int) -> int:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0)
        at_work -= 1
        return n * n

    assert await square.map(range(20), at_once=3) == [n * n for n in range(20)]
    assert most == 3
    assert await square.map([]) == []
    with pytest.raises(ValueError, match="at_once"):
        await square.map([1], at_once=0)


async def test_the_first_failure_of_a_map_is_raised_as_it_is_when_the_others_have_ended():
    ended_ones: list[int] = []

    @step("Working")
    async def work(n: int) -> int:
        try:
            if n == 2:
                raise TroubleError("of item 2")
            await asyncio.Event().wait()
        finally:
            ended_ones.append(n)
        return n

    with pytest.raises(TroubleError, match="of item 2"):
        await work.map(range(100), at_once=4)
    assert sorted(ended_ones) == [0, 1, 2, 3]


def test_the_twin_in_threads_is_ordered_bounded_and_ends_at_the_first_failure():
    gate = threading.Barrier(3, timeout=10)

    @step("Working")
    def work(n: int) -> int:
        if n < 3:
            gate.wait()
        if n == 40:
            raise TroubleError("of item 40")
        return n

    assert work.map(range(30), at_once=3) == list(range(30))
    with pytest.raises(TroubleError, match="of item 40"):
        work.map(range(3, 1000), at_once=3)
    assert work.map([]) == []


async def test_a_map_in_threads_stops_the_calls_at_work_at_their_next_report():
    begun = threading.Barrier(2, timeout=10)
    stopped = threading.Event()

    @step("Working")
    def work(n: int) -> int:
        begun.wait()
        if n:
            raise TroubleError
        try:
            while True:
                report(message="still here")
                stopped.wait(0.001)
        finally:
            stopped.set()

    def look() -> list[int]:
        return work.map([0, 1], at_once=2)

    end, _ = await ended(look, work, max_attempts=1)
    assert (end.status, end.error_code) == (Status.FAILED, "error")
    assert stopped.is_set()


@pytest.mark.slow
async def test_steps_in_the_default_executor_are_kept():
    worked: list[int] = []

    @step("Working")
    def work(n: int) -> int:
        worked.append(n)
        if worked == [1, 2]:
            raise TroubleError
        return n

    async def look() -> int:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, work, 1) + await loop.run_in_executor(None, work, 2)

    _, result = await ended(look, work)
    assert result == "3"
    assert worked == [1, 2, 2]


@pytest.mark.slow
async def test_async_steps_are_kept_from_an_event_loop_of_the_analysis_own():
    worked: list[int] = []

    @step("Working")
    async def work(n: int) -> int:
        worked.append(n)
        if worked.count(2) == 1:
            raise TroubleError
        return n

    def look() -> list[int]:
        return asyncio.run(work.map([1, 2], at_once=1))

    _, result = await ended(look, work)
    assert result == "[1,2]"
    assert worked == [1, 2, 2]


async def test_a_thread_without_the_context_is_warned_of_once_a_step(caplog: pytest.LogCaptureFixture):
    @step("Lost")
    def lost_in_a_thread(n: int) -> int:
        return n

    def look() -> list[int]:
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(lost_in_a_thread, range(5)))

    _, result = await ended(look, lost_in_a_thread)
    assert result == "[0,1,2,3,4]"
    warnings = [record.getMessage() for record in caplog.records if "lost_in_a_thread" in record.getMessage()]
    assert len(warnings) == 1
    assert "lost_in_a_thread.map" in warnings[0]


def test_a_plain_call_outside_any_analysis_warns_of_nothing(caplog: pytest.LogCaptureFixture):
    @step("Plain")
    def plain_call(n: int) -> int:
        return n

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(plain_call, range(3))) == [0, 1, 2]
    assert not caplog.records


async def test_a_forked_child_calls_steps_as_plain_functions():
    @step("Working")
    def work(n: int) -> int:
        return n * n

    def look() -> int:
        ear, mouth = multiprocessing.get_context("fork").Pipe()
        child = multiprocessing.get_context("fork").Process(target=lambda: mouth.send(work(6)))
        child.start()
        answer = ear.recv() if ear.poll(20) else -1
        child.join(5)
        child.kill()
        return answer

    _, result = await ended(look, work, max_attempts=1)
    assert result == "36"


class OneWay(BaseModel):
    n: int

    @model_validator(mode="before")
    @classmethod
    def refuse(cls, value: object) -> object:
        if isinstance(value, dict) and value.get("n") == 0:
            raise ValueError("not from JSON")
        return value


def deep() -> object:
    value: list[object] = []
    for _ in range(250):
        value = [value]
    return value


@pytest.mark.parametrize("make", [lambda: 10**5000, deep, lambda: OneWay.model_construct(n=0)])
async def test_a_result_that_could_not_be_read_again_is_not_kept(make, caplog: pytest.LogCaptureFixture):
    kind = OneWay if isinstance(make(), OneWay) else object

    async def work() -> kind:
        return make()

    work = step("Working")(work)

    async def look() -> int:
        await work()
        return 1

    end, _ = await ended(look, work)
    assert (end.status, end.error_code) == (Status.FAILED, "not_json")
    assert "'work'" in caplog.text
