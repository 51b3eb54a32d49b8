"""The notifier of an installation on PostgreSQL, and the error if its package is missing."""

import sys

import pytest

from outlast.backends.factories import shared_notifier
from outlast.backends.postgres.notifier import PostgresNotifier
from outlast.backends.redis.notifier import RedisNotifier
from outlast.domain.errors import PackageMissing

DATABASE, REDIS = "postgresql://db.invalid/outlast", "redis://redis.invalid"


def test_redis_carries_wake_ups_if_configured_and_otherwise_postgres():
    assert isinstance(shared_notifier(DATABASE, REDIS, "here", listen=True), RedisNotifier)
    assert isinstance(shared_notifier(DATABASE, None, "here", listen=True), PostgresNotifier)


@pytest.mark.parametrize(
    ("redis", "package", "room", "said"),
    [
        (REDIS, "redis.asyncio", "redis", r"REDIS_URL needs .*: pip install 'outlast\[redis\]'"),
        (None, "psycopg", "postgres", r"DATABASE_URL=postgresql://… needs .*: pip install 'outlast\[postgres\]'"),
    ],
)
def test_a_missing_package_is_reported_with_its_install_command(monkeypatch, redis, package, room, said):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"outlast.backends.{room}.notifier")
    with pytest.raises(PackageMissing, match=said):
        shared_notifier(DATABASE, redis, "here", listen=True)
