"""A fleet of real Celery workers on a real broker, that is killed, flushed, and repeats itself."""

import os
import signal
import time
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import psutil
import pytest
from processes import LEASE, Installation, Process, Visitor, wait_until

from outlast.backends.celery.celery_app import TASK, make_app
from servers import RedisServer

pytestmark = pytest.mark.slow

SOURCE = """
@step("Once")
async def once(name: str) -> None:
    note("once", name)

@outlast.analysis("waits", steps=[once])
async def waits(name: str) -> int:
    await once(name)
    note("waits", name, os.getpid(), id(asyncio.get_running_loop()))
    try:
        await until(name)
    except asyncio.CancelledError:
        note("stopped", name)
        raise
    return os.getpid()

@outlast.analysis("quick")
async def quick(name: str) -> int:
    note("quick", name, os.getpid())
    return os.getpid()

@outlast.analysis("urgent", priority=5)
async def urgent(name: str) -> int:
    note("urgent", name)
    return os.getpid()
"""
every_pool = pytest.mark.parametrize("pool", ["threads", "prefork"])


class Fleet(Installation):
    """An installation whose sessions go through Celery; a test brings up what it needs."""

    def __init__(self, folder: Path, broker: RedisServer, **settings: str) -> None:
        super().__init__(folder, SOURCE, QUEUE_CONNECTION=broker.url, **settings)
        self.broker = broker

    def api(self, workers: int = 0) -> tuple[Process, Visitor]:
        server = self.serve(workers)
        return server, self.visitor(server)

    def ready(self, process: Process) -> Process:
        """Once it listens to the broker."""
        wait_until(lambda: " ready." in process.log, 60, "the Celery worker")
        return process

    def send(self, *session_ids: str) -> None:
        """Messages that the product did not send."""
        app = make_app(self.broker.url)
        with app.connection_for_write() as connection:
            producer = app.amqp.Producer(connection, auto_declare=False)
            for session_id in session_ids:
                app.send_task(TASK, args=[session_id], queue="analysis", priority=4, producer=producer)

    def waiting_messages(self) -> int:
        return int(self.broker.ask("LLEN", "analysis\x06\x164")[1:])


@pytest.fixture
def house(tmp_path: Path, redis_server: RedisServer) -> Generator[Fleet]:
    with Fleet(tmp_path, redis_server) as house:
        yield house


def all_completed(visitor: Visitor, sessions: list[str], within: float) -> None:
    for session in sessions:
        visitor.wait_for(session, "completed", within=within)


@every_pool
def test_celery_s_own_command_works_on_sessions_in_its_pool(house: Fleet, pool: str) -> None:
    _, visitor = house.api()
    worker = house.ready(house.celery(pool, 3))
    sessions = [visitor.start("waits", name=f"n{i}") for i in range(3)]
    begun = house.wait_for_effect("waits", count=3)
    processes = {line[2] for line in begun}
    if pool == "threads":
        assert processes == {str(worker.pid)}
        assert len({line[3] for line in begun}) == 1, "one event loop for all attempts of the process"
    else:
        assert len(processes) == 3
        assert str(worker.pid) not in processes
    for i in range(3):
        house.allow(f"n{i}")
    all_completed(visitor, sessions, 20)
    wait_until(lambda: worker.log.count("succeeded") == 3, 10, "the end of every message")


@every_pool
def test_a_cancel_reaches_a_celery_worker(house: Fleet, pool: str) -> None:
    _, visitor = house.api()
    house.celery(pool)
    session = visitor.start("waits", name="a")
    house.wait_for_effect("waits", "a")
    assert visitor.cancel(session) == 202
    house.wait_for_effect("stopped", "a", within=5)
    visitor.wait_for(session, "cancelled", within=10)


@every_pool
def test_messages_three_times_late_and_of_nothing_change_nothing(house: Fleet, pool: str) -> None:
    _, visitor = house.api()
    worker = house.celery(pool, 3)
    sessions = [visitor.start("quick", name=f"n{i}") for i in range(10)]
    for _ in range(3):
        house.send(*sessions)
    house.ready(worker)
    house.send("a" * 26, "")
    all_completed(visitor, sessions, 20)
    house.send(*sessions)
    wait_until(lambda: worker.log.count("succeeded") == 52, 20, "the end of every message")
    assert Counter(name for _, name, _ in house.effects("quick")) == {f"n{i}": 1 for i in range(10)}
    assert house.waiting_messages() == 0


@every_pool
def test_a_broker_that_is_flushed_killed_and_comes_back_costs_time_and_no_session(house: Fleet, pool: str) -> None:
    _, visitor = house.api()
    house.ready(house.celery(pool))
    held = [visitor.start("waits", name=name) for name in ("a", "b")]
    house.wait_for_effect("waits", count=2)
    flushed = [visitor.start("quick", name=f"flushed{i}") for i in range(5)]
    wait_until(lambda: house.waiting_messages() > 0, 10, "messages")
    house.broker.ask("FLUSHALL")
    house.allow("a")
    all_completed(visitor, flushed, 40)

    house.broker.stop()
    lost = [visitor.start("quick", name=f"lost{i}") for i in range(5)]
    house.allow("b")
    all_completed(visitor, [*held, *lost], 40)

    house.broker.start()
    after = [visitor.start("quick", name=f"after{i}") for i in range(5)]
    all_completed(visitor, after, 60)
    assert all(n == 1 for n in Counter(name for _, name, _ in house.effects("quick")).values())
    assert len(house.effects("waits")) == 2


@pytest.mark.parametrize("shape", ["own", "prefork"])
def test_a_killed_process_is_replaced_and_its_sessions_go_on_at_once(house: Fleet, shape: str) -> None:
    _, visitor = house.api()
    _ = house.workers(2) if shape == "own" else house.ready(house.celery("prefork", 2))
    session = visitor.start("waits", name="a")
    pid = int(house.wait_for_effect("waits", "a")[0][2])
    if shape == "own":
        visitor.start("waits", name="b")
        house.wait_for_effect("waits", "b")
    wait_until(lambda: len(house.alive_workers()) == 2, 20, "both workers")
    os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    house.wait_for_effect("waits", "a", count=2, within=LEASE)
    assert time.monotonic() - killed < LEASE / 2, "not by the lease"
    house.allow("a")
    shown = visitor.wait_for(session, "completed", within=20)
    assert shown["attempt"] == 1
    assert shown["result"] != pid
    assert len(house.effects("once", "a")) == 1
    wait_until(lambda: len(house.alive_workers()) == 2, 20, "a new worker")


def test_a_killed_celery_worker_leaves_no_process_and_its_sessions_go_on_within_the_lease(house: Fleet) -> None:
    _, visitor = house.api()
    doomed = house.celery("prefork", 2)
    session = visitor.start("waits", name="a")
    house.wait_for_effect("waits", "a")
    family = [doomed.pid, *(c.pid for c in psutil.Process(doomed.pid).children(recursive=True))]
    heir = house.ready(house.celery("threads"))
    doomed.signal(signal.SIGKILL)
    killed = time.monotonic()
    wait_until(lambda: not set(family) & set(house.alive()), 5, "the end of its children")
    house.allow("a")
    shown = visitor.wait_for(session, "completed", within=LEASE + 15)
    assert time.monotonic() - killed <= LEASE + 5
    assert (shown["result"], shown["attempt"]) == (heir.pid, 1)


@every_pool
def test_term_gives_sessions_back_unspent_and_another_goes_on(house: Fleet, pool: str) -> None:
    _, visitor = house.api()
    first = house.ready(house.celery(pool))
    session = visitor.start("waits", name="a")
    house.wait_for_effect("waits", "a")
    first.signal(signal.SIGTERM)
    assert first.wait(15) == 0
    assert visitor.see(session)["status"] == "pending"
    assert not house.alive_workers()
    house.celery(pool)
    house.wait_for_effect("waits", "a", count=2)
    house.allow("a")
    assert visitor.wait_for(session, "completed", within=20)["attempt"] == 1
    assert len(house.effects("once", "a")) == 1


@pytest.mark.parametrize("shape", ["own", "threads", "prefork"])
def test_the_second_term_stops_at_once(tmp_path: Path, redis_server: RedisServer, shape: str) -> None:
    with Fleet(tmp_path, redis_server, ANALYSIS_SHUTDOWN_GRACE="120") as house:
        _, visitor = house.api()
        worker = house.workers(1) if shape == "own" else house.ready(house.celery(shape))
        session = visitor.start("waits", name="a")
        house.wait_for_effect("waits", "a")
        worker.signal(signal.SIGTERM)
        wait_until(lambda: shape == "own" or "Warm shutdown" in worker.log, 10, "the first")
        refused = visitor.start("quick", name="b")
        worker.signal(signal.SIGTERM)
        assert worker.wait(15) == 0
        assert visitor.see(session)["status"] == "pending"
        assert visitor.see(refused)["status"] == "pending"
        assert visitor.see(session)["attempt"] == 0


def test_larger_priority_goes_first(house: Fleet) -> None:
    _, visitor = house.api()
    house.workers(1, "--concurrency", "1")
    visitor.start("waits", name="a")
    house.wait_for_effect("waits", "a")
    low = [visitor.start("quick", name=f"low{i}") for i in range(3)]
    high = visitor.start("urgent", name="high")
    wait_until(lambda: house.waiting_messages() == 3, 10, "messages")
    house.allow("a")
    all_completed(visitor, [*low, high], 20)
    order = [line[0] for line in house.effects() if line[0] in {"quick", "urgent"}]
    assert order == ["urgent", "quick", "quick", "quick"]


def test_without_a_broker_the_celery_command_says_what_is_missing(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE) as house:
        worker = house.celery("threads")
        assert worker.wait(30) != 0
        assert "QUEUE_CONNECTION is 'database', so Celery has no broker to listen to." in worker.log


def test_a_pool_that_does_not_fit_is_refused(house: Fleet) -> None:
    worker = house.celery("solo")
    assert worker.wait(30) != 0
    assert "Outlast supports the pools prefork and threads" in worker.log
