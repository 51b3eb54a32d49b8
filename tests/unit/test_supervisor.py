"""What a supervisor says of the ends of its workers, and that a store that is away does not lose it."""

import asyncio
import random
import signal
import sys

import pytest

from outlast.backends.memory.notifier import MemoryNotifier
from outlast.backends.memory.store import MemoryStore
from outlast.core import supervisor as of_supervisor
from outlast.core.maintenance import Maintenance, Retention
from outlast.core.supervisor import Supervisor, cause_of
from outlast.domain.errors import StoreUnavailable
from outlast.testing.acts import death_of, enter, lapse, read, start, take_one
from outlast.testing.clock import FakeClock

PATIENCE = 20.0


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (3, "exited with code 3"),
        (0, "exited with code 0"),
        (-signal.SIGKILL, "was killed by SIGKILL"),
        (-signal.SIGSEGV, "was killed by SIGSEGV"),
        (-99, "was killed by signal 99"),
    ],
)
def test_the_cause_is_what_was_seen(code, cause):
    assert cause_of(code) == cause


class AwayStore(MemoryStore):
    """It cannot be reached until `back` is set."""

    def __init__(self, clock):
        super().__init__(clock)
        self.back = asyncio.Event()
        self.asked = asyncio.Event()

    async def rescue_worker(self, worker_id, death):
        self.asked.set()
        if not self.back.is_set():
            raise StoreUnavailable("away")
        return await super().rescue_worker(worker_id, death)


async def test_a_death_that_cannot_be_written_is_written_later_and_the_replacement_does_not_wait(monkeypatch):
    monkeypatch.setattr(of_supervisor, "STORE_SLOW", 0.01)
    clock = FakeClock()
    store = AwayStore(clock)
    maintenance = Maintenance(store, MemoryNotifier(), clock, random.Random(1), Retention(1, 1, 1))
    supervisor = Supervisor([sys.executable, "-c", "import sys; sys.stdin.read()"], 1, maintenance)
    running = asyncio.create_task(supervisor.run())

    async def worker_and_pid(besides=None):
        while not supervisor._children.keys() - {besides}:  # noqa: ASYNC110 - no event tells of a start
            await asyncio.sleep(0)
        return next((worker_id, child.pid) for worker_id, child in supervisor._children.items())

    async with asyncio.timeout(PATIENCE):
        worker_id, pid = await worker_and_pid()
        enter(store, worker_id)
        session = await start(store)
        await take_one(store, session.id, worker_id)
        supervisor._children[worker_id].kill()
        await worker_and_pid(besides=worker_id)
        await store.asked.wait()
        assert (await read(store, session.id)).crashes == 0
        store.back.set()
        while (row := await read(store, session.id)).crashes == 0:
            clock.advance(1)
            await asyncio.sleep(0)
        (line,) = await store.history(session.id)
        assert line.error is not None
        assert line.error.endswith(f"(pid {pid}) was killed by SIGKILL.")
        assert (row.crashes, row.lapses) == (1, 0)
        supervisor.stop()
        await running


async def test_a_lapse_before_the_death_is_written_is_no_crash():
    clock = FakeClock()
    store = MemoryStore(clock)
    enter(store, "w")
    session = await start(store)
    await take_one(store, session.id, "w")
    await lapse(store, "w")
    maintenance = Maintenance(store, MemoryNotifier(), clock, random.Random(1), Retention(1, 1, 1))
    assert not await maintenance.record_death(death_of("w"))
    assert (await read(store, session.id)).crashes == 0
