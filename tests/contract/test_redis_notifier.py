"""The notifier through Redis keeps the contract."""

import pytest

from outlast.backends.redis.notifier import RedisNotifier
from outlast.testing.notifier_contract import NotifierContract


class TestRedisNotifier(NotifierContract):
    @pytest.fixture
    async def notifiers(self, redis_url):
        one, other = RedisNotifier(redis_url, "here"), RedisNotifier(redis_url, "here")
        await one.open()
        await other.open()
        yield one, other
        await one.close()
        await other.close()
