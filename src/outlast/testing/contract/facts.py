"""Contract: facts are stored until they expire, and spaces are separate."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio
from datetime import datetime, timedelta

from outlast.ports.facts import StoredFact
from outlast.ports.store import Store
from outlast.testing.clock import FakeClock
from outlast.testing.contract.fixtures import StoreFixtures


def _fact(key: str, value: str = "1", item: str = "") -> StoredFact:
    return StoredFact(key, item, value)


def _hour(clock: FakeClock) -> datetime:
    return clock.now() + timedelta(hours=1)


class FactContract(StoreFixtures):
    """`FactStore`."""

    async def test_facts_are_recalled_by_key_ordered_by_item(self, store: Store, clock: FakeClock) -> None:
        facts = [_fact("a", '{"n":"naïve \\u0000"}', "2"), _fact("a", "1", "1"), _fact("b"), _fact("c")]
        await store.remember("seen", facts, until=_hour(clock))
        found = await store.recall("seen", ["a", "b", "nothing", "a"])
        assert {key: list(kept) for key, kept in found.items()} == {"a": [facts[1], facts[0]], "b": [facts[2]]}

    async def test_a_later_fact_takes_the_place_of_an_earlier_one(self, store: Store, clock: FakeClock) -> None:
        await store.remember("seen", [_fact("a", "1"), _fact("a", "2")], until=_hour(clock))
        await store.remember("seen", [_fact("a", "3"), _fact("a", "4", "other")], until=_hour(clock))
        assert [f.value for f in (await store.recall("seen", ["a"]))["a"]] == ["3", "4"]

    async def test_spaces_are_separate(self, store: Store, clock: FakeClock) -> None:
        await store.remember("one", [_fact("a")], until=_hour(clock))
        assert await store.recall("other", ["a"]) == {}
        await store.forget("other", ["a"])
        assert await store.recall("one", ["a"])

    async def test_forgotten_facts_are_deleted(self, store: Store, clock: FakeClock) -> None:
        await store.remember("seen", [_fact("a"), _fact("a", "1", "x"), _fact("b")], until=_hour(clock))
        await store.forget("seen", ["a", "nothing"])
        assert set(await store.recall("seen", ["a", "b"])) == {"b"}

    async def test_one_of_many_at_once_takes_the_facts_of_a_key(self, store: Store, clock: FakeClock) -> None:
        facts = [_fact("a", "1", "x"), _fact("a", "2", "y")]
        await store.remember("seen", [*facts[::-1], _fact("b")], until=_hour(clock))
        taken = await asyncio.gather(*(store.take("seen", "a") for _ in range(8)))
        assert sorted(map(list, taken), key=len) == [[]] * 7 + [facts]
        assert list(await store.take("seen", "nothing")) == []
        assert list(await store.take("other", "b")) == []
        assert set(await store.recall("seen", ["a", "b"])) == {"b"}
        clock.advance(3_600)
        assert list(await store.take("seen", "b")) == []

    async def test_an_expired_fact_is_not_recalled_and_is_deleted(self, store: Store, clock: FakeClock) -> None:
        await store.remember("seen", [_fact("a")], until=_hour(clock))
        await store.remember("seen", [_fact("b")], until=_hour(clock) + timedelta(hours=1))
        clock.advance(3_600)
        assert set(await store.recall("seen", ["a", "b"])) == {"b"}
        long_ago = clock.now() - timedelta(days=9)
        for dry_run in (True, False):
            pruned = await store.prune(
                sessions_before=long_ago, results_before=long_ago, uploads_before=long_ago, dry_run=dry_run
            )
            assert pruned.facts == 1
        assert set(await store.recall("seen", ["a", "b"])) == {"b"}

    async def test_thousands_are_remembered_and_recalled_at_once(self, store: Store, clock: FakeClock) -> None:
        facts = [_fact(f"key {n}", str(n)) for n in range(5_000)]
        await store.remember("seen", facts, until=_hour(clock))
        found = await store.recall("seen", [f.key for f in facts])
        assert len(found) == len(facts)
