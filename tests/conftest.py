"""Fixtures for all tests; quick tests run first, and CI fails if a browser test is skipped."""

import asyncio
import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

import run_guard
import servers
from servers import RedisServer, fresh_database, shared_postgres, template_database

settings.register_profile("untimed", deadline=None)  # a busy machine must not fail a test
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the address of this run's PostgreSQL, to create databases on."""
    return shared_postgres(_folder_of_the_run(tmp_path_factory))


@pytest.fixture(scope="session")
def migrated_database(postgres_server: str) -> str:
    """Return the name of a template database with the current schema."""
    name = "migrated"
    template_database(postgres_server, name, lambda url: asyncio.run(_migrate(url)))
    return name


@pytest.fixture
def postgres_url(postgres_server: str, migrated_database: str) -> Generator[str]:
    """Return the address of a database for one test, with the current schema."""
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
    """Return the address of an empty Redis, which the tests of this process share in turn."""
    _redis.ask("FLUSHALL")
    return _redis.url


@pytest.fixture
def redis_server() -> Generator[RedisServer]:
    """Return a Redis for one test, which it may kill and pause."""
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
        memory = servers.folder_in_memory()
        if memory and not os.statvfs(memory).f_flag & os.ST_NOEXEC:  # tests run programs there
            os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two more than cores: the slow half waits much of its time, for leases, limits and other processes.

    The quick half waits less, and each worker begins with seconds of imports.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores + 1 if config.option.markexpr == "not slow" else cores + 2


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark tests as slow whose parameters use PostgreSQL or start processes."""
    chosen = item.callspec.params.values() if hasattr(item, "callspec") else ()
    uses_postgres = "postgres_server" in getattr(item, "fixturenames", ())
    if uses_postgres or any(value in {"postgres", "process"} for value in chosen if isinstance(value, str)):
        item.add_marker("slow")


def pytest_runtest_setup(item: pytest.Item) -> None:
    servers.IN_A_QUICK_TEST = item.get_closest_marker("slow") is None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run quick tests first, then long ones, then the others; each part in random order."""
    items.sort(key=_part)


def _part(item: pytest.Item) -> int:
    if item.get_closest_marker("slow") is None:
        return 0
    return 1 if item.get_closest_marker("long") else 2


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Report a skipped browser test as failed in CI."""
    report = yield
    if report.skipped and os.environ.get("CI") and item.get_closest_marker("browser"):
        report.outcome = "failed"
        report.longrepr = f"CI has to have a browser, and this test was skipped: {report.longrepr}"
    return report
