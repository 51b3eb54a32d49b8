"""`retries=` and `timeout=` of a step: what is tried again, when, and what ends it."""

import asyncio
import contextvars
import random
import threading
from typing import ClassVar

import pytest

from outlast import Permanent, RetryAfter, report, step
from outlast.core.analyses.branch import current_branch
from outlast.core.analyses.context import AttemptContext, enter
from outlast.domain.backoff import backoff
from outlast.domain.progress import StepState
from outlast.running.progress_tracker import ProgressTracker
from outlast.running.threads import run_in_thread
from outlast.testing.clock import FakeClock

SEED = 7


class Journal:
    owner = "me"
    session_id = "a" * 26

    def __init__(self):
        self.keeps = []

    async def kept(self, _call):
        return None

    async def keep(self, kept):
        self.keeps.append(kept.result)


@pytest.fixture(autouse=True)
def attempts():
    """Stop the attempts at the end of their test."""
    yield World.attempts
    for attempt in World.attempts:
        attempt.stop()
    World.attempts.clear()


class World:
    """One attempt on a clock that stands still, and what it kept."""

    attempts: ClassVar = []

    def __init__(self, timeout=10_000.0):
        self.clock, self.journal = FakeClock(), Journal()
        self.tracker = ProgressTracker([StepState("work", "Working", 1.0)], 0.0, self.clock, lambda: None)
        self.attempt = AttemptContext(
            self.tracker,
            self.journal,
            self.clock,
            asyncio.get_running_loop(),
            rng=random.Random(SEED),
            timeout=timeout,
        )
        self.attempts.append(self.attempt)
        self.scope = contextvars.copy_context()
        self.scope.run(enter, self.attempt)

    def start(self, step, *args, blocking=False):
        if blocking:
            return asyncio.create_task(run_in_thread(lambda: self.scope.run(step, *args)))

        async def call():
            return await step(*args)

        return asyncio.get_running_loop().create_task(call(), context=self.scope)

    async def pass_pauses(self, work, count=1):
        """Let time pass until `work` has ended; returns the pauses."""
        pauses = []
        while True:
            asleep = asyncio.create_task(self.clock.asleep(count))
            await asyncio.wait({work, asleep}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                asleep.cancel()
                return pauses
            pauses.append(min(s.until for s in self.clock._sleepers) - self.clock.monotonic())
            self.clock.advance(pauses[-1])


def failing(times, *, blocking, error=ConnectionError, **options):
    calls = []

    @step("Working", name="work", **options)
    async def work() -> int:
        calls.append(1)
        if len(calls) <= times:
            raise error
        return len(calls)

    @step("Working", name="work", **options)
    def work_blocking() -> int:
        calls.append(1)
        if len(calls) <= times:
            raise error
        return len(calls)

    return (work_blocking if blocking else work), calls


both = pytest.mark.parametrize("blocking", [False, True], ids=["async", "def"])


@both
async def test_a_call_is_tried_again_after_the_delays_of_attempts(blocking):
    world = World()
    work, calls = failing(3, blocking=blocking, retries=3)
    running = world.start(work, blocking=blocking)
    rng = random.Random(SEED)
    assert await world.pass_pauses(running) == pytest.approx([backoff(n, rng) for n in (1, 2, 3)])
    assert (await running, len(calls), world.journal.keeps) == (4, 4, ["4"])


@both
async def test_the_last_error_is_raised_when_no_retry_is_left(blocking):
    world = World()
    work, calls = failing(9, blocking=blocking, retries=2)
    running = world.start(work, blocking=blocking)
    await world.pass_pauses(running)
    with pytest.raises(ConnectionError):
        await running
    assert len(calls) == 3


@both
@pytest.mark.parametrize(
    "error", [Permanent("No."), ExceptionGroup("many", [OSError(), Permanent("No.")])], ids=["alone", "in a group"]
)
async def test_a_permanent_error_is_not_tried_again(blocking, error):
    world = World()
    work, calls = failing(9, blocking=blocking, error=error, retries=5)
    with pytest.raises(type(error)):
        await world.start(work, blocking=blocking)
    assert len(calls) == 1


@both
async def test_retry_after_waits_what_it_says(blocking):
    world = World()
    work, _ = failing(1, blocking=blocking, error=RetryAfter(77), retries=1)
    running = world.start(work, blocking=blocking)
    assert await world.pass_pauses(running) == [77]
    assert await running == 2


@both
async def test_a_wait_past_the_end_of_the_attempt_is_left_to_the_next_attempt(blocking):
    world = World(timeout=60)
    work, calls = failing(1, blocking=blocking, error=RetryAfter(77), retries=1)
    with pytest.raises(RetryAfter):
        await world.start(work, blocking=blocking)
    assert len(calls) == 1


@both
async def test_a_stop_ends_a_pause_at_once(blocking):
    world = World()
    work, calls = failing(9, blocking=blocking, retries=5)
    running = world.start(work, blocking=blocking)
    await world.clock.asleep()
    world.attempt.stop()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(calls) == 1


@both
async def test_the_visitor_sees_that_it_is_tried_again_and_then_what_was_there_before(blocking):
    world = World()
    messages = []

    @step("Working", name="work", retries=1)
    def work_blocking() -> int:
        messages.append(world.tracker.take().message)
        if len(messages) == 1:
            report(message="Halfway.")
            raise OSError
        return 1

    @step("Working", name="work", retries=1)
    async def work() -> int:
        return work_blocking.work()

    running = world.start(work_blocking if blocking else work, blocking=blocking)
    await world.clock.asleep()
    note = world.tracker.take().message
    assert note.startswith("It failed and is tried again in ")
    assert note.endswith(" s (try 2 of 2).")
    await world.pass_pauses(running)
    assert messages == [None, "Halfway."]


async def test_a_call_that_takes_too_long_is_cancelled_and_tried_again():
    world = World()
    cancelled = []

    @step("Working", name="work", retries=1, timeout=30)
    async def work() -> int:
        if cancelled:
            return 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(1)
            raise

    running = world.start(work)
    pauses = await world.pass_pauses(running)
    assert (pauses[0], await running, cancelled) == (30, 1, [1])


@pytest.mark.parametrize("then", ["returns", "raises"])
async def test_a_call_that_swallows_its_cancellation_has_still_timed_out(then):
    world = World()

    @step("Working", name="work", timeout=30)
    async def work() -> int:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if then == "raises":
                raise OSError from None
        return 1

    running = world.start(work)
    await world.pass_pauses(running)
    with pytest.raises(TimeoutError, match=r"'work' took longer than the 30 s"):
        await running
    assert not world.journal.keeps


async def test_a_timeout_is_an_error_that_the_analysis_can_catch():
    world = World()

    @step("Working", name="work", timeout=30)
    async def work() -> int:
        return await asyncio.Event().wait()

    async def analyse():
        try:
            return await work()
        except TimeoutError:
            await asyncio.sleep(0)  # nothing is left of the cancellation
            return "a default"

    running = world.start(analyse)
    await world.pass_pauses(running)
    assert await running == "a default"


@pytest.mark.parametrize("ends_by", ["report", "return", "step"])
async def test_a_def_step_ends_at_its_next_report_or_step_after_its_timeout(ends_by):
    world = World()
    late = threading.Event()

    @step("Other")
    def other() -> int:
        return 1

    @step("Working", name="work", timeout=30)
    def work() -> int:
        with current_branch().on_stop(late.set):
            assert late.wait(10)
        if ends_by == "report":
            report(0.5)
            raise AssertionError
        if ends_by == "step":
            other()
            raise AssertionError
        return 1

    running = world.start(work, blocking=True)
    await world.pass_pauses(running)
    with pytest.raises(TimeoutError):
        await running
    assert not world.journal.keeps


@both
async def test_the_timeout_of_an_outer_step_ends_the_pause_of_an_inner_one(blocking):
    world = World()
    inner, calls = failing(9, blocking=blocking, error=RetryAfter(50), retries=9)

    @step("Outer", name="outer", timeout=120)
    async def outer() -> int:
        return await inner()

    @step("Outer", name="outer", timeout=120)
    def outer_blocking() -> int:
        return inner()

    running = world.start(outer_blocking if blocking else outer, blocking=blocking)
    await world.pass_pauses(running, 2)
    with pytest.raises(TimeoutError, match="outer"):
        await running
    assert len(calls) == 3


@both
async def test_each_call_of_a_map_has_its_own_tries(blocking):
    world = World()
    failed = set()

    @step("Working", name="work", retries=1)
    async def work(n: int) -> int:
        if n % 2 and n not in failed:
            failed.add(n)
            raise OSError
        return n

    @step("Working", name="work", retries=1)
    def work_blocking(n: int) -> int:
        if n % 2 and n not in failed:
            failed.add(n)
            raise OSError
        return n

    if blocking:
        running = world.start(work_blocking.map, range(6), blocking=True)
    else:
        running = world.start(work.map, range(6))
    await world.pass_pauses(running)
    assert await running == list(range(6))
    assert sorted(world.journal.keeps) == list("012345")
    message = world.tracker.take().message
    assert message == "6 of 6"


@both
async def test_the_first_failure_of_a_map_ends_the_pauses_of_the_others(blocking):
    world = World()
    paused = threading.Event()

    def fail(n):
        if n:
            raise RetryAfter(1000)
        paused.wait(10)
        raise Permanent("No.")

    @step("Working", name="work", retries=1)
    async def work(n: int) -> int:
        return await asyncio.to_thread(fail, n)

    @step("Working", name="work", retries=1)
    def work_blocking(n: int) -> int:
        return fail(n)

    if blocking:
        running = world.start(work_blocking.map, range(4), blocking=True)
    else:
        running = world.start(work.map, range(4))
    await world.clock.asleep(3)
    paused.set()
    with pytest.raises(Permanent):
        await running


async def test_what_a_failed_try_left_behind_is_cancelled_and_its_results_are_used():
    world = World()
    calls, hanging = [], []

    @step("Part", name="part")
    async def part(n: int) -> int:
        calls.append(n)
        if n == 2 and calls.count(2) == 1:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                hanging.append("cancelled")
                raise
        return n

    @step("Working", name="work", retries=1)
    async def work() -> int:
        first = await part(1)
        other = asyncio.create_task(part(2))
        await asyncio.sleep(0)
        while 2 not in calls:  # noqa: ASYNC110 - a few turns of the loop
            await asyncio.sleep(0)
        if not hanging and calls.count(2) == 1:
            raise OSError
        return first + await other

    running = world.start(work)
    await world.pass_pauses(running)
    assert (await running, calls, hanging) == (3, [1, 2, 2], ["cancelled"])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"retries": -1}, "retries of the step 'work' is a whole number from 0 on"),
        ({"retries": 1.5}, "It is 1.5"),
        ({"retries": True}, "It is True"),
        ({"retries": "3"}, "It is '3'"),
        ({"timeout": 0}, "timeout of the step 'work' is a number of seconds above 0"),
        ({"timeout": -1}, "It is -1"),
        ({"timeout": float("inf")}, "It is inf"),
        ({"timeout": float("nan")}, "It is nan"),
        ({"timeout": True}, "It is True"),
        ({"timeout": "30"}, "It is '30'"),
    ],
)
def test_values_that_make_no_sense_are_refused_when_the_step_is_declared(options, sentence):
    def work() -> int:
        return 1

    with pytest.raises(ValueError, match=sentence):
        step("Working", **options)(work)


async def test_outside_an_analysis_a_step_is_called_once():
    work, calls = failing(1, blocking=False, retries=5)
    with pytest.raises(ConnectionError):
        await work()
    assert len(calls) == 1
