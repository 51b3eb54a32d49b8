"""What a supervisor logs and records about dead workers, even while the store is unavailable."""

import asyncio
import random
import signal
import sys

import pytest

from outlast.backends.memory.notifier import MemoryNotifier
from outlast.backends.memory.store import MemoryStore
from outlast.domain.errors import StoreUnavailable
from outlast.running import supervisor as of_supervisor
from outlast.running.maintenance import Maintenance, Retention
from outlast.running.supervisor import Supervisor, cause_of
from outlast.testing.acts import claim_session, death_of, lapse, read, register_worker, start
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
def test_the_cause_describes_the_exit_code(code, cause):
    assert cause_of(code) == cause


async def test_the_fifth_quick_death_in_a_row_and_each_after_it_makes_the_next_start_wait_twice_as_long(caplog):
    store, clock = MemoryStore(FakeClock()), FakeClock()
    maintenance = Maintenance(store, MemoryNotifier(), clock, random.Random(1), Retention(1, 1, 1))
    supervisor = Supervisor([], 1, store, maintenance, grace=1)
    supervisor._stopping.set()  # so that it says how long it would wait, and does not
    said = []
    for quick_deaths in range(11):
        caplog.clear()
        await supervisor._delay_restart(quick_deaths)
        said += [(quick_deaths, record.args[0]) for record in caplog.records]
    assert said == [(5, 2.0), (6, 4.0), (7, 8.0), (8, 16.0), (9, 30.0), (10, 30.0)]


class AwayStore(MemoryStore):
    """A store that is unavailable until `back` is set."""

    def __init__(self, clock):
        super().__init__(clock)
        self.back = asyncio.Event()
        self.asked = asyncio.Event()

    async def rescue_worker(self, worker_id, death):
        self.asked.set()
        if not self.back.is_set():
            raise StoreUnavailable("away")
        return await super().rescue_worker(worker_id, death)


@pytest.mark.slow
async def test_a_death_that_cannot_be_written_is_written_later_and_the_replacement_does_not_wait(monkeypatch):
    monkeypatch.setattr(of_supervisor, "STORE_TIMEOUT", 0.01)
    clock = FakeClock()
    store = AwayStore(clock)
    maintenance = Maintenance(store, MemoryNotifier(), clock, random.Random(1), Retention(1, 1, 1))
    command = [sys.executable, "-c", "import os\nwhile os.read(0, 9) not in {b'', b'S'}: pass"]
    supervisor = Supervisor(command, 1, store, maintenance, grace=1)
    running = asyncio.create_task(supervisor.run())

    async def some_worker(besides=None):
        while not (found := [w for w in supervisor._workers if w is not besides]):  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0)
        return found[0]

    async with asyncio.timeout(PATIENCE):
        worker = await some_worker()
        register_worker(store, worker.id)
        session = await start(store)
        await claim_session(store, session.id, worker.id)
        worker.process.kill()
        await some_worker(besides=worker)
        await store.asked.wait()
        assert (await read(store, session.id)).crashes == 0
        store.back.set()
        while (row := await read(store, session.id)).crashes == 0:
            clock.advance(1)
            await asyncio.sleep(0)
        (line,) = await store.history(session.id)
        assert line.error is not None
        assert line.error.endswith(f"(pid {worker.process.pid}) was killed by SIGKILL.")
        assert (row.crashes, row.lapses) == (1, 0)
        supervisor.stop()
        await running


RETIRING = """
import os, pathlib, sys
first = pathlib.Path(sys.argv[1])
if not first.exists():
    first.touch()
    os.write(0, b"R")
    while b"R" not in os.read(0, 9): pass
    sys.exit(3)
os.write(0, b"A")
while os.read(0, 9) not in {b"", b"S"}: pass
"""


async def test_a_retiring_worker_without_sessions_may_exit_with_any_code_and_is_replaced_once(tmp_path, caplog):
    caplog.set_level("INFO")
    clock = FakeClock()
    store = MemoryStore(clock)
    maintenance = Maintenance(store, MemoryNotifier(), clock, random.Random(1), Retention(1, 1, 1))
    command = [sys.executable, "-c", RETIRING, str(tmp_path / "first")]
    supervisor = Supervisor(command, 1, store, maintenance, grace=1)
    real, lives = supervisor._supervise, []

    async def supervise(worker):
        lives.append(await real(worker))
        ended.set()
        return lives[-1]

    ended = asyncio.Event()
    supervisor._supervise = supervise
    running = asyncio.create_task(supervisor.run())
    async with asyncio.timeout(PATIENCE):
        await ended.wait()
        assert lives == [False]
        assert len(supervisor._workers) == 1
        supervisor.stop()
        await running
    assert caplog.text.count("replaces it") == 1
    assert "It is being replaced" not in caplog.text


async def test_a_lapse_before_the_death_is_written_is_no_crash():
    clock = FakeClock()
    store = MemoryStore(clock)
    register_worker(store, "w")
    session = await start(store)
    await claim_session(store, session.id, "w")
    await lapse(store, "w")
    maintenance = Maintenance(store, MemoryNotifier(), clock, random.Random(1), Retention(1, 1, 1))
    assert not await maintenance.record_death(death_of("w"))
    assert (await read(store, session.id)).crashes == 0
