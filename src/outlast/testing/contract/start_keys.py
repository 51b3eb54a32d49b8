"""Contract: of all requests with one start key, one holds it at a time until it is settled."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio
from datetime import timedelta

from outlast.ports.start_keys import HOLD_START_KEY, KEEP_START_KEY, StartKey
from outlast.ports.store import Store
from outlast.testing.acts import OWNER
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures

MINE, ANOTHERS = "a" * 26, "b" * 26


class StartKeyContract(StoreFixtures):
    """`StartKeys`."""

    async def test_a_key_is_held_by_one_request_under_any_race(self, store: Store) -> None:
        taken = await asyncio.gather(*(store.take_start_key(OWNER, "key", "body", str(n) * 26) for n in range(8)))
        holder = [key for key in taken if key.held]
        assert len(holder) == 1
        assert {key.session_id for key in taken} == {holder[0].session_id}
        assert not any(key.settled for key in taken)

    async def test_a_settled_key_returns_its_session(self, store: Store) -> None:
        await store.take_start_key(OWNER, "key", "body", MINE)
        await store.settle_start_key(OWNER, "key", ANOTHERS)
        again = await store.take_start_key(OWNER, "key", "other body", MINE)
        assert again == StartKey(ANOTHERS, "body", held=False, settled=True)
        await store.release_start_key(OWNER, "key")
        assert (await store.take_start_key(OWNER, "key", "body", MINE)).settled

    async def test_keys_of_other_owners_and_other_keys_are_separate(self, store: Store) -> None:
        await store.take_start_key(OWNER, "key", "body", MINE)
        assert (await store.take_start_key("somebody else", "key", "body", ANOTHERS)).held
        assert (await store.take_start_key(OWNER, "other key", "body", ANOTHERS)).held

    async def test_a_released_key_is_new(self, store: Store) -> None:
        await store.take_start_key(OWNER, "key", "body", MINE)
        await store.release_start_key(OWNER, "key")
        again = await store.take_start_key(OWNER, "key", "other body", ANOTHERS)
        assert again == StartKey(ANOTHERS, "other body", held=True)

    async def test_a_key_whose_holder_has_vanished_keeps_its_session(self, store: Store, clock: FakeClock) -> None:
        await store.take_start_key(OWNER, "key", "body", MINE)
        clock.advance(HOLD_START_KEY + 1)
        assert not (await store.take_start_key(OWNER, "key", "other body", ANOTHERS)).held
        assert await store.take_start_key(OWNER, "key", "body", ANOTHERS) == StartKey(MINE, "body", held=True)
        assert not (await store.take_start_key(OWNER, "key", "body", ANOTHERS)).held

    async def test_an_expired_key_is_new_and_is_deleted(self, store: Store, clock: FakeClock) -> None:
        await store.take_start_key(OWNER, "key", "body", MINE)
        await store.settle_start_key(OWNER, "key", MINE)
        clock.advance(KEEP_START_KEY + 1)
        long_ago = clock.now() - timedelta(days=9)
        await store.prune(
            sessions_before=long_ago, results_before=long_ago, uploads_before=long_ago, dry_run=False
        )
        assert (await store.take_start_key(OWNER, "key", "other body", ANOTHERS)).session_id == ANOTHERS
        clock.advance(KEEP_START_KEY + 1)
        assert (await store.take_start_key(OWNER, "key", "body", MINE)).session_id == MINE
