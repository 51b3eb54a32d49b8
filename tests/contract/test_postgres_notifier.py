"""The notifier through PostgreSQL keeps the contract, with LISTEN and without."""

import pytest

from outlast.backends.postgres.notifier import PostgresNotifier
from outlast.testing.notifier_contract import NotifierContract


class TestPostgresNotifier(NotifierContract):
    @pytest.fixture(params=[True, False], ids=["listening", "looking"])
    async def notifiers(self, postgres_url, request):
        one, other = (PostgresNotifier(postgres_url, listen=request.param) for _ in range(2))
        await one.open()
        await other.open()
        yield one, other
        await one.close()
        await other.close()
