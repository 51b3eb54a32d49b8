"""What holds for every test: quick ones first, and no browser test goes missing where tests decide."""

import asyncio
import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

import run_guard
import servers
from servers import RedisServer, fresh_database, shared_postgres, template_database

settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of this run's PostgreSQL, for making databases on."""
    return shared_postgres(_folder_of_the_run(tmp_path_factory))


@pytest.fixture(scope="session")
def migrated_database(postgres_server: str) -> str:
    """The name of a database with the current schema, to copy from."""
    name = "migrated"
    template_database(postgres_server, name, lambda url: asyncio.run(_migrate(url)))
    return name


@pytest.fixture
def postgres_url(postgres_server: str, migrated_database: str) -> Generator[str]:
    """The address of a database of the test's own, with the current schema."""
    with fresh_database(postgres_server, migrated_database) as url:
        yield url


async def _migrate(url: str) -> None:
    from outlast.backends.clock import SystemClock
    from outlast.backends.postgres.store import PostgresStore

    store = PostgresStore(url, SystemClock())
    await store.open(migrate=True)
    await store.close()


@pytest.fixture(scope="session")
def _redis() -> Generator[RedisServer]:
    server = RedisServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(_redis: RedisServer) -> str:
    """The address of an empty Redis, shared with the other tests of this process, one after the other."""
    _redis.ask("FLUSHALL")
    return _redis.url


@pytest.fixture
def redis_server() -> Generator[RedisServer]:
    """A Redis of the test's own, to be killed and paused."""
    server = RedisServer()
    server.start()
    yield server
    server.stop()


def _folder_of_the_run(factory: pytest.TempPathFactory) -> Path:
    folder = factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


def pytest_configure() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        run_guard.start()


def pytest_xdist_auto_num_workers() -> int:
    """One more than cores: the slow half waits most of its time, for leases, limits and other processes."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores + 1


def pytest_itemcollected(item: pytest.Item) -> None:
    """Whatever meets a PostgreSQL or starts processes by its parameters is of the slow half."""
    chosen = item.callspec.params.values() if hasattr(item, "callspec") else ()
    asks = "postgres_server" in getattr(item, "fixturenames", ())
    if asks or any(value in {"postgres", "process"} for value in chosen if isinstance(value, str)):
        item.add_marker("slow")


def pytest_runtest_setup(item: pytest.Item) -> None:
    servers.IN_A_QUICK_TEST = item.get_closest_marker("slow") is None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Quick ones, long ones, the others; within each part the order stays random."""
    items.sort(key=_part)


def _part(item: pytest.Item) -> int:
    if item.get_closest_marker("slow") is None:
        return 0
    return 1 if item.get_closest_marker("long") else 2


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skipped browser test is a failed one."""
    report = yield
    if report.skipped and os.environ.get("CI") and item.get_closest_marker("browser"):
        report.outcome = "failed"
        report.longrepr = f"CI has to have a browser, and this test was skipped: {report.longrepr}"
    return report
