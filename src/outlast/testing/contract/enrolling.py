"""Contract: a store refuses processes whose keys differ from the enrolled ones."""

# ruff: noqa: S101 - a contract suite consists of assertions

import asyncio

from outlast.ports.store import Store
from outlast.testing.contract.fixtures import StoreFixtures


class EnrolContract(StoreFixtures):
    """`enrol`."""

    async def test_the_first_key_is_taken_as_it_comes_and_again(self, store: Store) -> None:
        assert await store.enrol(["a"])
        assert await store.enrol(["a"])

    async def test_another_key_is_refused_and_stays_unknown(self, store: Store) -> None:
        await store.enrol(["a"])
        assert not await store.enrol(["b", "c"])
        assert not await store.enrol(["b"])
        assert not await store.enrol(["c"])
        assert await store.enrol(["a"])

    async def test_a_new_key_is_enrolled_with_one_that_is_enrolled(self, store: Store) -> None:
        await store.enrol(["old"])
        assert await store.enrol(["new", "old"])
        assert await store.enrol(["new"])
        assert await store.enrol(["old"])  # machines that have not been told yet

    async def test_only_the_key_that_signs_is_enrolled(self, store: Store) -> None:
        await store.enrol(["signs", "accepted"])
        assert not await store.enrol(["accepted"])

    async def test_of_two_concurrent_first_keys_one_is_refused(self, store: Store) -> None:
        answers = await asyncio.gather(*(store.enrol([f"key {number}"]) for number in range(5)))
        assert sum(answers) == 1
