"""Embedded workers are replaced when they end, crash or block."""

import asyncio
import threading

import pytest

from outlast.running import embedded
from outlast.running.embedded import EmbeddedWorker
from outlast.running.worker_options import WorkerEnd, WorkerOptions

PATIENCE = 20.0


class Stuck:
    """A worker that reports a blocked event loop, and blocks it."""

    def __init__(self, options: WorkerOptions, released: threading.Event) -> None:
        self._options = options
        self._released = released

    async def run(self) -> None:
        self._options.on_stuck()
        self._released.wait(PATIENCE)

    def stop(self) -> None:
        """A blocked loop ignores a stop."""


class Honest:
    """A worker that runs until it is stopped."""

    def __init__(self, began: threading.Event) -> None:
        self._began = began
        self._over = asyncio.Event()

    async def run(self) -> None:
        self._began.set()
        await self._over.wait()

    def stop(self) -> None:
        self._over.set()


async def test_a_worker_is_replaced_each_time_its_loop_is_blocked_and_holds_up_no_stop():
    released, began = threading.Event(), threading.Event()
    made = []

    def make(options):
        made.append(Stuck(options, released) if len(made) < 3 else Honest(began))
        return made[-1]

    worker = EmbeddedWorker(make, WorkerOptions())
    worker.start()
    try:
        assert await asyncio.to_thread(began.wait, PATIENCE)
        assert len(made) == 4
        assert worker.alive
        async with asyncio.timeout(PATIENCE):
            await worker.stop(2 * PATIENCE)
    finally:
        released.set()


class Brief:
    """A worker that ends without a stop."""

    async def run(self) -> None:
        pass

    def stop(self) -> None:
        pass


async def test_a_worker_that_ends_unasked_is_replaced_and_a_stopped_one_is_not(monkeypatch):
    monkeypatch.setattr(embedded, "RESTART_DELAY", 0.01)
    began = threading.Event()
    made = []

    def make(_):
        made.append(Brief() if len(made) < 2 else Honest(began))
        return made[-1]

    worker = EmbeddedWorker(make, WorkerOptions())
    worker.start()
    assert await asyncio.to_thread(began.wait, PATIENCE)
    assert worker.alive
    async with asyncio.timeout(PATIENCE):
        await worker.stop(PATIENCE)
    assert not worker.alive
    assert len(made) == 3


class Worn:
    """A worker that asks for a replacement, twice, and ends when it may retire."""

    def __init__(self, options: WorkerOptions) -> None:
        self._options = options
        self._over = asyncio.Event()
        self.let_go = 0

    async def run(self) -> None:
        for _ in range(2):
            self._options.on_replacement_due(self._retire)
        await self._over.wait()

    def _retire(self) -> None:
        self.let_go += 1

    def stop(self) -> None:
        self._over.set()


async def test_a_worker_retires_once_its_single_replacement_has_started():
    began = threading.Event()
    made = []

    def make(options):
        made.append(Honest(began) if made else Worn(options))
        return made[-1]

    worker = EmbeddedWorker(make, WorkerOptions())
    worker.start()
    assert await asyncio.to_thread(began.wait, PATIENCE)
    async with asyncio.timeout(PATIENCE):
        await worker.stop(PATIENCE)
    assert [type(one) for one in made] == [Worn, Honest]
    assert made[0].let_go == 1


class Blocked:
    """A worker whose event loop is blocked, so that it ignores a stop."""

    def __init__(self, began: threading.Event, released: threading.Event) -> None:
        self._began, self._released = began, released

    async def run(self) -> None:
        self._began.set()
        self._released.wait(PATIENCE)

    def stop(self) -> None:
        pass


@pytest.mark.slow
async def test_a_second_stop_waits_no_longer_for_a_worker_whose_loop_is_blocked():
    began, released = threading.Event(), threading.Event()
    worker = EmbeddedWorker(lambda _: Blocked(began, released), WorkerOptions())
    worker.start()
    try:
        assert await asyncio.to_thread(began.wait, PATIENCE)
        stopping = asyncio.create_task(worker.stop(2 * PATIENCE))
        await asyncio.sleep(0.2)
        assert not stopping.done()
        worker.request_stop()
        async with asyncio.timeout(PATIENCE / 2):
            await stopping
        assert not released.is_set()
    finally:
        released.set()


class Asked:
    """A worker that ends because an operator asked for that."""

    def __init__(self, ended: threading.Event) -> None:
        self._ended = ended

    async def run(self) -> WorkerEnd:
        self._ended.set()
        return WorkerEnd.STOPPED

    def stop(self) -> None:
        """It has ended already."""


async def test_a_worker_that_an_operator_has_stopped_stays_away_and_its_program_is_still_ready():
    ended, made = threading.Event(), []

    def make(_):
        made.append(Asked(ended))
        return made[-1]

    worker = EmbeddedWorker(make, WorkerOptions())
    worker.start()
    assert await asyncio.to_thread(ended.wait, PATIENCE)
    async with asyncio.timeout(PATIENCE):
        await worker.stop(PATIENCE)
    assert len(made) == 1
    assert worker.alive
