"""Random trees of steps with random failures: the same result as without, and no kept step runs twice."""

import asyncio
import contextvars
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlast import step
from outlast.backends.clock import SystemClock
from outlast.core.analyses.context import AttemptContext, enter
from outlast.domain.progress import StepState
from outlast.running.attempt import run_in_thread
from outlast.running.progress_tracker import ProgressTracker

Tree = tuple[str, int, bool, list["Tree"]]
"""The step, its argument, whether its children are called together, the children."""

TREES = st.recursive(
    st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.booleans(), st.just([])),
    lambda inner: st.tuples(st.sampled_from("abc"), st.integers(0, 2), st.booleans(), st.lists(inner, max_size=4)),
    max_leaves=12,
)


class BrokenError(Exception):
    """What a step raises when it is its turn to fail."""


class Journal:
    """What is kept from attempt to attempt."""

    owner = "me"
    session_id = "a" * 26

    def __init__(self):
        self.results = {}
        self.readable = {}
        self.twice = []

    def begin_attempt(self):
        self.readable = dict(self.results)

    async def kept(self, call):
        await asyncio.sleep(0)
        return self.readable.pop(call, None)  # an attempt reads each result once, as from the store

    async def keep(self, kept):
        await asyncio.sleep(0)
        if kept.call in self.results:
            self.twice.append(kept)
        self.results[kept.call] = kept


class Impatient(SystemClock):
    """A clock on which no time passes between the tries of a step."""

    async def sleep(self, seconds):
        await asyncio.sleep(0)


class World:
    """The steps, and when they fail."""

    def __init__(self, failures, retries):
        self.failures = set(failures)
        self.retries = retries
        self.calls = 0
        self.worked = Counter()
        self.steps = {name: self._step(name, version) for version, name in enumerate("abc", start=1)}
        self.blocking = {name: self._blocking(name, version) for version, name in enumerate("abc", start=1)}

    def fail_in_turn(self):
        self.calls += 1
        if self.calls in self.failures:
            raise BrokenError

    def _step(self, name, version):
        @step(name, name=name, version=version, retries=self.retries)
        async def work(n: int, together: bool, children: list) -> str:
            self.fail_in_turn()
            inside = await self.all(children, together)
            self.fail_in_turn()
            return f"{name}{n}({','.join(inside)})"

        return work

    def _blocking(self, name, version):
        @step(name, name=name, version=version, retries=self.retries)
        def work(n: int, together: bool, children: list) -> str:
            self.fail_in_turn()
            inside = [self.call_blocking(child) for child in children]
            self.fail_in_turn()
            return f"{name}{n}({','.join(inside)})"

        return work

    async def call(self, tree):
        name, n, together, children = tree
        return await self.steps[name](n, together, children)

    def call_blocking(self, tree):
        name, n, together, children = tree
        return self.blocking[name](n, together, children)

    async def all(self, children, together):
        if together:
            return await asyncio.gather(*(self.call(child) for child in children))
        return [await self.call(child) for child in children]


def plain(tree):
    name, n, _, children = tree
    return f"{name}{n}({','.join(map(plain, children))})"


async def to_the_end(world, journal, trees, blocking, shuffled):
    """Attempts until one ends; in each the trees may come in another order."""
    for attempt in range(1, 100):
        journal.begin_attempt()
        order = list(enumerate(trees))
        if shuffled:
            random.Random(attempt).shuffle(order)
        tracker = ProgressTracker(
            [StepState(name, name, 1 / 3) for name in "abc"], 0.0, SystemClock(), lambda: None
        )
        context = AttemptContext(tracker, journal, Impatient(), asyncio.get_running_loop())
        scope = contextvars.copy_context()
        scope.run(enter, context)

        async def work():
            return {at: await world.call(tree) for at, tree in order}  # noqa: B023 - awaited in this round

        def work_blocking():
            return {at: world.call_blocking(tree) for at, tree in order}  # noqa: B023 - awaited in this round

        try:
            if blocking:
                found = await run_in_thread(lambda: scope.run(work_blocking))  # noqa: B023 - awaited in this round
            else:
                found = await asyncio.get_running_loop().create_task(work(), context=scope)
        except BrokenError:
            continue
        finally:
            context.stop()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
        return [found[at] for at in range(len(trees))]
    raise AssertionError("it never ends")


@pytest.mark.slow
@settings(max_examples=200)
@given(
    st.lists(TREES, max_size=4),
    st.sets(st.integers(1, 40), max_size=8),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2),
)
def test_failures_change_no_result_and_cost_no_kept_work(trees, failures, blocking, shuffled, retries):
    journal = Journal()
    found = asyncio.run(to_the_end(World(failures, retries), journal, trees, blocking, shuffled))
    assert found == [plain(tree) for tree in trees]
    assert not journal.twice, "a kept result was worked for again"
