"""A long step's progress is flushed before its result, which may be large, is serialized."""

import asyncio
from typing import Any

from outlast import step
from outlast.backends.memory.notifier import MemoryNotifier
from outlast.core.analyses.context import LONG_STEP, AttemptContext, enter
from outlast.domain.progress import Progress
from outlast.domain.session import Claim
from outlast.running.progress_writer import ProgressWriter
from outlast.testing.clock import FakeClock


class Heard:
    """Progress and journal of one attempt, which record their calls in order."""

    owner = "me"

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *_: self.calls.append(name)

    async def flush(self) -> None:
        self.calls.append("told")

    async def kept(self, *_: object) -> None:
        return None

    async def keep(self, *_: object) -> None:
        self.calls.append("keep")


async def test_only_a_long_step_flushes_its_progress():
    heard, clock = Heard(), FakeClock()
    enter(AttemptContext(heard, heard, clock, asyncio.get_running_loop()))

    @step("Working")
    async def work(seconds: float) -> int:
        clock.advance(seconds)
        return 1

    await work(LONG_STEP / 2)
    assert heard.calls == ["introduce", "begin", "keep", "end"]
    heard.calls.clear()
    await work(LONG_STEP)
    assert heard.calls == ["begin", "told", "keep", "end"]


async def test_a_thread_counts_as_working_as_soon_as_what_it_waits_for_has_ended():
    heard = Heard()
    attempt = AttemptContext(heard, heard, FakeClock(), asyncio.get_running_loop())
    waiting: list[int] = []

    async def keep(*_: object) -> None:
        task = asyncio.current_task()
        assert task is not None
        waiting.append(len(attempt.waiting_threads))
        task.add_done_callback(lambda _: waiting.append(len(attempt.waiting_threads)))

    heard.keep = keep

    @step("Working")
    def work() -> int:
        return 1

    def in_thread() -> int:
        enter(attempt)
        return work()

    assert await asyncio.to_thread(in_thread) == 1
    assert waiting == [1, 0]


class Store:
    def __init__(self) -> None:
        self.written = asyncio.Event()

    async def report(self, _updates: object) -> set[Claim]:
        self.written.set()
        return set()


class Attempt:
    tracker: Any

    def __init__(self) -> None:
        self.tracker = self

    def take(self) -> Progress:
        return Progress(1.0)


async def test_flushed_progress_is_written_before_its_interval():
    claim, store = Claim("a", 1), Store()
    writer = ProgressWriter(store, MemoryNotifier(), FakeClock())
    running = asyncio.create_task(writer.run({claim: Attempt()}, lambda _: None))
    writer.mark(claim)
    await store.written.wait()
    store.written.clear()
    writer.mark(claim)  # on a clock that stands still its turn never comes
    await asyncio.sleep(0.1)
    assert not store.written.is_set()
    async with asyncio.timeout(5):
        await writer.flush(claim)
    assert store.written.is_set()
    running.cancel()
