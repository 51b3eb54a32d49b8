"""Contract: API keys are found by the hash of their secret, and stay listed once they are revoked."""

# ruff: noqa: S101 - a contract suite consists of assertions

from dataclasses import replace
from datetime import timedelta
from typing import Any

from outlast.ports.api_keys import ApiKey
from outlast.ports.store import Store
from outlast.testing.clock import NOON, FakeClock
from outlast.testing.contract.fixtures import StoreFixtures


def _key(name: str, **changes: Any) -> ApiKey:
    return replace(
        ApiKey(f"id of {name}", name, f"key:{name}", frozenset({"read", "start"}), created_at=NOON), **changes
    )


class ApiKeyContract(StoreFixtures):
    """`ApiKeys`."""

    async def test_a_key_is_found_by_its_hash(self, store: Store) -> None:
        key = _key("billing", expires_at=NOON + timedelta(days=90))
        await store.add_api_key(key, "hash")
        assert await store.find_api_key("hash") == key
        assert await store.find_api_key("another") is None

    async def test_keys_are_listed_the_newest_first(self, store: Store) -> None:
        older, newer = _key("older"), _key("newer", created_at=NOON + timedelta(hours=1), scopes=frozenset[str]())
        await store.add_api_key(older, "1")
        await store.add_api_key(newer, "2")
        assert list(await store.api_keys()) == [newer, older]

    async def test_a_key_is_revoked_once_and_stays_listed(self, store: Store, clock: FakeClock) -> None:
        key = _key("billing")
        await store.add_api_key(key, "hash")
        assert await store.revoke_api_key(key.id)
        revoked = await store.find_api_key("hash")
        assert revoked is not None
        assert revoked.revoked_at is not None
        assert not revoked.valid(clock.now())
        clock.advance(60)
        assert await store.revoke_api_key(key.id)
        assert await store.find_api_key("hash") == revoked
        assert not await store.revoke_api_key("another")
