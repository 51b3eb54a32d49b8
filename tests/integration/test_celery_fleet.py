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
def installation(tmp_path: Path, redis_server: RedisServer) -> Generator[Fleet]:
    with Fleet(tmp_path, redis_server) as installation:
        yield installation


def all_completed(visitor: Visitor, sessions: list[str], within: float) -> None:
    for session in sessions:
        visitor.wait_for(session, "completed", within=within)


@every_pool
def test_celery_s_own_command_works_on_sessions_in_its_pool(installation: Fleet, pool: str) -> None:
    _, visitor = installation.api()
    worker = installation.ready(installation.celery(pool, 3))
    sessions = [visitor.start("waits", name=f"n{i}") for i in range(3)]
    begun = installation.wait_for_effect("waits", count=3)
    processes = {line[2] for line in begun}
    if pool == "threads":
        assert processes == {str(worker.pid)}
        assert len({line[3] for line in begun}) == 1, "one event loop for all attempts of the process"
    else:
        assert len(processes) == 3
        assert str(worker.pid) not in processes
    for i in range(3):
        installation.allow(f"n{i}")
    all_completed(visitor, sessions, 20)
    wait_until(lambda: worker.log.count("succeeded") == 3, 10, "the end of every message")


@every_pool
def test_a_cancel_reaches_a_celery_worker(installation: Fleet, pool: str) -> None:
    _, visitor = installation.api()
    installation.celery(pool)
    session = visitor.start("waits", name="a")
    installation.wait_for_effect("waits", "a")
    assert visitor.cancel(session) == 202
    installation.wait_for_effect("stopped", "a", within=5)
    visitor.wait_for(session, "cancelled", within=10)


@every_pool
def test_messages_three_times_late_and_of_nothing_change_nothing(installation: Fleet, pool: str) -> None:
    _, visitor = installation.api()
    worker = installation.celery(pool, 3)
    sessions = [visitor.start("quick", name=f"n{i}") for i in range(10)]
    for _ in range(3):
        installation.send(*sessions)
    installation.ready(worker)
    installation.send("a" * 26, "")
    all_completed(visitor, sessions, 20)
    installation.send(*sessions)
    wait_until(lambda: worker.log.count("succeeded") == 52, 20, "the end of every message")
    assert Counter(name for _, name, _ in installation.effects("quick")) == {f"n{i}": 1 for i in range(10)}
    assert installation.waiting_messages() == 0


@every_pool
def test_a_broker_that_is_flushed_killed_and_comes_back_costs_time_and_no_session(
    installation: Fleet, pool: str
) -> None:
    _, visitor = installation.api()
    installation.ready(installation.celery(pool))
    held = [visitor.start("waits", name=name) for name in ("a", "b")]
    installation.wait_for_effect("waits", count=2)
    flushed = [visitor.start("quick", name=f"flushed{i}") for i in range(5)]
    wait_until(lambda: installation.waiting_messages() > 0, 10, "messages")
    installation.broker.ask("FLUSHALL")
    installation.allow("a")
    all_completed(visitor, flushed, 40)

    installation.broker.stop()
    lost = [visitor.start("quick", name=f"lost{i}") for i in range(5)]
    installation.allow("b")
    all_completed(visitor, [*held, *lost], 40)

    installation.broker.start()
    after = [visitor.start("quick", name=f"after{i}") for i in range(5)]
    all_completed(visitor, after, 60)
    assert all(n == 1 for n in Counter(name for _, name, _ in installation.effects("quick")).values())
    assert len(installation.effects("waits")) == 2


@pytest.mark.parametrize("shape", ["own", "prefork"])
def test_a_killed_process_is_replaced_and_its_sessions_go_on_at_once(installation: Fleet, shape: str) -> None:
    _, visitor = installation.api()
    _ = installation.workers(2) if shape == "own" else installation.ready(installation.celery("prefork", 2))
    session = visitor.start("waits", name="a")
    pid = int(installation.wait_for_effect("waits", "a")[0][2])
    if shape == "own":
        visitor.start("waits", name="b")
        installation.wait_for_effect("waits", "b")
    wait_until(lambda: len(installation.alive_workers()) == 2, 20, "both workers")
    os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    installation.wait_for_effect("waits", "a", count=2, within=LEASE)
    assert time.monotonic() - killed < LEASE / 2, "not by the lease"
    installation.allow("a")
    shown = visitor.wait_for(session, "completed", within=20)
    assert shown["attempt"] == 1
    assert shown["result"] != pid
    assert len(installation.effects("once", "a")) == 1
    wait_until(lambda: len(installation.alive_workers()) == 2, 20, "a new worker")


def test_a_killed_celery_worker_leaves_no_process_and_its_sessions_go_on_within_the_lease(
    installation: Fleet,
) -> None:
    _, visitor = installation.api()
    doomed = installation.celery("prefork", 2)
    session = visitor.start("waits", name="a")
    installation.wait_for_effect("waits", "a")
    family = [doomed.pid, *(c.pid for c in psutil.Process(doomed.pid).children(recursive=True))]
    heir = installation.ready(installation.celery("threads"))
    doomed.signal(signal.SIGKILL)
    killed = time.monotonic()
    wait_until(lambda: not set(family) & set(installation.alive_processes()), 5, "the end of its children")
    installation.allow("a")
    shown = visitor.wait_for(session, "completed", within=LEASE + 15)
    assert time.monotonic() - killed <= LEASE + 5
    assert (shown["result"], shown["attempt"]) == (heir.pid, 1)


@every_pool
def test_term_releases_sessions_unspent_and_another_worker_continues(installation: Fleet, pool: str) -> None:
    _, visitor = installation.api()
    first = installation.ready(installation.celery(pool))
    session = visitor.start("waits", name="a")
    installation.wait_for_effect("waits", "a")
    first.signal(signal.SIGTERM)
    assert first.wait(15) == 0
    assert visitor.snapshot(session)["status"] == "pending"
    assert not installation.alive_workers()
    installation.celery(pool)
    installation.wait_for_effect("waits", "a", count=2)
    installation.allow("a")
    assert visitor.wait_for(session, "completed", within=20)["attempt"] == 1
    assert len(installation.effects("once", "a")) == 1


@pytest.mark.parametrize("shape", ["own", "threads", "prefork"])
def test_the_second_term_stops_at_once(tmp_path: Path, redis_server: RedisServer, shape: str) -> None:
    with Fleet(tmp_path, redis_server, ANALYSIS_SHUTDOWN_GRACE="120") as installation:
        _, visitor = installation.api()
        worker = installation.workers(1) if shape == "own" else installation.ready(installation.celery(shape))
        session = visitor.start("waits", name="a")
        installation.wait_for_effect("waits", "a")
        worker.signal(signal.SIGTERM)
        stopping = "is stopping" if shape == "own" else "Warm shutdown"
        wait_until(lambda: stopping in worker.log, 10, "the first")
        refused = visitor.start("quick", name="b")
        worker.signal(signal.SIGTERM)
        assert worker.wait(15) == 0
        assert visitor.snapshot(session)["status"] == "pending"
        assert visitor.snapshot(refused)["status"] == "pending"
        assert visitor.snapshot(session)["attempt"] == 0


def test_larger_priority_goes_first(installation: Fleet) -> None:
    _, visitor = installation.api()
    installation.workers(1, "--concurrency", "1")
    visitor.start("waits", name="a")
    installation.wait_for_effect("waits", "a")
    low = [visitor.start("quick", name=f"low{i}") for i in range(3)]
    high = visitor.start("urgent", name="high")
    wait_until(lambda: installation.waiting_messages() == 3, 10, "messages")
    installation.allow("a")
    all_completed(visitor, [*low, high], 20)
    order = [line[0] for line in installation.effects() if line[0] in {"quick", "urgent"}]
    assert order == ["urgent", "quick", "quick", "quick"]


def test_without_a_broker_the_celery_command_says_what_is_missing(tmp_path: Path) -> None:
    with Installation(tmp_path, SOURCE) as installation:
        worker = installation.celery("threads")
        assert worker.wait(30) != 0
        assert "QUEUE_CONNECTION is 'database', so Celery has no broker to listen to." in worker.log


def test_a_pool_that_does_not_fit_is_refused(installation: Fleet) -> None:
    worker = installation.celery("solo")
    assert worker.wait(30) != 0
    assert "Outlast supports the pools prefork and threads" in worker.log
